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
 * @param retirement whether users retire where they have a lifetime
 */
record Plant(
    LongFunction<NoiseFactory> noise,
    boolean clipping,
    UnaryOperator<List<UserSample>> samples,
    double probabilityFactor,
    Randomness randomness,
    boolean retirement) {

  /** The pipeline as it is. */
  static Plant nothing() {
    return new Plant(
        executed -> NoiseFactory.forUpdates(),
        /* clipping= */ true,
        UnaryOperator.identity(),
        /* probabilityFactor= */ 1,
        Randomness.secure(),
        /* retirement= */ true);
  }

  Plant withNoise(LongFunction<NoiseFactory> other) {
    return new Plant(other, clipping, samples, probabilityFactor, randomness, retirement);
  }

  Plant withoutClipping() {
    return new Plant(
        noise, /* clipping= */ false, samples, probabilityFactor, randomness, retirement);
  }

  Plant withSamples(UnaryOperator<List<UserSample>> other) {
    return new Plant(noise, clipping, other, probabilityFactor, randomness, retirement);
  }

  Plant withProbabilityFactor(double other) {
    return new Plant(noise, clipping, samples, other, randomness, retirement);
  }

  Plant withCoins(Randomness other) {
    return new Plant(noise, clipping, samples, probabilityFactor, other, retirement);
  }

  Plant withoutRetirement() {
    return new Plant(
        noise, clipping, samples, probabilityFactor, randomness, /* retirement= */ false);
  }
}
