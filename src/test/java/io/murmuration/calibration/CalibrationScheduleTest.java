package io.murmuration.calibration;

import static io.murmuration.calibration.Attempt.WARM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The life of a domain that reserves jointly: real schedule, coordinator, session and ledger. */
class CalibrationScheduleTest {

  private static final int ROUNDS = 8;
  private static final NormHistograms NORMS = new NormHistograms(List.of(1, 4), 0.1, 2, 6);

  /** Two cycles, and one measurement that may be repeated. */
  private static CalibrationSchedule twice;

  private static CalibrationTerms twiceTerms;

  private final String store = UUID.randomUUID().toString();

  @BeforeAll
  static void schedules() {
    twiceTerms = terms(new Recalibration(/* everyWindows= */ 2, /* times= */ 1), 0.1, NORMS);
    twice = new CalibrationSchedule(twiceTerms);
  }

  private static CalibrationTerms terms(
      Recalibration recalibration, double share, NormHistograms norms) {
    return new CalibrationTerms(
        Sampler.ULS,
        PrivacyLoss.budget("budget", 5, 1e-6),
        share,
        /* attempts= */ 2,
        /* population= */ 10_000,
        /* compute= */ 512,
        ROUNDS,
        /* windowTicks= */ 10,
        /* windows= */ 3,
        /* warmUpWindows= */ 1,
        recalibration,
        /* counts= */ null,
        norms,
        /* normSampling= */ 0.1,
        /* normQuantile= */ 0.5,
        /* clipNorm= */ 1,
        /* adaptive= */ null);
  }

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  /** Norms of bin 4 at G = 1, of this bin at G = 4. */
  private static List<Double> answer(int binOfFour) {
    List<Double> bins = new ArrayList<>(Collections.nCopies(12, 0.0));
    bins.set(4, 100.0);
    bins.set(6 + binOfFour, 100.0);
    return bins;
  }

  private Attempt attempt() {
    return new Attempt(store, twice);
  }

  private void calibrate(Attempt attempt, long tick, int binOfFour) throws Exception {
    Grant measurement = attempt.grant(tick);
    attempt.acknowledge(measurement, answer(binOfFour));
    attempt.pulse(tick + 1);
    attempt.conclude(tick + 1);
  }

  @Test
  void aMeasurementHasTheSensitivityOfItsQuery() {
    RoundMechanism norms = twice.measurements().get(0);
    assertThat(norms.clipNorm()).isEqualTo(Math.sqrt(2));
    assertThat(norms.groupSize()).isEqualTo(4);
    assertThat(norms.samplingProbability()).isEqualTo(0.1);
    assertThat(norms.expectedUnits()).isEqualTo(1);
  }

  /** The measurement is paid for as if everybody took part, and the lifetime is behind it. */
  @Test
  void aCalibrationIsPartOfAGenerationWhoseTrainingNeverEnds() throws Exception {
    CalibrationSchedule once = new CalibrationSchedule(terms(Recalibration.NEVER, 0.1, NORMS));
    Attempt first = Attempt.ofGeneration(store, once, 1);
    first.open(0);
    assertThat(first.ledger().horizon()).isEmpty();
    calibrate(first, WARM, 2);
    Horizon horizon = new Horizon(1, ROUNDS, 2);
    double spent = 0;
    for (int round = 1; round <= 3 * ROUNDS; round++) {
      Grant grant = first.run(WARM + 2 + round);
      assertThat(grant.horizon()).isEqualTo(horizon);
      if (round > ROUNDS) {
        assertThat(grant.epsilonSpent()).isEqualTo(spent).isLessThanOrEqualTo(5);
      } else {
        assertThat(grant.epsilonSpent()).isGreaterThanOrEqualTo(spent);
      }
      spent = grant.epsilonSpent();
    }
    assertThat(first.coordinator.halt()).isEmpty();

    Attempt second = Attempt.ofGeneration(store, once, 2);
    second.open(60);
    assertThat(second.ledger().phase().orElseThrow().mechanism().query().isCalibration()).isTrue();
    calibrate(second, 70, 2);
    Grant grant = second.run(73);
    assertThat(grant.horizon()).isEqualTo(new Horizon(2, ROUNDS, 3L + 3 * ROUNDS));
    assertThat(grant.epsilonSpent()).isGreaterThan(5).isLessThan(10);
    assertThat(Attempt.records(store, JointlyReserved.class)).hasSize(2);
    try (Ledger ledger = InMemoryLedger.factory(store).create()) {
      ChargeHistory history =
          ChargeHistory.of(
              ledger.read(),
              "test",
              (round, epsilon, delta) ->
                  PldPhaseAccountant.forPhase(round.accounted(), epsilon, delta));
      assertThat(history.uncoveredLifetime()).isEmpty();
    }
  }

