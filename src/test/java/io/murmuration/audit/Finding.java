package io.murmuration.audit;

/**
 * What one test of the battery saw.
 *
 * @param test its name
 * @param distance how far the worst statistic is from what is claimed, in standard deviations of a
 *     normal distribution of the same tail; at most {@link #FARTHEST}
 * @param limit beyond which it is an alarm
 * @param where the worst statistic, in words
 */
record Finding(String test, double distance, double limit, String where) {

  /** Farther out, tail probabilities leave double precision. */
  static final double FARTHEST = 37;

  Finding {
    distance = Double.isNaN(distance) ? FARTHEST : Math.min(FARTHEST, distance);
  }

  /** How far beyond its limit an alarm must be for another run to raise it as well. */
  private static final double SPARE = 3;

  /** Whether another run of the same pipeline would raise the alarm too. */
  boolean isNoLuck() {
    return distance > limit + SPARE;
  }

  boolean alarm() {
    return distance > limit;
  }

  @Override
  public String toString() {
    return "%s %s: %.1f of %.1f standard deviations, %s"
        .formatted(alarm() ? "ALARM" : "ok", test, distance, limit, where);
  }
}
