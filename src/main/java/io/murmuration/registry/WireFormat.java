package io.murmuration.registry;

import java.nio.ByteBuffer;

/**
 * Confluent's wire format: a zero byte, the id of the writer's schema in four bytes (big-endian),
 * the body.
 */
public final class WireFormat {

  /** Length of what stands before the body. */
  public static final int HEADER_BYTES = 1 + Integer.BYTES;

  private static final byte MAGIC = 0;

  private WireFormat() {}

  /** Whether the bytes begin as this format does. */
  public static boolean isWireFormat(byte[] value) {
    return value != null && value.length >= HEADER_BYTES && value[0] == MAGIC;
  }

  /** Whether a registry may have given such an id; what else is asked for would be noise. */
  public static boolean mayBeRegistered(int schemaId) {
    return schemaId > 0;
  }

  /**
   * The id that the value names; registries give positive ones.
   *
   * @param value in this format
   */
  public static int schemaId(byte[] value) {
    return ByteBuffer.wrap(value).getInt(/* index= */ 1);
  }

  /**
   * Puts the header before a body.
   *
   * @param body holds the body from {@code offset} to its end
   */
  public static byte[] encode(int schemaId, byte[] body, int offset) {
    return ByteBuffer.allocate(HEADER_BYTES + body.length - offset)
        .put(MAGIC)
        .putInt(schemaId)
        .put(body, offset, body.length - offset)
        .array();
  }
}