  /** Counts and norms, each once, and one more of either. */
  @Test
  void countsAndNormsShareWhatIsReservedForRepetitions() {
    CalibrationTerms terms =
        new CalibrationTerms(
            Sampler.ELS,
            PrivacyLoss.budget("budget", 5, 1e-6),
            /* calibrationShare= */ 0.1,
            /* attempts= */ 2,
            /* population= */ 10_000,
            /* compute= */ 512,
            ROUNDS,
            /* windowTicks= */ 10,
            /* windows= */ 1,
            /* warmUpWindows= */ 1,
            Recalibration.NEVER,
            CountBins.upTo(2),
            new NormHistograms(List.of(1), 0.1, 2, 6),
            /* normSampling= */ 0.1,
            /* normQuantile= */ 0.5,
            /* clipNorm= */ 1,
            /* adaptive= */ null);
    JointSlots joint = JointSlots.of(terms);
    assertThat(joint.measurements().get(0).samplingProbability()).isEqualTo(1);
    assertThat(joint.measurements().get(0).clipNorm()).isEqualTo(1);
    assertThat(joint.slots()).extracting(LedgerRecord.Slot::times).containsExactly(1, 1, 1, 1);
    LedgerRecord.Slot repeated = joint.slots().get(joint.retrySlot() - 1);
    for (RoundMechanism measurement : joint.measurements()) {
      assertThat(repeated.optionOf(measurement)).isPresent();
    }
    JointlyReserved reserved = new JointlyReserved(1, joint.slots(), 5, 1e-6);
    assertThat(reserved.accounts().isCovered()).isTrue();
    assertThat(reserved.accounts().epsilon()).isGreaterThan(4.95);
    // the looks alone cost their share, and not each its own
    JointlyReserved looks = new JointlyReserved(1, joint.slots().subList(0, 3), 5, 1e-6);
    assertThat(looks.accounts().epsilon()).isBetween(0.49, 0.5);
  }

  @Test
  void allPhasesAreReservedAtOnceAndEachTakesItsSlot() throws Exception {
    Attempt attempt = attempt();
    attempt.open(0);
    assertThat(attempt.pulse(WARM - 1)).isEqualTo(new Step.Pass(WARM - 1));
    calibrate(attempt, WARM, 4);
    Grant training = attempt.grant(WARM + 2);

    assertThat(training.mechanism()).isEqualTo(twice.training(Map.of(NORMS, answer(4))));
    List<JointlyReserved> reserved = Attempt.records(store, JointlyReserved.class);
    assertThat(reserved).hasSize(1);
    assertThat(reserved.get(0).accounts().isCovered()).isTrue();
    assertThat(Attempt.records(store, PhaseOpened.class))
        .extracting(PhaseOpened::slot, PhaseOpened::maxRounds)
        .containsExactly(tuple(1, 1L), tuple(3, ROUNDS / 2L));
    assertThat(attempt.ledger().reserved()).isEqualTo(PrivacyLoss.budget("budget", 5, 1e-6));
    assertThat(training.delta()).isEqualTo(1e-6);
  }

