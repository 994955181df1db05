package io.murmuration.privacy.audit;

import org.apache.commons.statistics.distribution.BinomialDistribution;

/**
 * A lower bound on ε from the guesses of one run (Steinke, Nasr and Jagielski, "Privacy Auditing
 * with One (1) Training Run", arXiv 2305.08846, Theorem 5.2 and Appendix D).
 *
 * <p><b>Formal guarantee.</b> If the run is (ε, δ)-differentially private under add or remove of
 * one canary, the probability of v or more right guesses is at most {@link #pValue}. Nothing else
 * is assumed: canaries may depend on each other through the run. So {@link #epsilon} exceeds the
 * true ε in at most a share {@code significance} of runs.
 *
 * <p>It is weak: it holds for every mechanism of that (ε, δ), also for those that leak more evenly
 * than a Gaussian does.
 */
public final class SteinkeBound {

  /** Beyond this ε a guess is certain in double precision. */
  private static final double LARGEST_EPSILON = 100;

  private SteinkeBound() {}

  /**
   * At most this is the probability of as many right guesses, or more, under (ε, δ):
   *
   * <pre>β + 2mδ·maxᵢ (P[Bin(r, e^ε/(1 + e^ε)) ≥ v − i] − β)/i,   β = P[Bin(r, e^ε/(1 + e^ε)) ≥ v]
   * </pre>
   *
   * @param epsilon the claim, ≥ 0
   * @param delta its δ in [0, 1)
   * @return in [0, 1]; not decreasing in ε and δ
   */
  public static double pValue(Guesses guesses, double epsilon, double delta) {
    double accuracy = 1 / (1 + Math.exp(-Levels.epsilon(epsilon)));
    Levels.delta(delta);
    int v = guesses.correct();
    BinomialDistribution right = BinomialDistribution.of(guesses.guesses(), accuracy);
    double beta = v == 0 ? 1 : right.survivalProbability(v - 1);
    double below = 0;
    double slope = 0;
    for (int i = 1; delta > 0 && i <= v; i++) {
      below += right.probability(v - i);
      slope = Math.max(slope, below / i);
    }
    return Math.min(1, beta + 2 * guesses.canaries() * delta * slope);
  }

  /**
   * The largest ε that the guesses falsify.
   *
   * @param delta δ in [0, 1) for which ε is asked
   * @param significance the share of runs, at most, in which the answer exceeds the true ε
   * @return at least 0
   */
  public static double epsilon(Guesses guesses, double delta, double significance) {
    Levels.significance(significance);
    return MonotoneSearch.largest(
        epsilon -> pValue(guesses, epsilon, delta) < significance, LARGEST_EPSILON);
  }
}
