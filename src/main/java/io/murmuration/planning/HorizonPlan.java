package io.murmuration.planning;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import java.time.Duration;
import java.util.Locale;

/**
 * A lifetime of ε for each user: the largest number H of rounds of one mechanism that (ε, δ)
 * affords. If nobody's words can influence more than H rounds, training may go on for ever. A
 * function of public numbers alone.
 *
 * @param mechanism of every round
 * @param rounds H ≥ 0
 * @param epsilon what H rounds cost at δ, at most the budget
 */
public record HorizonPlan(Mechanism mechanism, long rounds, double epsilon) {

  /** The horizon that a budget affords, by the accountant that admits rounds. */
  public static HorizonPlan of(
      Mechanism mechanism, double epsilon, double delta, PldAccountant accountant) {
    PhaseAccountant phase = new NoiseCalibration(accountant).phase(mechanism, epsilon, delta);
    return new HorizonPlan(
        mechanism, phase.affordableRounds(), phase.epsilonAfter(phase.affordableRounds()));
  }

  /**
   * How long H rounds last.
   *
   * @param roundInterval of one round, positive
   */
  public Duration lasts(Duration roundInterval) {
    if (roundInterval.isNegative() || roundInterval.isZero()) {
      throw new IllegalArgumentException(
          "the round interval must be positive but is " + roundInterval);
    }
    return roundInterval.multipliedBy(rounds);
  }

  /**
   * How many users must arrive in each round so that the expected cohort stays: M/q users are alive
   * at a time and each for H rounds, so M/(q·H). Under ELS B/(p·G) users with full pools are. Fewer
   * thin the cohort out while the divisor stays.
   *
   * @param expectedUnits M or B, positive
   * @throws IllegalArgumentException if the budget affords no round
   */
  public double newUsersPerRound(double expectedUnits) {
    if (!(expectedUnits > 0 && expectedUnits < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "expected units must be positive and finite but is " + expectedUnits);
    }
    if (rounds == 0) {
      throw new IllegalArgumentException(
          "this budget affords not one round of "
              + mechanism
              + ": raise epsilon or the noise multiplier");
    }
    return expectedUnits / (mechanism.samplingProbability() * mechanism.maxUnitsPerUser() * rounds);
  }

  /**
   * What it means, in a sentence or two.
   *
   * @param roundInterval of one round, positive
   * @param expectedUnits M or B, positive
   */
  public String inWords(Duration roundInterval, double expectedUnits) {
    if (rounds == 0) {
      return "This budget affords not one round of "
          + mechanism
          + ": raise epsilon or the noise multiplier";
    }
    return String.format(
        Locale.ROOT,
        "Nobody's words influence more than %,d rounds, %.3g days at this interval, which cost epsilon %s. %.3g new users a round keep the cohort.",
        rounds,
        lasts(roundInterval).toMillis() / (double) Duration.ofDays(1).toMillis(),
        PrivacyLoss.text(epsilon, /* decimals= */ 4),
        newUsersPerRound(expectedUnits));
  }
}