  @Test
  void whatIsStatedNeverFallsNeverExceedsWhatIsReservedAndIsRecomputedFromTheLedger()
      throws Exception {
    Attempt attempt = attempt();
    attempt.open(0);
    List<Grant> granted = new ArrayList<>();
    calibrate(attempt, WARM, 4);
    for (int round = 0; round < ROUNDS / 2; round++) {
      granted.add(attempt.run(WARM + 2 + round));
    }
    calibrate(attempt, 40, 2);
    for (int round = 0; round < ROUNDS / 2; round++) {
      granted.add(attempt.run(50 + round));
    }
    assertThat(granted.get(0).epsilonSpent()).isBetween(0.1, 4.0);
    for (int i = 1; i < granted.size(); i++) {
      assertThat(granted.get(i).epsilonSpent())
          .isGreaterThanOrEqualTo(granted.get(i - 1).epsilonSpent());
    }
    // the last but the measurement that was never repeated
    assertThat(granted.get(granted.size() - 1).epsilonSpent()).isBetween(4.9, 5.0);
    ChargeHistory history = history();
    for (ChargeHistory.Charged charged : history.charges()) {
      granted.stream()
          .filter(grant -> grant.round() == charged.charge().round())
          .forEach(
              grant -> {
                assertThat(history.epsilonAfter(charged)).isEqualTo(grant.epsilonSpent());
                assertThat(history.covers(charged, grant.epsilonSpent())).isTrue();
                assertThat(history.covers(charged, 0.9 * grant.epsilonSpent())).isFalse();
              });
    }
    assertThat(history.roundsLeft()).hasValue(0);
    assertThat(attempt.pulse(60)).isEqualTo(new Step.Halt(60, HaltReason.BUDGET_SPENT));
  }

  private ChargeHistory history() throws Exception {
    try (Ledger ledger = InMemoryLedger.factory(store).create()) {
      return ChargeHistory.of(
          ledger.read(),
          ledger.location(),
          (round, epsilon, delta) ->
              PldPhaseAccountant.forPhase(round.accounted(), epsilon, delta));
    }
  }

  @Test
  void aVoidMeasurementIsRepeatedInTheSlotForThatAndThenGivenUp() throws Exception {
    Attempt first = attempt();
    first.open(0);
    first.grant(WARM);
    Attempt second = attempt();
    second.open(WARM);
    Grant again = second.grant(WARM + 2);
    assertThat(again.mechanism()).isEqualTo(twice.measurements().get(0));
    assertThat(second.ledger().phase().orElseThrow().slot()).isEqualTo(2);
    Attempt third = attempt();
    third.open(WARM + 2);
    // the outcome of an epoch that is over means nothing
    third.coordinator.acknowledged(Attempt.executed(again, answer(4)));
    assertThat(third.pulse(WARM + 4))
        .isEqualTo(new Step.Halt(WARM + 4, HaltReason.CALIBRATION_FAILED));
    third.session.halt(HaltReason.CALIBRATION_FAILED);
    Attempt fourth = attempt();
    fourth.open(WARM + 5);
    assertThat(fourth.coordinator.halt()).contains(HaltReason.CALIBRATION_FAILED);
  }

  @Test
  void aRepeatedMeasurementCountsLikeAFirst() throws Exception {
    Attempt first = attempt();
    first.open(0);
    first.grant(WARM);
    Attempt second = attempt();
    second.open(WARM);
    calibrate(second, WARM + 2, 2);
    Grant training = second.grant(WARM + 4);
    assertThat(training.mechanism()).isEqualTo(twice.training(Map.of(NORMS, answer(2))));
    assertThat(Attempt.records(store, PhaseOpened.class))
        .extracting(PhaseOpened::slot)
        .containsExactly(1, 2, 3);
  }

