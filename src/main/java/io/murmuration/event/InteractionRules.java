package io.murmuration.event;

import static io.murmuration.event.RejectionReason.EMPTY_TEXT;
import static io.murmuration.event.RejectionReason.EMPTY_USER_ID;
import static io.murmuration.event.RejectionReason.EVENT_ID_TOO_LONG;
import static io.murmuration.event.RejectionReason.KEY_MISMATCH;
import static io.murmuration.event.RejectionReason.NO_USER_ID;
import static io.murmuration.event.RejectionReason.PROMPT_TOO_LONG;
import static io.murmuration.event.RejectionReason.RECORD_TOO_LARGE;
import static io.murmuration.event.RejectionReason.TEXT_TOO_LONG;
import static io.murmuration.event.RejectionReason.USER_ID_TOO_LONG;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a record must satisfy to enter a user's state. Each rule looks at one record alone, so that
 * no user's records decide the fate of another's.
 *
 * <p>Lengths of texts are in UTF-16 code units, those of ids in UTF-8 bytes. What is longer than a
 * {@code kept} length is shortened at ingest, without splitting a code point: a text keeps its
 * beginning, a prompt the end that leads up to the text.
 *
 * @param maxRecordBytes largest key plus value, at least 1
 * @param maxUserIdBytes longest user id, at least 1
 * @param maxTextChars longest text that is accepted, at least 1
 * @param maxPromptChars longest prompt that is accepted, at least 0
 * @param keptTextChars so much of a text is kept, 1 or more
 * @param keptPromptChars so much of a prompt is kept; 0 drops prompts
 */
public record InteractionRules(
    int maxRecordBytes,
    int maxUserIdBytes,
    int maxTextChars,
    int maxPromptChars,
    int keptTextChars,
    int keptPromptChars)
    implements Serializable {

  /** Longest event id that is accepted, in UTF-16 code units. */
  public static final int MAX_EVENT_ID_CHARS = 1024;

  /** Records up to 1 MB, ids up to 512 bytes, texts and prompts up to 64 Ki, of which 8 Ki kept. */
  public static final InteractionRules DEFAULTS =
      new InteractionRules(1_000_000, 512, 65_536, 65_536, 8_192, 8_192);

  public InteractionRules {
    requireAtLeast("maxRecordBytes", maxRecordBytes, 1);
    requireAtLeast("maxUserIdBytes", maxUserIdBytes, 1);
    requireAtLeast("maxTextChars", maxTextChars, 1);
    requireAtLeast("maxPromptChars", maxPromptChars, 0);
    requireAtLeast("keptTextChars", keptTextChars, 1);
    requireAtLeast("keptPromptChars", keptPromptChars, 0);
  }

  private static void requireAtLeast(String name, int value, int minimum) {
    if (value < minimum) {
      throw new IllegalArgumentException(
          name + " must be at least " + minimum + " but is " + value);
    }
  }

  /** These rules with other lengths kept, such as what the model's context can hold. */
  public InteractionRules keeping(int textChars, int promptChars) {
    return new InteractionRules(
        maxRecordBytes, maxUserIdBytes, maxTextChars, maxPromptChars, textChars, promptChars);
  }

  /** Checks a record before anything of it is decoded. */
  void checkRaw(RawRecord record) throws RejectedRecordException {
    long size = length(record.key()) + length(record.value());
    if (record.key() == null && record.value() == null) {
      throw new RejectedRecordException(NO_USER_ID, "neither key nor value is present");
    }
    if (record.key() != null && record.key().length > maxUserIdBytes) {
      throw new RejectedRecordException(
          USER_ID_TOO_LONG,
          "a user id may have %d bytes but the key has %d"
              .formatted(maxUserIdBytes, record.key().length));
    }
    if (size > maxRecordBytes) {
      throw new RejectedRecordException(
          RECORD_TOO_LARGE,
          "a record may have %d bytes but has %d".formatted(maxRecordBytes, size));
    }
  }

  private static long length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }

  /**
   * The event as it is kept, shortened where it must be.
   *
   * @param key the Kafka key, which must be the user id in UTF-8; null is a mismatch
   */
  UserEvent checked(UserEvent event, byte[] key) throws RejectedRecordException {
    byte[] userId = event.userId().getBytes(StandardCharsets.UTF_8);
    if (userId.length == 0) {
      throw new RejectedRecordException(EMPTY_USER_ID, "a user id must not be empty");
    }
    if (userId.length > maxUserIdBytes) {
      throw new RejectedRecordException(
          USER_ID_TOO_LONG,
          "a user id may have %d bytes but has %d".formatted(maxUserIdBytes, userId.length));
    }
    if (!Arrays.equals(userId, key)) {
      throw new RejectedRecordException(
          KEY_MISMATCH, "the Kafka key must be the user id in the value, in UTF-8");
    }
    if (event.eventId().length() > MAX_EVENT_ID_CHARS) {
      throw new RejectedRecordException(
          EVENT_ID_TOO_LONG,
          "an event id may have %d characters but has %d"
              .formatted(MAX_EVENT_ID_CHARS, event.eventId().length()));
    }
    return event.isErasure() ? event : checkedTexts(event);
  }

  private UserEvent checkedTexts(UserEvent event) throws RejectedRecordException {
    if (event.text().isBlank()) {
      throw new RejectedRecordException(EMPTY_TEXT, "a text must not be empty or blank");
    }
    if (event.text().length() > maxTextChars) {
      throw new RejectedRecordException(
          TEXT_TOO_LONG,
          "a text may have %d characters but has %d"
              .formatted(maxTextChars, event.text().length()));
    }
    String prompt = event.prompt();
    if (prompt != null && prompt.length() > maxPromptChars) {
      throw new RejectedRecordException(
          PROMPT_TOO_LONG,
          "a prompt may have %d characters but has %d".formatted(maxPromptChars, prompt.length()));
    }
    return UserEvent.interaction(
        event.userId(),
        event.eventId(),
        event.eventTimeMillis(),
        prompt == null ? null : end(prompt, keptPromptChars),
        beginning(event.text(), keptTextChars));
  }

  private static String beginning(String text, int chars) {
    if (text.length() <= chars) {
      return text;
    }
    boolean splitsAPair = Character.isSurrogatePair(text.charAt(chars - 1), text.charAt(chars));
    // a single code point of two units stays whole: an example is never empty
    return text.substring(0, splitsAPair ? (chars == 1 ? 2 : chars - 1) : chars);
  }

  private static String end(String text, int chars) {
    int start = text.length() - chars;
    if (start <= 0) {
      return text;
    }
    if (chars == 0) {
      return null;
    }
    boolean splitsAPair = Character.isSurrogatePair(text.charAt(start - 1), text.charAt(start));
    return text.substring(splitsAPair ? start + 1 : start);
  }
}
