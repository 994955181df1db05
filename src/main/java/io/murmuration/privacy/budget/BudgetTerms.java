package io.murmuration.privacy.budget;

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
 * @param mechanism what each round does
 * @param share what a phase of this mechanism reserves when it opens; null for all that is left
 * @param maxRounds rounds of this phase after which training halts although more were affordable;
 *     {@link #UNLIMITED_ROUNDS} for none
 * @param raiseBudget whether a budget above the ledger's is a deliberate raise; without it such a
 *     ledger is refused
 */
public record BudgetTerms(
    String domain,
    double epsilon,
    double delta,
    Duration roundInterval,
    RoundMechanism mechanism,
    PhaseShare share,
    long maxRounds,
    boolean raiseBudget)
    implements Serializable {

  /** No limit of rounds besides the budget. */
  public static final long UNLIMITED_ROUNDS = Long.MAX_VALUE;

  /**
   * A share of the budget.
   *
   * @param epsilon ε_i, positive and finite
   * @param delta δ_i, in (0, 1)
   */
  public record PhaseShare(double epsilon, double delta) implements Serializable {
    public PhaseShare {
      Checks.epsilon("epsilon of the phase", epsilon);
      Checks.delta("delta of the phase", delta);
    }
  }

  public BudgetTerms {
    Checks.text("domain", domain);
    Checks.epsilon("epsilon budget", epsilon);
    Checks.delta("delta", delta);
    if (roundInterval == null
        || !roundInterval.equals(Duration.ofMillis(roundInterval.toMillis()))) {
      throw new IllegalArgumentException(
          "round interval must be whole milliseconds but is " + roundInterval);
    }
    Checks.atLeast("round interval in milliseconds", roundInterval.toMillis(), 1);
    if (mechanism == null) {
      throw new IllegalArgumentException("mechanism is required");
    }
    Checks.atLeast("maximum number of rounds", maxRounds, 1);
  }

  /** Terms that reserve the whole budget for one mechanism and run until it is spent. */
  public static BudgetTerms of(
      String domain,
      double epsilon,
      double delta,
      Duration roundInterval,
      RoundMechanism mechanism) {
    return new BudgetTerms(
        domain,
        epsilon,
        delta,
        roundInterval,
        mechanism,
        /* share= */ null,
        UNLIMITED_ROUNDS,
        /* raiseBudget= */ false);
  }

  /** The same, but a new phase reserves only this share. */
  public BudgetTerms withShare(PhaseShare newShare) {
    return new BudgetTerms(
        domain, epsilon, delta, roundInterval, mechanism, newShare, maxRounds, raiseBudget);
  }

  /** The same, but training halts after so many rounds of the phase. */
  public BudgetTerms withMaxRounds(long newMaxRounds) {
    return new BudgetTerms(
        domain, epsilon, delta, roundInterval, mechanism, share, newMaxRounds, raiseBudget);
  }

  /** The same, but a budget above the ledger's is recorded as a raise. */
  public BudgetTerms raisingBudget() {
    return new BudgetTerms(
        domain,
        epsilon,
        delta,
        roundInterval,
        mechanism,
        share,
        maxRounds,
        /* raiseBudget= */ true);
  }
}