  @Test
  void noMeasurementIsRepeatedWhileOneIsInFlight() throws Exception {
    Attempt attempt = attempt();
    attempt.open(0);
    Grant measurement = attempt.grant(WARM);
    assertThat(attempt.pulse(WARM + 1)).isEqualTo(new Step.Pass(WARM + 1));
    attempt.acknowledge(measurement, answer(4));
    attempt.coordinator.ledgerLost();
    attempt.reopen();
    assertThat(attempt.pulse(WARM + 3)).isInstanceOf(Step.Conclude.class);
    assertThat(Attempt.records(store, PhaseOpened.class)).hasSize(1);
  }

  @Test
  void recalibratesByPublicTimeAsOftenAsReserved() throws Exception {
    Attempt attempt = attempt();
    attempt.open(0);
    calibrate(attempt, WARM, 4);
    RoundMechanism before = attempt.run(WARM + 2).mechanism();
    Grant measurement = attempt.grant(30);
    assertThat(measurement.mechanism().query()).isEqualTo(NORMS);
    attempt.acknowledge(measurement, answer(1));
    attempt.pulse(31);
    attempt.conclude(31);
    Grant training = attempt.run(32);
    assertThat(training.mechanism().groupSize()).isNotEqualTo(before.groupSize());
    assertThat(attempt.run(90).phase()).isEqualTo(4);
    assertThat(Attempt.records(store, PhaseOpened.class))
        .extracting(PhaseOpened::slot)
        .containsExactly(1, 3, 1, 3);
  }

  @Test
  void aRestartGoesOnFromTheLedgerAlone() throws Exception {
    Attempt first = attempt();
    first.open(0);
    calibrate(first, WARM, 4);
    Grant training = first.grant(WARM + 2);
    Attempt second = attempt();
    second.open(WARM + 3);
    Grant next = second.grant(WARM + 5);
    assertThat(next.mechanism()).isEqualTo(training.mechanism());
    assertThat(next.phase()).isEqualTo(training.phase());
    assertThat(Attempt.records(store, PhaseOpened.class)).hasSize(2);
  }

  @Test
  void aCrashBetweenReservationAndItsFirstPhaseIsCompleted() throws Exception {
    Attempt attempt = attempt();
    attempt.open(0);
    List<LedgerRecord> until = new ArrayList<>();
    try (Ledger ledger = InMemoryLedger.factory(store).create()) {
      ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(record -> !(record instanceof PhaseOpened))
          .forEach(until::add);
    }
    InMemoryLedger.forget(store);
    try (Ledger ledger = InMemoryLedger.factory(store).create()) {
      ledger.open();
      LedgerState state = LedgerState.empty();
      for (LedgerRecord record : until) {
        LedgerEntry entry = LedgerEntry.after(state, record);
        ledger.append(entry);
        state = state.apply(entry);
      }
    }
    attempt().open(1);
    assertThat(Attempt.records(store, JointlyReserved.class)).hasSize(1);
    assertThat(Attempt.records(store, PhaseOpened.class)).hasSize(1);
  }

  @Test
  void otherTermsThanThoseReservedAreRefused() throws Exception {
    Attempt first = attempt();
    first.open(0);
    calibrate(first, WARM, 4);
    Recalibration same = twiceTerms.recalibration();
    NormHistograms fewer = new NormHistograms(List.of(1), 0.1, 2, 6);
    NormHistograms finer = new NormHistograms(List.of(1, 4), 0.1, 1.5, 8);
    for (CalibrationTerms other :
        List.of(
            terms(same, 0.1, fewer),
            terms(same, 0.2, NORMS),
            terms(new Recalibration(2, 2), 0.1, NORMS),
            terms(same, 0.1, finer))) {
      assertThatThrownBy(() -> new Attempt(store, new CalibrationSchedule(other)).open(WARM + 3))
          .isInstanceOf(LedgerException.Refused.class)
          .hasMessageContaining("Go back to the configuration that reserved it");
    }
    assertThat(Attempt.records(store, PhaseOpened.class)).hasSize(2);
  }

