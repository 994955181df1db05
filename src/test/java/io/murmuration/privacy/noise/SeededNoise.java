package io.murmuration.privacy.noise;

import java.util.SplittableRandom;

/** Repeatable noise, for tests only: no class in main can reach it. */
public final class SeededNoise {

  private SeededNoise() {}

  /** A factory whose n-th noise is a function of the seed and n. */
  public static NoiseFactory factory(long seed) {
    SplittableRandom seeds = new SplittableRandom(seed);
    return () -> of(seeds.nextLong());
  }

  /** One noise from one seed. */
  public static GridNoise of(long seed) {
    return new TabledGaussianNoise(new SplittableRandom(seed)::nextLong);
  }
}
