package io.murmuration.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.MixtureOfGaussians;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.DurabilityGate;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.ReleaseWitness;
import io.murmuration.privacy.budget.RoundCoordinator;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The life of a domain that calibrates: real programme, coordinator, session and ledger. */
class CalibratedProgrammeTest {

  private static final long GENESIS = 50_000;
  private static final long INTERVAL = 100;

  /** One window of warm-up: the first tick that may calibrate. */
  private static final long WARM = 10;

  private static final AccountantFactory ACCOUNTANTS =
      (round, epsilon, delta) ->
          PldPhaseAccountant.forPhase(accounted(round), epsilon, delta, /* mostRounds= */ 2_000);

  private static CalibratedProgramme once;
  private static CalibratedProgramme twice;

  private final String store = UUID.randomUUID().toString();

  @BeforeAll
  static void programmes() {
    once = new CalibratedProgramme(Terms.userLevel(Recalibration.NEVER));
    twice =
        new CalibratedProgramme(
            Terms.userLevel(new Recalibration(/* everyWindows= */ 2, /* times= */ 1)));
  }

  private static Mechanism accounted(RoundMechanism round) {
    return round.sampler() == Sampler.ULS
        ? Mechanism.uls(round.samplingProbability(), round.noiseMultiplier())
        : new MixtureOfGaussians(
            round.samplingProbability(), round.groupSize(), round.noiseMultiplier());
  }

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  @Test
  void aMeasurementHasTheSensitivityOfItsQuery() {
    RoundMechanism norms = once.measurements().get(0);
    assertThat(norms.clipNorm()).isEqualTo(Math.sqrt(6));
    assertThat(norms.groupSize()).isEqualTo(32);
    assertThat(norms.samplingProbability()).isEqualTo(0.1);
    assertThat(norms.expectedUnits()).isEqualTo(1);
    List<RoundMechanism> ofExamples =
        new CalibratedProgramme(Terms.exampleLevel(Terms.NORMS)).measurements();
    assertThat(ofExamples.get(0).clipNorm()).isEqualTo(1);
    assertThat(ofExamples.get(0).samplingProbability()).isEqualTo(1);
    assertThat(ofExamples.get(1).query()).isEqualTo(Terms.NORMS);
  }

  @Test
  void allThatIsReservedIsNeverMoreThanTheBudget() {
    for (int times = 0; times < 12; times++) {
      CalibrationTerms terms = Terms.userLevel(new Recalibration(1, times));
      double epsilon =
          (times + 1) * (terms.measurementShare().epsilon() + terms.trainingShare().epsilon());
      assertThat(epsilon).isLessThanOrEqualTo(5 * (1 + 1e-15)).isCloseTo(5, within(1e-9));
    }
  }

  @Test
  void calibratesWhenTheDomainIsOldEnoughThenTrainsWithWhatFollows() throws Exception {
    Attempt attempt = new Attempt(once);
    attempt.open(0);
    assertThat(attempt.pulse(WARM - 1)).isEqualTo(new Step.Pass(WARM - 1));
    Grant measurement = attempt.grant(WARM);
    assertThat(measurement.mechanism()).isEqualTo(once.measurements().get(0));
    attempt.acknowledge(measurement, answer(4));
    assertThat(attempt.pulse(WARM + 1)).isInstanceOf(Step.Conclude.class);
    attempt.conclude(WARM + 1);
    Grant training = attempt.grant(WARM + 2);
    assertThat(training.phase()).isEqualTo(2);
    assertThat(training.mechanism()).isEqualTo(once.training(Map.of(Terms.NORMS, answer(4))));
    assertThat(training.mechanism().query()).isEqualTo(RoundQuery.UPDATE);
    assertThat(training.mechanism().expectedUnits())
        .isEqualTo(4_096.0 / training.mechanism().groupSize());
    assertThat(training.epsilonSpent()).isGreaterThan(0.5);
    assertThat(attempt.ledger().reserved().exactEpsilon()).isEqualByComparingTo("5");
    assertThat(attempt.ledger().phase().orElseThrow().maxRounds()).isEqualTo(2_000);
  }

  @Test
  void noRoundIsChargedBetweenTheMeasurementAndItsRecord() throws Exception {
    Attempt attempt = new Attempt(once);
    attempt.open(0);
    Grant measurement = attempt.grant(WARM);
    assertThat(attempt.pulse(WARM + 1)).isEqualTo(new Step.Pass(WARM + 1));
    attempt.acknowledge(measurement, answer(4));
    attempt.coordinator.ledgerLost();
    assertThat(attempt.pulse(WARM + 2)).isEqualTo(new Step.Pass(WARM + 2));
    attempt.reopen();
    assertThat(attempt.pulse(WARM + 3)).isInstanceOf(Step.Conclude.class);
  }

