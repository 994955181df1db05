package io.murmuration.privacy.audit;

/** Thresholds on scores that are fixed before any score is seen. */
public final class Thresholds {

  /**
   * The number that one test looks at: few enough to pay for, dense enough to be near the best one.
   */
  public static final int COUNT = 200;

  private Thresholds() {}

  /**
   * Equally spaced thresholds for likelihood scores under a claim of ε: from −2ε to 2ε. A score is
   * a privacy loss, and losses beyond ±2ε have negligible probability where the claim holds.
   */
  public static double[] forClaim(double epsilon) {
    return equallySpaced(-2 * epsilon, 2 * epsilon, COUNT);
  }

  /** Thresholds at equal distances from low to high, both included. */
  public static double[] equallySpaced(double low, double high, int count) {
    if (!(low < high) || count < 2) {
      throw new IllegalArgumentException(
          "thresholds must be at least two from low to high but are %d from %s to %s"
              .formatted(count, low, high));
    }
    double[] thresholds = new double[count];
    for (int i = 0; i < count; i++) {
      thresholds[i] = low + (high - low) * i / (count - 1);
    }
    return thresholds;
  }
}
