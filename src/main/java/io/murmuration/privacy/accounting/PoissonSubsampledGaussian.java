package io.murmuration.privacy.accounting;

/**
 * The Gaussian mechanism on a Poisson sample of the users (ULS): (1−q)·N(0, σ²) + q·N(1, σ²)
 * against N(0, σ²), which dominates every pair of neighbours (Zhu, Dong, Wang, AISTATS 2022,
 * Theorem 11).
 *
 * @param samplingProbability q, in (0, 1]
 * @param noiseMultiplier σ, in [{@link Mechanism#MIN_NOISE_MULTIPLIER}, {@link
 *     Mechanism#MAX_NOISE_MULTIPLIER}]
 */
public record PoissonSubsampledGaussian(double samplingProbability, double noiseMultiplier)
    implements Mechanism {

  public PoissonSubsampledGaussian {
    Arguments.probability("sampling probability", samplingProbability);
    Arguments.inRange(
        "noise multiplier", noiseMultiplier, MIN_NOISE_MULTIPLIER, MAX_NOISE_MULTIPLIER);
  }

  @Override
  public int maxUnitsPerUser() {
    return 1;
  }

  @Override
  public PoissonSubsampledGaussian withNoiseMultiplier(double noiseMultiplier) {
    return new PoissonSubsampledGaussian(samplingProbability, noiseMultiplier);
  }
}
