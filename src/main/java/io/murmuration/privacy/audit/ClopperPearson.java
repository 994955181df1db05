package io.murmuration.privacy.audit;

import org.apache.commons.statistics.distribution.BetaDistribution;

/**
 * Exact one-sided confidence bounds for a proportion (Clopper and Pearson, Biometrika 26, 1934).
 *
 * <p>Each bound is on the wrong side of the truth with probability at most {@code significance},
 * whatever the truth is.
 */
final class ClopperPearson {

  private ClopperPearson() {}

  /**
   * A lower bound.
   *
   * @param successes in [0, trials]
   * @param trials at least 0
   */
  static double lower(int successes, int trials, double significance) {
    return successes == 0
        ? 0
        : BetaDistribution.of(successes, trials - successes + 1.0)
            .inverseCumulativeProbability(significance);
  }

  /** An upper bound. */
  static double upper(int successes, int trials, double significance) {
    return 1 - lower(trials - successes, trials, significance);
  }
}