  @Test
  void anotherScheduleHasNothingToReserve() throws Exception {
    Attempt first = attempt();
    first.open(0);
    calibrate(first, WARM, 4);
    PhaseSchedule fixed =
        PhaseSchedule.of(new RoundMechanism(Sampler.ULS, 0.1, 4, 2, 1, 16), /* share= */ null, 100);
    assertThatThrownBy(() -> new Attempt(store, fixed).open(WARM + 3))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("Raise epsilon and delta");
  }

  /** A fixed schedule of the very mechanism goes on in its slot, and states the joint ε. */
  @Test
  void theSameMechanismConfiguredIsStillAccountedForJointly() throws Exception {
    Attempt first = attempt();
    first.open(0);
    calibrate(first, WARM, 4);
    Grant training = first.grant(WARM + 2);
    PhaseSchedule fixed =
        PhaseSchedule.of(training.mechanism(), /* share= */ null, /* maxRounds= */ 100);
    Attempt second = new Attempt(store, fixed);
    second.open(WARM + 3);
    Grant next = second.grant(WARM + 5);
    assertThat(next.phase()).isEqualTo(training.phase());
    assertThat(next.epsilonSpent()).isGreaterThanOrEqualTo(training.epsilonSpent());
    assertThat(history().epsilonAfter(history().charges().get(2))).isEqualTo(next.epsilonSpent());
  }

