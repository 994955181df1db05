package io.murmuration.privacy.accounting;

/**
 * The Gaussian mechanism on a Poisson sample of examples of which one user holds at most G (ELS):
 * Σₖ Binomial(G, p)(k)·N(k, σ²) against N(0, σ²) (Charles et al., arXiv 2407.07737; Ganesh, arXiv
 * 2401.10294, Theorem 3.1). A user with fewer examples is dominated by one with G.
 *
 * @param samplingProbability p, in (0, 1]
 * @param groupSize G, in [1, {@link #MAX_GROUP_SIZE}]
 * @param noiseMultiplier σ, in [{@link Mechanism#MIN_NOISE_MULTIPLIER}, {@link
 *     Mechanism#MAX_NOISE_MULTIPLIER}]
 */
public record MixtureOfGaussians(double samplingProbability, int groupSize, double noiseMultiplier)
    implements Mechanism {

  /** The largest group size that is accepted. */
  public static final int MAX_GROUP_SIZE = 4096;

  public MixtureOfGaussians {
    Arguments.probability("sampling probability", samplingProbability);
    Arguments.inRange("group size", groupSize, 1, MAX_GROUP_SIZE);
    Arguments.inRange(
        "noise multiplier", noiseMultiplier, MIN_NOISE_MULTIPLIER, MAX_NOISE_MULTIPLIER);
  }

  @Override
  public int maxUnitsPerUser() {
    return groupSize;
  }

  @Override
  public MixtureOfGaussians withNoiseMultiplier(double noiseMultiplier) {
    return new MixtureOfGaussians(samplingProbability, groupSize, noiseMultiplier);
  }
}
