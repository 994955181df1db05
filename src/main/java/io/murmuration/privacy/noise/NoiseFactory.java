package io.murmuration.privacy.noise;

/**
 * Makes the noise of one attempt. A trainer asks for a new one every round, so that no two releases
 * share any of it: the same noise on different data would cancel out in their difference.
 */
@FunctionalInterface
public interface NoiseFactory {

  /** Noise that is independent of all made before. */
  GridNoise create();

  /** The noise of updates, one number a parameter: {@link TabledGaussianNoise}. */
  static NoiseFactory forUpdates() {
    return TabledGaussianNoise::new;
  }

  /** The noise of a few published numbers: {@link RationalGaussianNoise}. */
  static NoiseFactory forHistograms() {
    return RationalGaussianNoise::new;
  }
}
