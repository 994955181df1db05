package io.murmuration.event;

import static io.murmuration.event.RejectionReason.EMPTY_USER_ID;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.apache.avro.Schema;

/** Turns raw records into events, or says why not: decoding and rules together. Not thread-safe. */
public final class InteractionReader {

  private final InteractionRules rules;
  private final InteractionCodec codec;

  /** Reads what the given schemas wrote, under the given rules. */
  public InteractionReader(InteractionRules rules, List<Schema> writerSchemas) {
    this.rules = Objects.requireNonNull(rules, "rules");
    this.codec = new InteractionCodec(writerSchemas);
  }

  /**
   * Reads one record. A null value is a tombstone: it erases the user whose id is the key.
   *
   * @throws RejectedRecordException for every record that breaks a rule; nothing else is thrown,
   *     whatever the bytes are
   */
  public UserEvent read(RawRecord record) throws RejectedRecordException {
    rules.checkRaw(record);
    if (record.value() != null) {
      return rules.checked(codec.decode(record.value()), record.key());
    }
    String userId = InteractionCodec.strictUtf8(ByteBuffer.wrap(record.key()), "the key");
    if (userId.isEmpty()) {
      throw new RejectedRecordException(EMPTY_USER_ID, "the key of a tombstone must not be empty");
    }
    return UserEvent.erasure(userId, "", record.timestampMillis());
  }
}
