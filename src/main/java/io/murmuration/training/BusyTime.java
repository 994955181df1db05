package io.murmuration.training;

import java.util.function.LongSupplier;

/**
 * How much of the time work was under way on a thread of one's own: milliseconds a second, over the
 * last interval between two calls of {@link #update}. Flink's own busy time is that of the task's
 * thread, which waits while a round is trained, so that the operator that holds up everything looks
 * idle.
 *
 * <p>Thread-safe.
 */
final class BusyTime {

  private static final double MILLIS_A_SECOND = 1_000;

  private final LongSupplier nanoTime;
  private long busyNanos;
  private long updatedAt;
  private long workingSince;
  private boolean working;
  private volatile long value;

  BusyTime() {
    this(System::nanoTime);
  }

  /**
   * @param nanoTime a clock as {@link System#nanoTime}
   */
  BusyTime(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.updatedAt = nanoTime.getAsLong();
  }

  /** Work begins. */
  synchronized void begin() {
    working = true;
    workingSince = nanoTime.getAsLong();
  }

  /** Work has ended, one way or the other. */
  synchronized void end() {
    busyNanos += nanoTime.getAsLong() - workingSince;
    working = false;
  }

  /** An interval has ended. */
  synchronized void update() {
    long now = nanoTime.getAsLong();
    if (working) {
      busyNanos += now - workingSince;
      workingSince = now;
    }
    value = Math.round(MILLIS_A_SECOND * busyNanos / Math.max(1, now - updatedAt));
    busyNanos = 0;
    updatedAt = now;
  }

  /** Busy milliseconds a second of the last interval, in [0, 1000]; 0 before its end. */
  long millisPerSecond() {
    return value;
  }
}
