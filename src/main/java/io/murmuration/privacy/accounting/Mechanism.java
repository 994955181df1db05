package io.murmuration.privacy.accounting;

/**
 * One round of training as the accountant sees it. All lengths are in units of the clip norm.
 *
 * <p>Immutable; two equal mechanisms cost the same.
 */
public sealed interface Mechanism
    permits GaussianMechanism, PoissonSubsampledGaussian, MixtureOfGaussians, CyclicMechanism {

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

  /**
   * In how many of so many rounds, the first ones or any that follow on each other, a user can take
   * part at most: what is composed. Each is dominated by the pair that the other numbers here name.
   *
   * @param rounds at least 0
   */
  default long participations(long rounds) {
    return rounds;
  }

  /** The most rounds that have no more {@link #participations} than so many. */
  default long roundsOf(long participations) {
    return participations;
  }

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

  /**
   * A mechanism in whose rounds users take turns.
   *
   * @param participation what a round is for a user whose turn it is
   * @param bands b ≥ 1: every how many rounds a user's turn comes; 1 is the mechanism itself
   */
  static Mechanism inTurns(Mechanism participation, int bands) {
    return bands == 1 ? participation : new CyclicMechanism(participation, bands);
  }
}
