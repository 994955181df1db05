package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.mechanism.AccountantFactory;

/** Each round costs a fixed ε, so that tests can count on their fingers. */
public record LinearAccountant(double reservedEpsilon, double delta, double epsilonPerRound)
    implements PhaseAccountant {

  /** Each round costs {@code 1 / noise multiplier}. */
  public static final AccountantFactory FACTORY =
      (mechanism, epsilon, delta) ->
          new LinearAccountant(epsilon, delta, 1 / mechanism.noiseMultiplier());

  @Override
  public double epsilonAfter(long rounds) {
    return rounds * epsilonPerRound;
  }

  @Override
  public long affordableRounds() {
    return (long) Math.floor(reservedEpsilon / epsilonPerRound);
  }
}
