package io.murmuration.audit;

import io.murmuration.contribution.Randomness;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.noise.NoiseFactory;
import java.util.List;
import java.util.function.LongFunction;
import java.util.function.UnaryOperator;

/**
 * What is wrong with a pipeline under audit.
 *
 * @param noise the noise of an attempt whose restored state has executed so many rounds
 * @param clipping whether gradients are clipped
 * @param samples what becomes of a round's samples between sampler and trainer
 * @param probabilityFactor how often users are sampled, as a multiple of what is claimed
 * @param randomness the sampler's
 */
record Plant(
    LongFunction<NoiseFactory> noise,
    boolean clipping,
    UnaryOperator<List<UserSample>> samples,
    double probabilityFactor,
    Randomness randomness) {

  /** The pipeline as it is. */
  static Plant nothing() {
    return new Plant(
        executed -> NoiseFactory.forUpdates(),
        /* clipping= */ true,
        UnaryOperator.identity(),
        /* probabilityFactor= */ 1,
        Randomness.secure());
  }

  Plant withNoise(LongFunction<NoiseFactory> other) {
    return new Plant(other, clipping, samples, probabilityFactor, randomness);
  }

  Plant withoutClipping() {
    return new Plant(noise, /* clipping= */ false, samples, probabilityFactor, randomness);
  }

  Plant withSamples(UnaryOperator<List<UserSample>> other) {
    return new Plant(noise, clipping, other, probabilityFactor, randomness);
  }

  Plant withProbabilityFactor(double other) {
    return new Plant(noise, clipping, samples, other, randomness);
  }

  Plant withCoins(Randomness other) {
    return new Plant(noise, clipping, samples, probabilityFactor, other);
  }
}
