package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.Optional;

/** Terms and records that the tests of this package share. */
public final class Budgets {

  public static final String DOMAIN = "starlings";
  public static final double DELTA = 1e-6;
  public static final Duration INTERVAL = Duration.ofMillis(100);

  /** Costs ε 1 a round with {@link LinearAccountant}. */
  public static final RoundMechanism MECHANISM =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.1,
          /* groupSize= */ 4,
          /* noiseMultiplier= */ 1,
          /* clipNorm= */ 0.5,
          /* expectedUnits= */ 16);

  /** Costs ε 0.5 a round with {@link LinearAccountant}. */
  public static final RoundMechanism OTHER_MECHANISM =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.2,
          /* groupSize= */ 4,
          /* noiseMultiplier= */ 2,
          /* clipNorm= */ 0.5,
          /* expectedUnits= */ 16);

  /** Failures may cost as much as they like. */
  public static final DurabilityTerms NO_LIMIT =
      new DurabilityTerms(Integer.MAX_VALUE, Duration.ZERO, Integer.MAX_VALUE);

  private Budgets() {}

  /** A gate for tests that are about something else; {@link #open} opens it. */
  public static DurabilityGate gate() {
    return new DurabilityGate(NO_LIMIT, /* restoredRound= */ 0);
  }

  /** Opens a gate whose epoch has started, by a first checkpoint. */
  public static void open(DurabilityGate gate) {
    gate.barrier(1);
    gate.completed(1);
  }

  public static BudgetTerms terms(double epsilon) {
    return BudgetTerms.of(DOMAIN, epsilon, DELTA, INTERVAL, MECHANISM);
  }

  public static BudgetTerms terms(double epsilon, RoundMechanism mechanism) {
    return BudgetTerms.of(DOMAIN, epsilon, DELTA, INTERVAL, mechanism);
  }

  public static LedgerRecord.Genesis genesis() {
    return new LedgerRecord.Genesis(
        DOMAIN,
        LedgerRecord.UNIT,
        LedgerRecord.NEIGHBOURING_RELATION,
        /* epsilonBudget= */ 3,
        DELTA,
        /* genesisMillis= */ 1_000,
        INTERVAL.toMillis());
  }

  public static LedgerSession session(LedgerFactory ledger, BudgetTerms terms, String jobId) {
    return session(ledger, terms, jobId, Optional.empty());
  }

  public static LedgerSession session(
      LedgerFactory ledger, BudgetTerms terms, String jobId, Optional<LedgerPosition> restored) {
    return new LedgerSession(
        ledger, terms, LinearAccountant.FACTORY, ReleaseWitness.NONE, jobId, restored);
  }

  /** A model after a round, as train announces it. */
  public static ModelVersion model(long epoch, long round) {
    return new ModelVersion("job", epoch, round, "%064x".formatted(round), "%064x".formatted(0));
  }
}
