package io.murmuration.privacy.budget;

import io.murmuration.privacy.mechanism.Grant;
import java.util.function.LongSupplier;
import org.apache.flink.metrics.MetricGroup;

/**
 * What the privacy budget shows of itself; all of it is public. Used by the task's thread alone.
 */
final class BudgetMetrics {

  private final RoundCoordinator coordinator;
  private final LongSupplier clock;
  private DurabilityGate.Verdict lastVerdict = DurabilityGate.Verdict.EPOCH;
  private double epsilonSpent;
  private long appendMillis;
  private long grantedAtMillis;

  /**
   * @param clock the task's processing time, in milliseconds since 1970
   */
  BudgetMetrics(
      MetricGroup group, RoundCoordinator coordinator, DurabilityGate gate, LongSupplier clock) {
    this.coordinator = coordinator;
    this.clock = clock;
    group.gauge("tick", coordinator::tick);
    group.gauge("round", coordinator::round);
    group.gauge("phase", coordinator::phase);
    group.gauge("roundsRemaining", coordinator::roundsRemaining);
    group.gauge("horizonRounds", coordinator::horizonRounds);
    group.gauge("horizonEpsilon", coordinator::horizonEpsilon);
    group.gauge("generation", coordinator::generation);
    group.gauge("epsilonBudget", coordinator::epsilonBudget);
    group.gauge("epsilonSpent", this::epsilonSpent);
    group.gauge("halted", () -> coordinator.halt().isPresent() ? 1 : 0);
    group.gauge("ledgerAvailable", () -> coordinator.holdsLedger() ? 1 : 0);
    group.gauge("ledgerAppendMillis", () -> appendMillis);
    group.gauge("roundInFlightMillis", this::roundInFlightMillis);
    group.gauge("durableRound", gate::durableRound);
    group.gauge("undurableRounds", gate::undurableRounds);
    group.gauge("wastedEpochs", gate::wastedEpochs);
    group.gauge("overruns", coordinator::overruns);
    group.gauge("chargingWaits", () -> chargingWaits().ordinal());
  }

  /** After a halt nothing is charged any more, and so nothing waits. */
  private DurabilityGate.Verdict chargingWaits() {
    return coordinator.halt().isPresent() ? DurabilityGate.Verdict.OPEN : lastVerdict;
  }

  private long roundInFlightMillis() {
    return coordinator.isRoundInFlight() ? clock.getAsLong() - grantedAtMillis : 0;
  }

  /** The ε that the ledger says is spent. */
  double epsilonSpent() {
    return epsilonSpent;
  }

  void spent(double epsilon) {
    epsilonSpent = epsilon;
  }

  /** The ledger took so long for its last record. */
  void appended(long millis) {
    appendMillis = millis;
  }

  /** A round is in flight from now on. */
  void granted(Grant grant) {
    grantedAtMillis = clock.getAsLong();
    epsilonSpent = grant.epsilonSpent();
  }

  /** What charging waits for now; answers whether that is something else than before. */
  boolean changes(DurabilityGate.Verdict verdict) {
    boolean changes = verdict != lastVerdict;
    lastVerdict = verdict;
    return changes;
  }
}
