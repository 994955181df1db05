package io.murmuration.privacy.accounting;

/**
 * A privacy filter: decides round by round whether a mechanism, chosen after looking at all
 * releases so far, may still run, so that the whole is (ε, δ)-DP. PLD composition does not allow
 * such choices.
 *
 * <p>Guarantee: the order α is fixed beforehand, and rounds are admitted while their Rényi
 * divergences of that order sum to at most the bound that implies (ε, δ) (Feldman, Zrnic, arXiv
 * 2008.11193, Theorem 4.3). The price is that α is not optimised afterwards.
 *
 * <p>Immutable: {@link #charge} returns the filter after the round.
 *
 * @param order α, an integer in [2, 100000]
 * @param bound what the divergences may sum to, ≥ 0
 * @param spent their sum so far, in [0, bound]
 */
public record RdpFilter(int order, double bound, double spent) {

  public RdpFilter {
    Arguments.inRange("order", order, 2, 100_000);
    Arguments.inRange("bound", bound, 0, Double.MAX_VALUE);
    Arguments.inRange("spent", spent, 0, bound);
  }

  /**
   * A filter for (ε, δ) at the order that affords most rounds of a mechanism that is expected.
   *
   * @throws IllegalArgumentException if (ε, δ) affords nothing at any order
   */
  public static RdpFilter of(double epsilon, double delta, PoissonSubsampledGaussian expected) {
    Arguments.positiveEpsilon(epsilon);
    Arguments.delta(delta);
    RdpFilter best = null;
    double most = 0;
    for (int order = 2; order <= 1024; order += Math.max(1, order / 64)) {
      double bound = epsilon - Math.log1p(-1.0 / order) + Math.log(delta * order) / (order - 1);
      double rounds = bound / RdpAccountant.divergence(expected, order);
      if (bound >= 0 && (best == null || rounds > most)) {
        best = new RdpFilter(order, bound, 0);
        most = rounds;
      }
    }
    if (best == null) {
      throw new IllegalArgumentException(
          "no Rényi order up to 1024 implies epsilon "
              + epsilon
              + " at delta "
              + delta
              + ": raise epsilon or delta");
    }
    return best;
  }

  /** Whether one round of a mechanism stays within the bound. */
  public boolean admits(PoissonSubsampledGaussian mechanism) {
    return after(mechanism) <= bound;
  }

  /**
   * The filter after one round of a mechanism.
   *
   * @throws IllegalArgumentException if it is not admitted
   */
  public RdpFilter charge(PoissonSubsampledGaussian mechanism) {
    double after = after(mechanism);
    if (!(after <= bound)) {
      throw new IllegalArgumentException(
          "a round of "
              + mechanism
              + " would raise the divergence of order "
              + order
              + " to "
              + after
              + " but at most "
              + bound
              + " is allowed");
    }
    return new RdpFilter(order, bound, after);
  }

  private double after(PoissonSubsampledGaussian mechanism) {
    return Math.nextUp(spent + RdpAccountant.divergence(mechanism, order));
  }
}