  @Test
  void anOutcomeWhoseAppendHadComeThroughIsNotRecordedTwice() throws Exception {
    Attempt attempt = new Attempt(once);
    attempt.open(0);
    Grant measurement = attempt.grant(WARM);
    attempt.acknowledge(measurement, answer(4));
    attempt.pulse(WARM + 1);
    attempt.session.conclude(executed(measurement, answer(4)), WARM + 1);
    attempt.coordinator.ledgerLost();
    attempt.reopen();
    Grant training = attempt.grant(WARM + 2);
    assertThat(training.phase()).isEqualTo(2);
    assertThat(records(Calibrated.class)).hasSize(1);
  }

  @Test
  void aRestartBetweenOutcomeAndTrainingDerivesTheSamePhaseFromTheLedgerAlone() throws Exception {
    Attempt first = new Attempt(once);
    first.open(0);
    Grant measurement = first.grant(WARM);
    first.acknowledge(measurement, answer(8));
    first.pulse(WARM + 1);
    first.conclude(WARM + 1);
    Attempt second = new Attempt(new CalibratedProgramme(Terms.userLevel(Recalibration.NEVER)));
    second.open(WARM + 1);
    Grant training = second.grant(WARM + 3);
    assertThat(training.mechanism()).isEqualTo(once.training(Map.of(Terms.NORMS, answer(8))));
    assertThat(records(LedgerRecord.PhaseOpened.class)).hasSize(2);
  }

  @Test
  void aVoidedMeasurementStaysChargedAndIsTriedAgainAsOftenAsReserved() throws Exception {
    CalibrationTerms terms = withAttempts(2);
    CalibratedProgramme programme = new CalibratedProgramme(terms);
    Attempt first = new Attempt(programme);
    first.open(0);
    first.grant(WARM);
    Attempt second = new Attempt(programme);
    second.open(WARM);
    Grant again = second.grant(WARM + 2);
    assertThat(again.round()).isEqualTo(2);
    assertThat(again.phase()).isEqualTo(1);
    Attempt third = new Attempt(programme);
    third.open(WARM + 2);
    // the outcome of an epoch that is over means nothing
    third.coordinator.acknowledged(executed(again, answer(4)));
    assertThat(third.pulse(WARM + 4))
        .isEqualTo(new Step.Halt(WARM + 4, HaltReason.CALIBRATION_FAILED));
    third.session.halt(HaltReason.CALIBRATION_FAILED);
    Attempt fourth = new Attempt(programme);
    fourth.open(WARM + 5);
    assertThat(fourth.coordinator.halt()).contains(HaltReason.CALIBRATION_FAILED);
    assertThat(fourth.ledger().reserved().exactEpsilon()).isEqualByComparingTo("0.5");
  }

  @Test
  void aRestartWithOtherCandidatesMeasuresAnewAndPaysForIt() throws Exception {
    Attempt first = new Attempt(twice);
    first.open(0);
    Grant measurement = first.grant(WARM);
    first.acknowledge(measurement, answer(4));
    first.pulse(WARM + 1);
    first.conclude(WARM + 1);
    CalibrationTerms terms = Terms.userLevel(new Recalibration(2, 1));
    RoundQuery.NormHistograms fewer =
        new RoundQuery.NormHistograms(List.of(1, 8), 0.01, Math.sqrt(2), 35);
    Attempt second = new Attempt(new CalibratedProgramme(with(terms, terms.attempts(), fewer)));
    second.open(WARM + 2);
    assertThat(second.ledger().phase().orElseThrow().mechanism().query()).isEqualTo(fewer);
    assertThat(second.ledger().phase().orElseThrow().phase()).isEqualTo(3);
  }

  @Test
  void recalibratesByPublicTimeAsOftenAsSetAside() throws Exception {
    Attempt attempt = new Attempt(twice);
    attempt.open(0);
    attempt.calibrate(WARM, 2);
    RoundMechanism before = attempt.run(WARM + 2).mechanism();
    // windows 1 to 3: two windows later
    attempt.run(29);
    Grant measurement = attempt.grant(30);
    assertThat(measurement.mechanism().query()).isEqualTo(Terms.NORMS);
    assertThat(measurement.phase()).isEqualTo(3);
    attempt.acknowledge(measurement, answer(16));
    attempt.pulse(31);
    attempt.conclude(31);
    Grant training = attempt.run(32);
    assertThat(training.phase()).isEqualTo(4);
    assertThat(training.mechanism()).isNotEqualTo(before);
    assertThat(attempt.run(90).phase()).isEqualTo(4);
    assertThat(attempt.ledger().reserved().exactEpsilon())
        .isLessThanOrEqualTo(java.math.BigDecimal.valueOf(5));
  }

