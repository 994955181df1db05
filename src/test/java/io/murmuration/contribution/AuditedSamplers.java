package io.murmuration.contribution;

import java.time.Duration;

/** Samplers for an audit of the whole pipeline. */
public final class AuditedSamplers {

  private AuditedSamplers() {}

  /** The operator of a production job but for its randomness. */
  public static BoundAndSampleOperator with(ContributionBounds bounds, Randomness randomness) {
    return new BoundAndSampleOperator(bounds, randomness, TimerQuantum.of(Duration.ofMillis(100)));
  }

  /** Randomness that each attempt of a job throws again: a planted fault. */
  public static Randomness seeded(long seed) {
    return new SeededRandomness(seed);
  }
}
