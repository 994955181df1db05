package io.murmuration.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Element types of safetensors files that a model's weights may have. All are widened to float32 in
 * Java: the native library can neither create nor decode bfloat16.
 */
enum ElementType {
  F32(4),
  F16(2),
  BF16(2);

  /** Elements that are widened at a time: the arrays stay in the first-level cache. */
  private static final int BLOCK_ELEMENTS = 2048;

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element. */
  int bytes() {
    return bytes;
  }

  /**
   * Widens elements in place. An element is at most half as wide as a float32, so a float that is
   * written never reaches an element that is still to be read.
   *
   * @param memory little-endian; its last {@code count} elements become {@code count} float32 from
   *     its position on; its remaining bytes are exactly those of the floats
   * @param count elements
   */
  void widenInPlace(ByteBuffer memory, int count) {
    if (this == F32) {
      return;
    }
    ByteBuffer stored = memory.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    stored.position(memory.limit() - count * bytes);
    var source = stored.asShortBuffer();
    var target = memory.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    short[] narrow = new short[BLOCK_ELEMENTS];
    float[] wide = new float[BLOCK_ELEMENTS];
    for (int first = 0; first < count; first += BLOCK_ELEMENTS) {
      int length = Math.min(BLOCK_ELEMENTS, count - first);
      source.get(narrow, 0, length);
      widen(narrow, wide, length);
      target.put(wide, 0, length);
    }
  }

  /** A loop of its own for each type, so that the compiler can vectorize it. */
  private void widen(short[] narrow, float[] wide, int length) {
    if (this == BF16) {
      for (int i = 0; i < length; i++) {
        wide[i] = Float.intBitsToFloat(narrow[i] << 16);
      }
    } else {
      for (int i = 0; i < length; i++) {
        wide[i] = halfToFloat(narrow[i]);
      }
    }
  }

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
