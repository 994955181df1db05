package io.murmuration.model;

import java.nio.ByteBuffer;

/**
 * Element types of safetensors files that a model's weights may have. All are widened to float32 in
 * Java: the native library can neither create nor decode bfloat16.
 */
enum ElementType {
  F32(4) {
    @Override
    void widen(ByteBuffer source, float[] target, int count) {
      source.asFloatBuffer().get(target, 0, count);
    }
  },
  F16(2) {
    @Override
    void widen(ByteBuffer source, float[] target, int count) {
      for (int i = 0; i < count; i++) {
        target[i] = halfToFloat(source.getShort(2 * i));
      }
    }
  },
  BF16(2) {
    @Override
    void widen(ByteBuffer source, float[] target, int count) {
      for (int i = 0; i < count; i++) {
        target[i] = Float.intBitsToFloat((source.getShort(2 * i) & 0xffff) << 16);
      }
    }
  };

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element. */
  int bytes() {
    return bytes;
  }

  /**
   * Widens the first {@code count} elements.
   *
   * @param source little-endian, read from index 0
   */
  abstract void widen(ByteBuffer source, float[] target, int count);

  /** IEEE 754 binary16 to binary32, exact; subnormals, infinities and NaN included. */
  static float halfToFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >> 10) & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) {
      float magnitude = fraction * 0x1p-24f;
      return sign == 0 ? magnitude : -magnitude;
    }
    int biased = exponent == 0x1f ? 0xff : exponent - 15 + 127;
    return Float.intBitsToFloat(sign | (biased << 23) | (fraction << 13));
  }
}
