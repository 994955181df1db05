package io.murmuration.event;

import java.nio.charset.StandardCharsets;

/** Raw records as the tests send them. */
public final class RawRecords {

  private RawRecords() {}

  static RawRecord record(byte[] key, byte[] value) {
    return new RawRecord(key, value, "interactions", 3, 42, 1_700_000_000_000L);
  }

  /** The event as a topic would hold it. */
  public static RawRecord of(UserEvent event) {
    return record(utf8(event.userId()), InteractionCodec.encode(event));
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
