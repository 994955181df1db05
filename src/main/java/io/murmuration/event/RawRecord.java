package io.murmuration.event;

/**
 * A record of the interactions topic as it was read, with its coordinates.
 *
 * <p>Equality is identity of the arrays; the arrays must not be modified.
 *
 * @param key its key or null
 * @param value its value or null
 * @param topic where it was read
 * @param partition where in the topic, from 0
 * @param offset where in the partition, from 0
 * @param timestampMillis the record's timestamp, epoch milliseconds
 * @param isBeginning whether it is no record but a word of the source: that it begins to read the
 *     partition at this offset, and no state told it to
 */
@SuppressWarnings("ArrayRecordComponent") // carried through, never compared
public record RawRecord(
    byte[] key,
    byte[] value,
    String topic,
    int partition,
    long offset,
    long timestampMillis,
    boolean isBeginning) {

  /** A record. */
  public RawRecord(
      byte[] key, byte[] value, String topic, int partition, long offset, long timestampMillis) {
    this(key, value, topic, partition, offset, timestampMillis, /* isBeginning= */ false);
  }

  /** The word that a partition is read from that offset on without a state that says so. */
  public static RawRecord beginning(String topic, int partition, long offset) {
    return new RawRecord(
        /* key= */ null,
        /* value= */ null,
        topic,
        partition,
        offset,
        /* timestampMillis= */ 0,
        /* isBeginning= */ true);
  }
}
