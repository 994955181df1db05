package io.murmuration.contribution;

import java.time.Duration;

/** Samplers for an audit of the whole pipeline. */
public final class AuditedSamplers {

  private AuditedSamplers() {}

  /** The operator of a production job but for its coins. */
  public static BoundAndSampleOperator with(ContributionBounds bounds, Coins coins) {
    return new BoundAndSampleOperator(bounds, coins, TimerSlice.of(Duration.ofMillis(100)));
  }

  /** Coins that each attempt of a job throws again: a planted fault. */
  public static Coins seeded(long seed) {
    return new SeededCoins(seed);
  }
}
