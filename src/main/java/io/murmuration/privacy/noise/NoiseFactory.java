package io.murmuration.privacy.noise;

/**
 * Makes the noise of one attempt. A trainer asks for a new one every round, so that no two releases
 * share any of it: the same noise on different data would cancel out in their difference.
 */
@FunctionalInterface
public interface NoiseFactory {

  /** Noise that is independent of all made before. */
  GaussianNoise create();

  /** The noise of every real run: {@link SecureGaussianNoise}. */
  static NoiseFactory secure() {
    return SecureGaussianNoise::new;
  }
}
