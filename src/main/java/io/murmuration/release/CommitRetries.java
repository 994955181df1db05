package io.murmuration.release;

import java.io.Serializable;
import java.time.Duration;

/**
 * How often a commit is tried again after trouble with the store, and how long that takes.
 *
 * <p>Flink repeats a commit {@code retries} times without pause, then fails the job. The pauses
 * double from one retry to the next and add up to {@code total}, whatever the number of retries:
 * the last one takes about half of it. The total must stay well below the checkpoint timeout, since
 * no barrier passes the committer meanwhile.
 *
 * @param retries as Flink's {@code sink.committer.retries}
 * @param total of all pauses
 * @param sleeper waits
 */
record CommitRetries(int retries, Duration total, Sleeper sleeper) implements Serializable {

  /** What jobs use. The checkpoint timeout must be at least twice the total. */
  static final CommitRetries OF_JOBS =
      new CommitRetries(PublishSink.COMMIT_RETRIES, PublishSink.COMMIT_PATIENCE, Thread::sleep);

  /** The most retries: more would not fit a pause of a nanosecond into any sensible total. */
  private static final int MOST_RETRIES = 30;

  /** Waits, interruptibly. */
  @FunctionalInterface
  interface Sleeper extends Serializable {
    void sleep(long millis) throws InterruptedException;
  }

  CommitRetries {
    if (retries < 1 || retries > MOST_RETRIES) {
      throw new IllegalArgumentException(
          "retries must be from 1 to %d but is %d".formatted(MOST_RETRIES, retries));
    }
    if (total.isNegative()) {
      throw new IllegalArgumentException("total must not be negative but is " + total);
    }
  }

  /** The pause before a retry. Further retries than there should be wait as long as the last. */
  Duration pause(int retry) {
    long shares = (1L << retries) - 1;
    long share = 1L << (Math.min(retry, retries) - 1);
    return total.multipliedBy(share).dividedBy(shares);
  }

  /**
   * Waits.
   *
   * @param retry from 1
   */
  void pauseBefore(int retry) throws InterruptedException {
    sleeper.sleep(pause(retry).toMillis());
  }
}
