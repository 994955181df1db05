package io.murmuration.privacy.budget;

import java.time.Duration;
import java.util.Optional;

/** Terms and records that the tests of this package share. */
final class Budgets {

  static final String DOMAIN = "starlings";
  static final double DELTA = 1e-6;
  static final Duration INTERVAL = Duration.ofMillis(100);

  /** Costs ε 1 a round with {@link LinearAccountant}. */
  static final RoundMechanism MECHANISM =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.1,
          /* groupSize= */ 4,
          /* noiseMultiplier= */ 1,
          /* clipNorm= */ 0.5,
          /* expectedUnits= */ 16);

  /** Costs ε 0.5 a round with {@link LinearAccountant}. */
  static final RoundMechanism OTHER_MECHANISM =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.2,
          /* groupSize= */ 4,
          /* noiseMultiplier= */ 2,
          /* clipNorm= */ 0.5,
          /* expectedUnits= */ 16);

  private Budgets() {}

  static BudgetTerms terms(double epsilon) {
    return BudgetTerms.of(DOMAIN, epsilon, DELTA, INTERVAL, MECHANISM);
  }

  static BudgetTerms terms(double epsilon, RoundMechanism mechanism) {
    return BudgetTerms.of(DOMAIN, epsilon, DELTA, INTERVAL, mechanism);
  }

  static LedgerRecord.Genesis genesis() {
    return new LedgerRecord.Genesis(
        DOMAIN,
        LedgerRecord.UNIT,
        LedgerRecord.NEIGHBOURING_RELATION,
        /* epsilonBudget= */ 3,
        DELTA,
        /* genesisMillis= */ 1_000,
        INTERVAL.toMillis());
  }

  static LedgerSession session(LedgerFactory ledger, BudgetTerms terms, String jobId) {
    return session(ledger, terms, jobId, Optional.empty());
  }

  static LedgerSession session(
      LedgerFactory ledger, BudgetTerms terms, String jobId, Optional<LedgerPosition> restored) {
    return new LedgerSession(
        ledger, terms, LinearAccountant.FACTORY, ReleaseWitness.NONE, jobId, restored);
  }
}
