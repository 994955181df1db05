package io.murmuration.privacy.mechanism;

/**
 * Permission for one round, sent only after its charge is durable in the ledger.
 *
 * @param epoch the epoch that charged it
 * @param round the number of the charge, from 1; granted once, ever
 * @param tick the public time of the round; at most one round a tick, ever
 * @param phase the phase of the ledger that the round belongs to, from 1
 * @param mechanism what the round does
 * @param epsilonSpent cumulative ε of the domain's ledger after this charge
 * @param delta the δ of that ε
 * @param ledgerHash hash of the ledger's record of this charge, lower-case hexadecimal
 * @param clock the domain's, by which whatever comes of this grant is dated
 * @param horizon the lifetime of users that the round counts in; null for a calibration, and where
 *     the budget is the domain's
 * @param roundInPhase charges of the phase before this one, from 0: by it users take turns where
 *     noise is correlated. 0 in grants of versions that knew no such noise
 */
public record Grant(
    long epoch,
    long round,
    long tick,
    int phase,
    RoundMechanism mechanism,
    double epsilonSpent,
    double delta,
    String ledgerHash,
    PublicClock clock,
    Horizon horizon,
    long roundInPhase)
    implements BudgetSignal {

  public Grant {
    Checks.atLeast("round in its phase", roundInPhase, 0);
  }

  /** A grant of a phase's first round. */
  public Grant(
      long epoch,
      long round,
      long tick,
      int phase,
      RoundMechanism mechanism,
      double epsilonSpent,
      double delta,
      String ledgerHash,
      PublicClock clock,
      Horizon horizon) {
    this(
        epoch,
        round,
        tick,
        phase,
        mechanism,
        epsilonSpent,
        delta,
        ledgerHash,
        clock,
        horizon,
        /* roundInPhase= */ 0);
  }

  /** A grant of a round that counts in nobody's lifetime. */
  public Grant(
      long epoch,
      long round,
      long tick,
      int phase,
      RoundMechanism mechanism,
      double epsilonSpent,
      double delta,
      String ledgerHash,
      PublicClock clock) {
    this(
        epoch,
        round,
        tick,
        phase,
        mechanism,
        epsilonSpent,
        delta,
        ledgerHash,
        clock,
        /* horizon= */ null);
  }

  /** A grant that does not say when its tick is. */
  public Grant(
      long epoch,
      long round,
      long tick,
      int phase,
      RoundMechanism mechanism,
      double epsilonSpent,
      double delta,
      String ledgerHash) {
    this(
        epoch, round, tick, phase, mechanism, epsilonSpent, delta, ledgerHash, PublicClock.UNKNOWN);
  }

  /** The same as a later round of its phase, with noise so correlated; null for independent. */
  Grant with(long newRoundInPhase, CorrelatedNoise noise) {
    return new Grant(
        epoch,
        round,
        tick,
        phase,
        mechanism.withCorrelatedNoise(noise),
        epsilonSpent,
        delta,
        ledgerHash,
        clock,
        horizon,
        newRoundInPhase);
  }
}
