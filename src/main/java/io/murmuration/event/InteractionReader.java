package io.murmuration.event;

import static io.murmuration.event.RejectionReason.EMPTY_USER_ID;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** Turns raw records into events, or says why not: decoding and rules together. Not thread-safe. */
public final class InteractionReader {

  private final InteractionRules rules;
  private final ValueDecoder decoder;

  /**
   * Reads values of a format, under the given rules.
   *
   * @throws UncheckedIOException if a file that the format needs cannot be read
   */
  public InteractionReader(InteractionRules rules, EventFormat format) {
    this.rules = Objects.requireNonNull(rules, "rules");
    try {
      this.decoder = format.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  /**
   * Reads one record. A null value is a tombstone: it erases the user whose id is the key.
   *
   * @throws RejectedRecordException for every record that breaks a rule, whatever the bytes are
   * @throws IOException if the record can be read only when something that is away is back
   * @throws InterruptedException if the thread is interrupted while it waits for that
   */
  public UserEvent read(RawRecord record)
      throws RejectedRecordException, IOException, InterruptedException {
    rules.checkRaw(record);
    if (record.value() != null) {
      return rules.checked(decoder.decode(record.value()), record.key());
    }
    String userId = InteractionCodec.strictUtf8(ByteBuffer.wrap(record.key()), "the key");
    if (userId.isEmpty()) {
      throw new RejectedRecordException(EMPTY_USER_ID, "the key of a tombstone must not be empty");
    }
    return UserEvent.erasure(userId, "", record.timestampMillis());
  }
}
