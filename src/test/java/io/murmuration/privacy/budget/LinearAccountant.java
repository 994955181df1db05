package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;

/** Each round costs a fixed ε, so that tests can count on their fingers. */
record LinearAccountant(double reservedEpsilon, double delta, double epsilonPerRound)
    implements PhaseAccountant {

  /** Each round costs {@code 1 / noise multiplier}. */
  static final AccountantFactory FACTORY =
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
