package io.murmuration.privacy.audit;

import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * μ-Gaussian differential privacy: telling N(μ, 1) from N(0, 1) (arXiv 1905.02383, definition 4 and
 * corollary 1).
 *
 * @param mu μ ≥ 0 and finite
 */
public record GaussianTradeOff(double mu) implements TradeOff {

  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  /** A μ beyond this is told apart with certainty in double precision. */
  static final double LARGEST_MU = 70;

  public GaussianTradeOff {
    if (!(mu >= 0 && mu < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("mu must be at least 0 and finite but is " + mu);
    }
  }

  /**
   * The one that has this δ at this ε, and so claims more than (ε, δ) does: a curve through one
   * point. That the mechanism has this curve is an assumption.
   *
   * @param epsilon ε ≥ 0
   * @param delta δ in (0, 1)
   */
  public static GaussianTradeOff of(double epsilon, double delta) {
    Levels.epsilon(epsilon);
    Levels.positiveDelta(delta);
    return new GaussianTradeOff(
        MonotoneSearch.largest(mu -> new GaussianTradeOff(mu).delta(epsilon) <= delta, LARGEST_MU));
  }

  @Override
  public double inverseBlowUp(double x) {
    if (x <= 0) {
      return 0;
    }
    return x >= 1 ? 1 : NORMAL.cumulativeProbability(NORMAL.inverseCumulativeProbability(x) - mu);
  }

  /**
   * δ(ε) = Φ(−ε/μ + μ/2) − e^ε·Φ(−ε/μ − μ/2).
   *
   * @param epsilon ε ≥ 0
   */
  public double delta(double epsilon) {
    Levels.epsilon(epsilon);
    if (mu == 0) {
      return 0;
    }
    double above = NORMAL.survivalProbability(epsilon / mu - mu / 2);
    double below = NORMAL.survivalProbability(epsilon / mu + mu / 2);
    // e^ε may overflow where the tail has long vanished
    return Math.max(0, above - (below == 0 ? 0 : Math.exp(epsilon + Math.log(below))));
  }

  /**
   * The smallest ε at which δ(ε) is at most this, to within 1e-9 below.
   *
   * @param delta δ in (0, 1)
   */
  public double epsilon(double delta) {
    Levels.positiveDelta(delta);
    double limit = LARGEST_MU * LARGEST_MU;
    return MonotoneSearch.largest(epsilon -> delta(epsilon) > delta, limit);
  }
}
