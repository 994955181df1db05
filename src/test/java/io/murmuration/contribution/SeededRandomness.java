package io.murmuration.contribution;

import java.util.HashMap;
import java.util.Map;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.core.source64.SplitMix64;

/** Reproducible bits, a stream of its own for every user, so that nobody's shift others'.. */
final class SeededRandomness implements Randomness {

  private static final long serialVersionUID = 1L;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final long seed;
  private transient Map<String, UniformRandomProvider> streams;

  SeededRandomness(long seed) {
    this.seed = seed;
  }

  @Override
  public UniformRandomProvider forUser(String userId) {
    if (streams == null) {
      streams = new HashMap<>();
    }
    return streams.computeIfAbsent(
        userId, id -> stream(seed * GOLDEN + (long) id.hashCode() * 0xD1B54A32D192ED03L));
  }

  /** One stream of bits. */
  static UniformRandomProvider stream(long seed) {
    SplitMix64 seeder = new SplitMix64(seed);
    return new SplitMix64(seeder.nextLong());
  }
}
