package io.murmuration.event;

/**
 * Holds back records whose decoding would wait for something that may be away, so that a source can
 * pause before them while checkpoints go on.
 */
public interface RecordGate {

  /** Whether a record can be decoded, or rejected, without waiting. Never blocks. */
  boolean isOpenFor(RawRecord record);

  /**
   * Waits until it can, for as long as it takes, and says so in the log.
   *
   * @throws InterruptedException if the thread is interrupted meanwhile
   */
  void await(RawRecord record) throws InterruptedException;

  /** Whether what was asked last is away. */
  boolean isAway();
}
