package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.Serializable;
import java.time.Duration;

/**
 * What the deployer configured for a privacy domain; compared with its ledger at every start.
 *
 * @param domain name of the population whose budget this is
 * @param epsilon the ε budget of the whole domain, positive and finite
 * @param delta the δ budget of the whole domain, in (0, 1); a public constant, never 1/(number of
 *     users)
 * @param roundInterval length of a tick, whole milliseconds, at least 1 ms
 * @param phases which phases it goes through
 * @param raiseBudget whether a budget above the ledger's is a deliberate raise; without it such a
 *     ledger is refused
 * @param horizon the lifetimes of users that the budget is for; null where it is the domain's, and
 *     training ends with it
 */
public record BudgetTerms(
    String domain,
    double epsilon,
    double delta,
    Duration roundInterval,
    PhaseSchedule phases,
    boolean raiseBudget,
    HorizonTerms horizon)
    implements Serializable {

  /** No limit of rounds besides the budget. */
  public static final long UNLIMITED_ROUNDS = Long.MAX_VALUE;

  public BudgetTerms {
    Checks.text("domain", domain);
    PrivacyLoss.budget("budget", epsilon, delta);
    if (roundInterval == null
        || !roundInterval.equals(Duration.ofMillis(roundInterval.toMillis()))) {
      throw new IllegalArgumentException(
          "round interval must be whole milliseconds but is " + roundInterval);
    }
    Checks.atLeast("round interval in milliseconds", roundInterval.toMillis(), 1);
    if (phases == null) {
      throw new IllegalArgumentException("the schedule of phases is required");
    }
    Checks.atLeast("maximum number of rounds", phases.maxRounds(), 1);
  }

  /** Terms of a domain whose budget is everybody's together. */
  public BudgetTerms(
      String domain,
      double epsilon,
      double delta,
      Duration roundInterval,
      PhaseSchedule phases,
      boolean raiseBudget) {
    this(domain, epsilon, delta, roundInterval, phases, raiseBudget, /* horizon= */ null);
  }

  /** The budget of the whole domain. */
  public PrivacyLoss budget() {
    return PrivacyLoss.budget("budget", epsilon, delta);
  }

  /** Terms that reserve the whole budget for one mechanism and run until it is spent. */
  public static BudgetTerms of(
      String domain,
      double epsilon,
      double delta,
      Duration roundInterval,
      RoundMechanism mechanism) {
    if (mechanism == null) {
      throw new IllegalArgumentException("mechanism is required");
    }
    return new BudgetTerms(
        domain,
        epsilon,
        delta,
        roundInterval,
        PhaseSchedule.of(mechanism, /* share= */ null, UNLIMITED_ROUNDS),
        /* raiseBudget= */ false);
  }

  /** The same with another schedule. */
  public BudgetTerms withPhases(PhaseSchedule newPhases) {
    return new BudgetTerms(domain, epsilon, delta, roundInterval, newPhases, raiseBudget, horizon);
  }

  /** The same, but the budget is that of each user's lifetimes; null for the domain's. */
  public BudgetTerms withHorizon(HorizonTerms newHorizon) {
    return new BudgetTerms(domain, epsilon, delta, roundInterval, phases, raiseBudget, newHorizon);
  }

  /** The same, but the phase of its one mechanism reserves only this share when it opens. */
  public BudgetTerms withShare(PrivacyLoss newShare) {
    return withPhases(
        new PhaseSchedule.Fixed(mechanism(), newShare, maxRounds(), fixed().noiseIsCalibrated()));
  }

  /** The same, but training halts after so many rounds of the phase of its one mechanism. */
  public BudgetTerms withMaxRounds(long newMaxRounds) {
    return withPhases(
        new PhaseSchedule.Fixed(
            mechanism(), fixed().share(), newMaxRounds, fixed().noiseIsCalibrated()));
  }

  /** The same, but a budget above the ledger's is recorded as a raise. */
  public BudgetTerms raisingBudget() {
    return new BudgetTerms(
        domain, epsilon, delta, roundInterval, phases, /* raiseBudget= */ true, horizon);
  }

  /**
   * What each round does.
   *
   * @throws IllegalStateException if the schedule has more than one mechanism
   */
  public RoundMechanism mechanism() {
    return fixed().mechanism();
  }

  /** Rounds of the open phase after which training halts although more are affordable. */
  public long maxRounds() {
    return phases.maxRounds();
  }

  private PhaseSchedule.Fixed fixed() {
    if (phases instanceof PhaseSchedule.Fixed one) {
      return one;
    }
    throw new IllegalStateException(
        "these terms must have one mechanism but have the schedule " + phases);
  }
}
