package io.murmuration.privacy.accounting;

/**
 * The Gaussian mechanism of sensitivity 1: N(1, σ²) against N(0, σ²).
 *
 * @param noiseMultiplier σ, in [{@link Mechanism#MIN_NOISE_MULTIPLIER}, {@link
 *     Mechanism#MAX_NOISE_MULTIPLIER}]
 */
public record GaussianMechanism(double noiseMultiplier) implements Mechanism {

  public GaussianMechanism {
    Arguments.inRange(
        "noise multiplier", noiseMultiplier, MIN_NOISE_MULTIPLIER, MAX_NOISE_MULTIPLIER);
  }

  @Override
  public double samplingProbability() {
    return 1;
  }

  @Override
  public int maxUnitsPerUser() {
    return 1;
  }

  @Override
  public GaussianMechanism withNoiseMultiplier(double noiseMultiplier) {
    return new GaussianMechanism(noiseMultiplier);
  }
}
