package io.murmuration.contribution;

import java.io.Serializable;

/**
 * How much of one user is kept: tumbling windows of public ticks, each with a bounded reservoir.
 *
 * <p>Window i holds the events of ticks [i·W, (i+1)·W). At tick t the windows (t / W) − K + 1 to t
 * / W are live, so that a pool holds at most G = g·K examples at every instant, the window that is
 * still filling included.
 *
 * @param windowTicks W, length of a window in ticks, 1 to 2⁴⁰
 * @param examplesPerWindow g, most examples kept of one user and window, at least 1
 * @param windows K, how many windows are live, at least 1; g·K is at most 2²⁰
 */
public record ContributionBounds(long windowTicks, int examplesPerWindow, int windows)
    implements Serializable {

  /** 35 years of ticks of a millisecond. */
  private static final long MAX_WINDOW_TICKS = 1L << 40;

  /**
   * The bookkeeping of a pool is read at every event: of so many examples it still is megabytes.
   */
  private static final long MAX_POOL_SIZE = 1L << 20;

  public ContributionBounds {
    if (windowTicks < 1 || windowTicks > MAX_WINDOW_TICKS) {
      throw new IllegalArgumentException(
          "a window must be 1 to 2^40 ticks long but is " + windowTicks);
    }
    if (examplesPerWindow < 1) {
      throw new IllegalArgumentException(
          "a window must keep at least 1 example but keeps " + examplesPerWindow);
    }
    if (windows < 1) {
      throw new IllegalArgumentException("at least 1 window must be live but " + windows + " are");
    }
    if ((long) examplesPerWindow * windows > MAX_POOL_SIZE) {
      throw new IllegalArgumentException(
          "a pool must hold at most 2^20 examples but %d windows of %d hold more; lower one of them"
              .formatted(windows, examplesPerWindow));
    }
  }

  /** G = g·K: no live pool is ever larger. */
  public int poolSize() {
    return examplesPerWindow * windows;
  }

  /** The window that a tick belongs to. */
  public long windowOf(long tick) {
    return Math.floorDiv(tick, windowTicks);
  }

  /** Whether a window's examples may be sampled at {@code tick}, whatever has been cleaned up. */
  public boolean isLive(long window, long tick) {
    return window > windowOf(tick) - windows;
  }

  /** The first tick at which a window is no longer live; saturates. */
  public long expiryOf(long window) {
    long last = Long.MAX_VALUE / windowTicks - windows;
    return window >= last ? Long.MAX_VALUE - 1 : (window + windows) * windowTicks;
  }

  /**
   * These bounds with a pool of at most {@code groupSize}, as an ELS mechanism with that G demands.
   *
   * @throws IllegalArgumentException when not even one example a window would fit
   */
  public ContributionBounds cutTo(int groupSize) {
    if (groupSize >= poolSize()) {
      return this;
    }
    if (groupSize < windows) {
      throw new IllegalArgumentException(
          "example-level sampling with group size %d needs at most so many live windows but %d are configured; lower the windows or open a phase with a larger group size"
              .formatted(groupSize, windows));
    }
    return new ContributionBounds(windowTicks, groupSize / windows, windows);
  }
}
