package io.murmuration.privacy.accounting;

/**
 * One round of training as the accountant sees it. All lengths are in units of the clip norm.
 *
 * <p>Immutable; two equal mechanisms cost the same.
 */
public sealed interface Mechanism
    permits GaussianMechanism, PoissonSubsampledGaussian, MixtureOfGaussians {

  /** The smallest noise multiplier that is accepted: below it one round alone costs ε ≈ 5,000. */
  double MIN_NOISE_MULTIPLIER = 0.01;

  /** The largest noise multiplier that is accepted. */
  double MAX_NOISE_MULTIPLIER = 1e6;

  /** σ: the standard deviation of the noise in units of the clip norm. */
  double noiseMultiplier();

  /** The same mechanism with another noise multiplier. */
  Mechanism withNoiseMultiplier(double noiseMultiplier);

  /** The chance that one coin (a user's in ULS, an example's in ELS) comes up heads in a round. */
  double samplingProbability();

  /** The most units that one user can have in a round: 1, or G for ELS. */
  int maxUnitsPerUser();

  /** Gaussian noise on a sum in which every user takes part. */
  static Mechanism gaussian(double noiseMultiplier) {
    return new GaussianMechanism(noiseMultiplier);
  }

  /** User-level sampling (ULS): each user takes part with probability q. */
  static Mechanism uls(double samplingProbability, double noiseMultiplier) {
    return new PoissonSubsampledGaussian(samplingProbability, noiseMultiplier);
  }

  /**
   * Example-level sampling (ELS): each of a user's at most G examples takes part with probability
   * p.
   */
  static Mechanism els(double samplingProbability, int groupSize, double noiseMultiplier) {
    return new MixtureOfGaussians(samplingProbability, groupSize, noiseMultiplier);
  }
}
