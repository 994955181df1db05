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
 */
@SuppressWarnings("ArrayRecordComponent") // carried through, never compared
public record RawRecord(
    byte[] key, byte[] value, String topic, int partition, long offset, long timestampMillis) {}
