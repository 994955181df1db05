package io.murmuration.calibration;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.DurabilityGate;
import io.murmuration.privacy.budget.HorizonTerms;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.privacy.budget.RoundCoordinator;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/** One attempt, of a job of its own, on a ledger in memory: real coordinator and session. */
final class Attempt {

  private static final long GENESIS = 50_000;
  private static final long INTERVAL = 100;

  /** One window of warm-up: the first tick that may calibrate. */
  static final long WARM = 10;

  private static final AccountantFactory ACCOUNTANTS =
      (round, epsilon, delta) ->
          PldPhaseAccountant.forPhase(round.accounted(), epsilon, delta, /* mostRounds= */ 2_000);

  final RoundCoordinator coordinator;
  final LedgerSession session;
  private final DurabilityGate gate = Budgets.gate();
  private RoundExecuted acknowledged;

  /** An attempt of a domain with a budget of ε = 5. */
  Attempt(String store, PhaseSchedule phases) {
    this(store, phases, /* epsilon= */ 5, /* delta= */ 1e-6, /* raises= */ false);
  }

  Attempt(String store, PhaseSchedule phases, double epsilon, double delta, boolean raises) {
    this(
        store,
        new BudgetTerms("starlings", epsilon, delta, Duration.ofMillis(INTERVAL), phases, raises));
  }

  /** With two generations of lifetimes of ε 5 each, and this one open. */
  static Attempt ofGeneration(String store, PhaseSchedule phases, int generation) {
    return new Attempt(
        store,
        new BudgetTerms(
                "starlings",
                /* epsilon= */ 10,
                /* delta= */ 2e-6,
                Duration.ofMillis(INTERVAL),
                phases,
                /* raiseBudget= */ false)
            .withHorizon(
                new HorizonTerms(
                    /* generations= */ 2, generation, new TreeMap<>(Map.of("id-key", "00ff")))));
  }

  private Attempt(String store, BudgetTerms terms) {
    coordinator = new RoundCoordinator(terms.phases(), /* restoredTick= */ 0, gate);
    session =
        new LedgerSession(
            InMemoryLedger.factory(store),
            terms,
            ACCOUNTANTS,
            ReleaseWitness.NONE,
            UUID.randomUUID().toString(),
            Optional.empty());
  }

  void open(long tick) throws Exception {
    EpochStart start = coordinator.opened(session.open(at(tick)), at(tick)).orElseThrow();
    Budgets.open(gate);
    coordinator.announced(model(start.epoch(), /* round= */ 0));
  }

  void reopen() throws Exception {
    assertThat(coordinator.opened(session.open(GENESIS), GENESIS)).isEmpty();
  }

  LedgerState ledger() {
    return session.state();
  }

  Step pulse(long tick) {
    return coordinator.pulse(at(tick));
  }

  Grant grant(long tick) throws Exception {
    assertThat(((Step.Charge) pulse(tick)).tick()).isEqualTo(tick);
    Grant grant = session.charge(tick, coordinator.nextClipNorm());
    coordinator.granted(grant, session.state(), session.accountant());
    return grant;
  }

  void acknowledge(Grant grant, List<Double> answer) {
    acknowledged = executed(grant, answer);
    coordinator.announced(model(grant.epoch(), grant.round()));
    coordinator.acknowledged(acknowledged);
  }

  void conclude(long tick) throws Exception {
    session.conclude(acknowledged, tick);
    coordinator.concluded(session.state(), session.accountant());
  }

  void calibrate(long tick, int until) throws Exception {
    Grant measurement = grant(tick);
    acknowledge(measurement, answer(until));
    pulse(tick + 1);
    conclude(tick + 1);
  }

  Grant run(long tick) throws Exception {
    Grant grant = grant(tick);
    acknowledge(grant, List.of());
    return grant;
  }

  private long at(long tick) {
    return GENESIS + tick * INTERVAL;
  }

  /** Histograms of 1,000 users whose norms fall until this candidate and not beyond. */
  static List<Double> answer(int until) {
    long[] sums = new long[Terms.NORMS.answerSize()];
    for (int candidate = 0; candidate < Terms.NORMS.groupSizes().size(); candidate++) {
      int examples = Math.min(until, Terms.NORMS.groupSizes().get(candidate));
      for (int user = 0; user < 1_000; user++) {
        NormHistogram.add(Terms.NORMS, candidate, 3 / Math.sqrt(examples), Terms.GRID, sums);
      }
    }
    return Arrays.stream(sums).mapToObj(Terms.GRID::value).toList();
  }

  private static ModelVersion model(long epoch, long round) {
    return new ModelVersion("job", epoch, round, "%064x".formatted(round), "%064x".formatted(0));
  }

  static RoundExecuted executed(Grant grant, List<Double> answer) {
    return new RoundExecuted(grant.epoch(), grant.round(), answer);
  }

  static <T extends LedgerRecord> List<T> records(String store, Class<T> type) throws Exception {
    try (var ledger = InMemoryLedger.factory(store).create()) {
      return ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(type::isInstance)
          .map(type::cast)
          .toList();
    }
  }
}
