package io.murmuration.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.apache.commons.codec.digest.DigestUtils;

/** Parameters as bytes, and the digest of them: float32, little-endian, in the layout's order. */
final class ParameterDigest {

  /** Parameters converted at a time. */
  private static final int BLOCK = 1 << 16;

  private ParameterDigest() {}

  /** Takes parts of the bytes. */
  interface Sink<E extends Exception> {
    void accept(byte[] bytes, int length) throws E;
  }

  /** Hands over all bytes, a block at a time; the array is used again. */
  static <E extends Exception> void forEachBlock(float[] parameters, Sink<E> sink) throws E {
    ByteBuffer block =
        ByteBuffer.allocate(Math.min(BLOCK, parameters.length) * Float.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int from = 0; from < parameters.length; from += BLOCK) {
      int count = Math.min(BLOCK, parameters.length - from);
      block.asFloatBuffer().put(parameters, from, count);
      sink.accept(block.array(), count * Float.BYTES);
    }
  }

  /** SHA-256, lower-case hexadecimal. */
  static String of(float[] parameters) {
    MessageDigest sha256 = DigestUtils.getSha256Digest();
    forEachBlock(parameters, (bytes, length) -> sha256.update(bytes, 0, length));
    return HexFormat.of().formatHex(sha256.digest());
  }
}
