package io.murmuration.privacy.audit;

import io.murmuration.privacy.accounting.GaussianMechanism;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.MixtureOfGaussians;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import org.apache.commons.statistics.distribution.BinomialDistribution;

/**
 * The privacy loss of one round of a mechanism: by Neyman and Pearson no score of what a round
 * shows of one user tells better whether the user is there.
 *
 * <p>For a user whose units each add 1 to a coordinate of their own, and noise N(0, σ²) on it,
 *
 * <pre>log Σₖ P[k units]·exp((2ky − k²) / 2σ²).</pre>
 *
 * Losses of rounds add up.
 */
public final class LikelihoodScore {

  private final double[] logProbabilities;
  private final double variance;

  private LikelihoodScore(double[] probabilities, double noiseMultiplier) {
    logProbabilities = new double[probabilities.length];
    for (int k = 0; k < probabilities.length; k++) {
      logProbabilities[k] = Math.log(probabilities[k]);
    }
    variance = noiseMultiplier * noiseMultiplier;
  }

  /** The score of a round of this mechanism. */
  public static LikelihoodScore of(Mechanism mechanism) {
    if (mechanism instanceof GaussianMechanism) {
      return new LikelihoodScore(new double[] {0, 1}, mechanism.noiseMultiplier());
    }
    if (mechanism instanceof PoissonSubsampledGaussian uls) {
      double q = uls.samplingProbability();
      return new LikelihoodScore(new double[] {1 - q, q}, mechanism.noiseMultiplier());
    }
    if (mechanism instanceof MixtureOfGaussians els) {
      BinomialDistribution units =
          BinomialDistribution.of(els.maxUnitsPerUser(), els.samplingProbability());
      double[] probabilities = new double[els.maxUnitsPerUser() + 1];
      for (int k = 0; k < probabilities.length; k++) {
        probabilities[k] = units.probability(k);
      }
      return new LikelihoodScore(probabilities, mechanism.noiseMultiplier());
    }
    throw new IllegalArgumentException("there is no score for " + mechanism);
  }

  /**
   * The score of one round.
   *
   * @param coordinate the user's coordinate of the noisy sum, in units of the round's clip norm
   */
  public double of(double coordinate) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < logProbabilities.length; k++) {
      largest = Math.max(largest, term(k, coordinate));
    }
    double sum = 0;
    for (int k = 0; k < logProbabilities.length; k++) {
      sum += Math.exp(term(k, coordinate) - largest);
    }
    return largest + Math.log(sum);
  }

  private double term(int k, double coordinate) {
    return logProbabilities[k] + k * (2 * coordinate - k) / (2 * variance);
  }
}