  @Test
  void exampleLevelBoundsAWindowByTheMedianAndIsAccountedForAllLiveOnes() {
    CalibratedProgramme programme = new CalibratedProgramme(Terms.exampleLevel(/* norms= */ null));
    RoundQuery.CountHistogram counts = CountBins.upTo(32);
    Double[] bins = Collections.nCopies(counts.answerSize(), 0.0).toArray(new Double[0]);
    bins[counts.binOf(6)] = 7_000.0;
    bins[counts.binOf(30)] = 3_000.0;
    RoundMechanism chosen = programme.training(Map.of(counts, List.of(bins)));
    assertThat(chosen.sampler()).isEqualTo(Sampler.ELS);
    assertThat(chosen.groupSize()).isEqualTo(18);
    assertThat(chosen.clipNorm()).isEqualTo(1.25);
    assertThat(chosen.samplingProbability()).isCloseTo(512.0 / (10_000 * 18), within(1e-12));
    assertThat(chosen.expectedUnits()).isEqualTo(512);
  }

  @Test
  void whereOnlyNoiseWasFoundThereIsAChoiceAllTheSame() {
    List<Double> nothing = Collections.nCopies(Terms.NORMS.answerSize(), -1.0);
    assertThat(once.training(Map.of(Terms.NORMS, nothing)).clipNorm())
        .isCloseTo(0.01 * Math.pow(2, 8.5), within(1e-9));
    RoundQuery.CountHistogram counts = CountBins.upTo(32);
    assertThat(
            new CalibratedProgramme(Terms.exampleLevel(/* norms= */ null))
                .training(Map.of(counts, Collections.nCopies(counts.answerSize(), -1.0)))
                .groupSize())
        .isEqualTo(3);
  }

  @Test
  void refusesTermsThatLeaveNothingToChoose() {
    RoundQuery.NormHistograms one = new RoundQuery.NormHistograms(List.of(1), 0.01, 2, 18);
    CalibrationTerms terms = Terms.userLevel(Recalibration.NEVER);
    CalibrationTerms tooMuch =
        new CalibrationTerms(
            terms.sampler(),
            terms.budget(),
            terms.calibrationShare(),
            1,
            /* population= */ 100,
            terms.compute(),
            terms.rounds(),
            10,
            3,
            1,
            Recalibration.NEVER,
            null,
            one,
            0.1,
            0.5,
            1,
            null);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CalibratedProgramme(tooMuch))
        .withMessageContaining("at least one must be 40.96 or more");
  }

  private static CalibrationTerms withAttempts(int attempts) {
    return with(Terms.userLevel(Recalibration.NEVER), attempts, Terms.NORMS);
  }

  private static CalibrationTerms with(
      CalibrationTerms terms, int attempts, RoundQuery.NormHistograms norms) {
    return new CalibrationTerms(
        terms.sampler(),
        terms.budget(),
        terms.calibrationShare(),
        attempts,
        terms.population(),
        terms.compute(),
        terms.rounds(),
        terms.windowTicks(),
        terms.windows(),
        terms.warmUpWindows(),
        terms.recalibration(),
        terms.counts(),
        norms,
        terms.normSampling(),
        terms.normQuantile(),
        terms.clipNorm(),
        terms.adaptive());
  }

  /** Histograms of 1,000 users whose norms fall until this candidate and not beyond. */
  private static List<Double> answer(int until) {
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

  private static RoundExecuted executed(Grant grant, List<Double> answer) {
    return new RoundExecuted(grant.epoch(), grant.round(), answer);
  }

  private <T extends LedgerRecord> List<T> records(Class<T> type) throws Exception {
    try (var ledger = InMemoryLedger.factory(store).create()) {
      return ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(type::isInstance)
          .map(type::cast)
          .toList();
    }
  }

  /** One attempt, of a job of its own. */
  private final class Attempt {
    private final DurabilityGate gate = Budgets.gate();
    private final RoundCoordinator coordinator;
    private final LedgerSession session;
    private RoundExecuted acknowledged;

    Attempt(CalibratedProgramme programme) {
      coordinator = new RoundCoordinator(programme, /* restoredTick= */ 0, gate);
      BudgetTerms terms =
          new BudgetTerms(
              "starlings",
              5,
              1e-6,
              Duration.ofMillis(INTERVAL),
              programme,
              /* raiseBudget= */ false);
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
  }
}
