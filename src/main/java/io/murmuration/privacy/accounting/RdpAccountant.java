package io.murmuration.privacy.accounting;

import java.util.Arrays;

/**
 * Rényi differential privacy of Poisson-subsampled Gaussians, composed by addition. Looser than
 * {@link PldAccountant} and independent of it: exact moments at integer orders (Mironov, Talwar,
 * Zhang, arXiv 1908.10530, section 3.3), no grid and no FFT.
 *
 * <p>Immutable: {@link #plus} returns a new accountant.
 */
public final class RdpAccountant {

  private static final int[] ORDERS = orders();

  /** For each order α, (α − 1) times the composed Rényi divergence: the log moment. */
  private final double[] logMoments;

  private RdpAccountant(double[] logMoments) {
    this.logMoments = logMoments;
  }

  /** Nothing has run. */
  public static RdpAccountant empty() {
    return new RdpAccountant(new double[ORDERS.length]);
  }

  /** This and then so many rounds of a Poisson-subsampled Gaussian. */
  public RdpAccountant plus(PoissonSubsampledGaussian mechanism, long rounds) {
    Arguments.rounds(rounds);
    double[] sum = logMoments.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += rounds == 0 ? 0 : rounds * logMoment(mechanism, ORDERS[i]);
    }
    return new RdpAccountant(sum);
  }

  /**
   * The smallest ε ≥ 0 that the composed Rényi divergences imply (Canonne, Kamath, Steinke, arXiv
   * 2004.00010, Proposition 12): ε = ρ(α) + log(1 − 1/α) − log(δ·α)/(α − 1). Between integer orders
   * the log moment, which is convex, is bounded by its chord.
   */
  public double epsilon(double delta) {
    Arguments.delta(delta);
    if (Arrays.stream(logMoments).allMatch(moment -> moment == 0)) {
      return 0;
    }
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < ORDERS.length; i++) {
      double leftOrder = i == 0 ? 1 : ORDERS[i - 1];
      double leftMoment = i == 0 ? 0 : logMoments[i - 1];
      for (int step = 1; step <= 8; step++) {
        double share = step / 8.0;
        double order = leftOrder + share * (ORDERS[i] - leftOrder);
        double moment = leftMoment + share * (logMoments[i] - leftMoment);
        best = Math.min(best, convert(order, moment, delta));
      }
    }
    return Math.max(0, best);
  }

  private static double convert(double order, double logMoment, double delta) {
    return (logMoment - Math.log(delta) - Math.log(order)) / (order - 1) + Math.log1p(-1 / order);
  }

  /**
   * The Rényi divergence of one round, the larger of both directions (arXiv 1908.10530, Theorem 5:
   * that is P against Q).
   *
   * @param order α, an integer ≥ 2
   */
  public static double divergence(PoissonSubsampledGaussian mechanism, int order) {
    Arguments.inRange("order", order, 2, 100_000);
    return logMoment(mechanism, order) / (order - 1);
  }

  /** log Σₖ binom(α, k)·(1 − q)^(α − k)·q^k·exp(k(k − 1)/(2σ²)). */
  private static double logMoment(PoissonSubsampledGaussian mechanism, int order) {
    double q = mechanism.samplingProbability();
    double twoVariance = 2 * mechanism.noiseMultiplier() * mechanism.noiseMultiplier();
    if (q == 1) {
      return order * (order - 1.0) / twoVariance;
    }
    double[] terms = new double[order + 1];
    double logBinomial = 0;
    for (int k = 0; k <= order; k++) {
      terms[k] =
          logBinomial
              + (order - k) * Math.log1p(-q)
              + k * Math.log(q)
              + k * (k - 1.0) / twoVariance;
      logBinomial += Math.log((double) (order - k) / (k + 1));
    }
    double top = Arrays.stream(terms).max().orElseThrow();
    double sum = 0;
    for (double term : terms) {
      sum += Math.exp(term - top);
    }
    return top + Math.log(sum);
  }

  private static int[] orders() {
    int[] orders = new int[160];
    orders[0] = 2;
    for (int i = 1; i < orders.length; i++) {
      orders[i] = Math.max(orders[i - 1] + 1, (int) (orders[i - 1] * 1.03));
    }
    return orders;
  }
}
