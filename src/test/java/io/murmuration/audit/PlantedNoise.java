package io.murmuration.audit;

import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import java.util.SplittableRandom;
import java.util.function.LongFunction;

/**
 * Noise that something is wrong with, by how many rounds the attempt's restored state has executed.
 */
final class PlantedNoise {

  /** A round asks for the noise of its update and for that of its unclipped bits. */
  private static final int DRAWS_OF_A_ROUND = 2;

  /** Of honest noise, in grid units. */
  private static final double DEVIATION = 0x1p24;

  private PlantedNoise() {}

  /** Too small, or too large, by a factor. */
  static LongFunction<NoiseFactory> scaled(double factor) {
    return executed ->
        () -> {
          GridNoise noise = NoiseFactory.forUpdates().create();
          return sums -> {
            long[] drawn = new long[sums.length];
            noise.addTo(drawn);
            for (int i = 0; i < sums.length; i++) {
              sums[i] += Math.round(factor * drawn[i]);
            }
          };
        };
  }

  /** None in every second round. */
  static LongFunction<NoiseFactory> everySecondRound() {
    return executed -> {
      int[] draws = {0};
      return () ->
          draws[0]++ / DRAWS_OF_A_ROUND % 2 == 0 ? NoiseFactory.forUpdates().create() : sums -> {};
    };
  }

  /** Each attempt begins its key stream anew. */
  static LongFunction<NoiseFactory> sameKeyInEveryAttempt(long key) {
    return executed -> drawn(key, /* from= */ 0);
  }

  /** A buffer of noise that is part of state: what a restored attempt draws, another has drawn. */
  static LongFunction<NoiseFactory> buffered(long key) {
    return executed -> drawn(key, executed * DRAWS_OF_A_ROUND);
  }

  private static NoiseFactory drawn(long key, long from) {
    long[] draws = {from};
    return () -> {
      SplittableRandom random = new SplittableRandom(key + draws[0]++);
      return sums -> {
        for (int i = 0; i < sums.length; i++) {
          sums[i] += Math.round(DEVIATION * random.nextGaussian());
        }
      };
    };
  }
}
