package io.murmuration.job;

import io.murmuration.event.InteractionCodec;
import io.murmuration.event.UserEvent;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/** Records that a topic may hold when somebody wishes the job ill, and some that are in order. */
final class HostileRecords {

  /** Key and value, either of which may be null. */
  @SuppressWarnings("ArrayRecordComponent") // sent, never compared
  record Hostile(byte[] key, byte[] value) {}

  private static final int USERS = 5_000;
  private static final int KINDS = 20;
  private static final String[] PIECES = {
    "</s>",
    "<s>",
    "<|im_end|>",
    "\u0000",
    "\u202e",
    "\u200b",
    "\ufeff",
    "🐦",
    "👩‍👩‍👧",
    "e\u0301\u0301\u0301",
    "has anyone",
    " tried ",
    "the new ",
    "\n\n",
    "\t",
    "ﷺ",
    "𝔘𝔫𝔦",
    "%s%n",
    "'; DROP TABLE",
    "\\u0000",
    "\uffff"
  };

  private final Random random;

  HostileRecords(long seed) {
    this.random = new Random(seed);
  }

  Hostile next() {
    byte[] key = utf8("u" + random.nextInt(USERS));
    return switch (random.nextInt(KINDS)) {
      case 0 -> new Hostile(key, null);
      case 1 ->
          new Hostile(key, InteractionCodec.encode(UserEvent.erasure(text(key), "e", time())));
      case 2 -> new Hostile(key, bytes(random.nextInt(300)));
      case 3 -> new Hostile(key, flipped(valid(key)));
      case 4 -> new Hostile(key, Arrays.copyOf(valid(key), random.nextInt(40)));
      case 5 -> new Hostile(utf8("somebody else"), valid(key));
      case 6 -> new Hostile(null, valid(key));
      case 7 -> new Hostile(null, null);
      case 8 -> new Hostile(new byte[0], random.nextBoolean() ? null : valid(new byte[0]));
      case 9 -> new Hostile(key, claimed(valid(key)));
      case 10 -> new Hostile(bytes(1 + random.nextInt(8)), null);
      case 11 -> new Hostile(key, encoded(key, null, " \t\n".repeat(random.nextInt(3))));
      case 12 -> new Hostile(key, encoded(key, "p".repeat(random.nextInt(40_000)), "short"));
      case 13 -> new Hostile(key, encoded(key, null, "x".repeat(random.nextInt(40_000))));
      case 14 -> {
        byte[] long1 = utf8("long".repeat(1 + random.nextInt(200)));
        yield new Hostile(long1, valid(long1));
      }
      case 15 -> new Hostile(key, notUtf8(valid(key)));
      default -> new Hostile(key, encoded(key, random.nextInt(3) == 0 ? pieces() : null, pieces()));
    };
  }

  private byte[] valid(byte[] key) {
    return encoded(key, null, pieces());
  }

  private byte[] encoded(byte[] key, String prompt, String text) {
    return InteractionCodec.encode(
        UserEvent.interaction(text(key), "e" + random.nextInt(), time(), prompt, text));
  }

  private String pieces() {
    StringBuilder text = new StringBuilder();
    for (int i = 1 + random.nextInt(12); i > 0; i--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return text.toString();
  }

  private long time() {
    return random.nextInt(4) == 0 ? random.nextLong() : random.nextInt();
  }

  private byte[] flipped(byte[] value) {
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      value[random.nextInt(value.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return value;
  }

  /** A string that claims to be longer than memory. */
  private byte[] claimed(byte[] value) {
    byte[] huge = {(byte) 0xfe, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x0f};
    ByteBuffer.wrap(value, 10, Math.min(huge.length, value.length - 10))
        .put(huge, 0, Math.min(huge.length, value.length - 10));
    return value;
  }

  private byte[] notUtf8(byte[] value) {
    value[value.length - 2] = (byte) 0xff;
    return value;
  }

  private byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] utf8) {
    return new String(utf8, StandardCharsets.UTF_8);
  }
}