  @Test
  void whatARaiseAddsIsReservedWhenTheSlotsAreRun() throws Exception {
    CalibrationTerms terms = terms(Recalibration.NEVER, 0.1, NORMS);
    Attempt first = new Attempt(store, new CalibrationSchedule(terms));
    first.open(0);
    calibrate(first, WARM, 4);
    for (int round = 0; round < ROUNDS - 1; round++) {
      first.run(WARM + 2 + round);
    }
    CalibrationTerms raised = terms.withBudget(PrivacyLoss.budget("budget", 12, 2e-6));
    CalibrationSchedule after = new CalibrationSchedule(raised);
    Attempt second = new Attempt(store, after, /* epsilon= */ 12, 2e-6, true);
    second.open(30);
    Grant lastOfSlot = second.run(32);
    assertThat(lastOfSlot.phase()).isEqualTo(2);
    assertThat(lastOfSlot.epsilonSpent()).isLessThanOrEqualTo(5);
    Grant behind = second.run(33);
    assertThat(behind.phase()).isEqualTo(3);
    assertThat(behind.mechanism()).isEqualTo(lastOfSlot.mechanism());
    assertThat(behind.epsilonSpent()).isBetween(5.0, 12.0);
    assertThat(behind.delta()).isEqualTo(2e-6);
    assertThat(second.ledger().joint()).isEmpty();
    // and a restart goes on there
    Attempt third = new Attempt(store, after, /* epsilon= */ 12, 2e-6, true);
    third.open(34);
    assertThat(third.run(36).phase()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aRaiseThatAffordsNothingIsRefusedWhenItIsAskedFor(boolean isTraining) throws Exception {
    CalibrationTerms terms = isTraining ? terms(Recalibration.NEVER, 0.1, NORMS) : twiceTerms;
    Attempt first = isTraining ? new Attempt(store, new CalibrationSchedule(terms)) : attempt();
    first.open(0);
    if (isTraining) {
      calibrate(first, WARM, 4);
      first.run(WARM + 2);
    }
    double epsilon = terms.budget().epsilon();
    Throwable tooSmall = catchThrowable(() -> raise(terms, epsilon + 0.001, 2e-6));
    assertThat(tooSmall)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("does not afford one round of training");
    assertThatThrownBy(() -> raise(terms, epsilon + 5, terms.budget().delta()))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("raise both");
    assertThat(Attempt.records(store, BudgetRaised.class)).isEmpty();

    // the smallest that is said to help does
    double least =
        Double.parseDouble(
            tooSmall.getMessage().replaceAll("(?s).*raise epsilon to (\\S+) at.*", "$1"));
    assertThatThrownBy(() -> raise(terms, least - 2e-4, 2e-6))
        .isInstanceOf(LedgerException.Refused.class);
    raise(terms, least, 2e-6);
    assertThat(Attempt.records(store, BudgetRaised.class)).hasSize(1);
  }

  private void raise(CalibrationTerms terms, double epsilon, double delta) throws Exception {
    CalibrationTerms raised = terms.withBudget(PrivacyLoss.budget("budget", epsilon, delta));
    new Attempt(store, new CalibrationSchedule(raised), epsilon, delta, true).open(WARM + 5);
  }

  @Test
  void aDomainThatReservedForEachPhaseGoesOnLikeThat() throws Exception {
    SeparateSchedule before = new SeparateSchedule(twiceTerms);
    Attempt first = new Attempt(store, before);
    first.open(0);
    calibrate(first, WARM, 4);
    Grant training = first.grant(WARM + 2);
    Attempt second = attempt();
    second.open(WARM + 3);
    Grant next = second.grant(WARM + 5);
    assertThat(next.mechanism()).isEqualTo(training.mechanism());
    assertThat(next.phase()).isEqualTo(2);
    assertThat(Attempt.records(store, JointlyReserved.class)).isEmpty();
    assertThat(Attempt.records(store, Calibrated.class)).hasSize(1);
    RoundMechanism measured = before.measurements().get(0);
    assertThat(twice.isJoint(measured)).isFalse();
    assertThat(twice.trainingAfter(measured, answer(4))).contains(training.mechanism());
  }

  /** The calibration page's example, and ε 8 with one and with three recalibrations. */
  @ParameterizedTest
  @CsvSource({"2, 150, 0, 2.134", "8, 600, 1, 1.337", "8, 600, 3, 1.336"})
  void noiseIsThatOfJointComposition(double epsilon, long rounds, int times, double expected) {
    JointSlots joint =
        JointSlots.of(
            new CalibrationTerms(
                Sampler.ULS,
                PrivacyLoss.budget("budget", epsilon, 1e-6),
                /* calibrationShare= */ 0.1,
                /* attempts= */ 3,
                /* population= */ 15_000,
                /* compute= */ 1_024,
                rounds,
                /* windowTicks= */ 10,
                /* windows= */ 3,
                /* warmUpWindows= */ 1,
                new Recalibration(10, times),
                /* counts= */ null,
                new NormHistograms(List.of(1, 2, 4, 8), 0.1, 2, 6),
                /* normSampling= */ 0.02,
                /* normQuantile= */ 0.5,
                /* clipNorm= */ 1,
                /* adaptive= */ null));
    assertThat(joint.training().get(0).noiseMultiplier()).isCloseTo(expected, within(0.002));
  }

  @Test
  void whateverIsMeasured_exampleLevelTrainingIsOneOfItsOptions() {
    CalibrationTerms terms = Terms.exampleLevel(/* norms= */ null);
    CalibrationChoice choice = new CalibrationChoice(terms);
    var options = choice.options(/* noiseMultiplier= */ 2);
    assertThat(options).doesNotHaveDuplicates().hasSizeBetween(30, 60);
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 300; i++) {
      double scale = Math.pow(10, random.nextInt(6));
      List<Double> counts =
          random
              .doubles(terms.counts().answerSize(), -0.3, 1)
              .map(share -> scale * Math.pow(share, 5))
              .boxed()
              .toList();
      Map<RoundQuery, List<Double>> answers = Map.of(terms.counts(), counts);
      RoundMechanism chosen = choice.mechanism(answers, options);
      assertThat(options).contains(LedgerRecord.Option.of(chosen, terms.trainingRounds()));
      assertThat(chosen.expectedUnits())
          .as("no more than the compute, and no less than the grid's step")
          .isBetween(256 - 1e-9, 512 + 1e-9);
    }
  }
}
