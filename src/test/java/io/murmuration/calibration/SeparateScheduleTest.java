package io.murmuration.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Calibrated;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The life of a domain that calibrates: real schedule, coordinator, session and ledger. */
class SeparateScheduleTest {

  private static SeparateSchedule once;
  private static SeparateSchedule twice;

  private final String store = UUID.randomUUID().toString();

  @BeforeAll
  static void schedules() {
    once = new SeparateSchedule(Terms.userLevel(Recalibration.NEVER));
    twice =
        new SeparateSchedule(
            Terms.userLevel(new Recalibration(/* everyWindows= */ 2, /* times= */ 1)));
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
        new SeparateSchedule(Terms.exampleLevel(Terms.NORMS)).measurements();
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
    Attempt attempt = new Attempt(store, once);
    attempt.open(0);
    assertThat(attempt.pulse(Attempt.WARM - 1)).isEqualTo(new Step.Pass(Attempt.WARM - 1));
    Grant measurement = attempt.grant(Attempt.WARM);
    assertThat(measurement.mechanism()).isEqualTo(once.measurements().get(0));
    attempt.acknowledge(measurement, Attempt.answer(4));
    assertThat(attempt.pulse(Attempt.WARM + 1)).isInstanceOf(Step.Conclude.class);
    attempt.conclude(Attempt.WARM + 1);
    Grant training = attempt.grant(Attempt.WARM + 2);
    assertThat(training.phase()).isEqualTo(2);
    assertThat(training.mechanism())
        .isEqualTo(once.training(Map.of(Terms.NORMS, Attempt.answer(4))));
    assertThat(training.mechanism().query()).isEqualTo(RoundQuery.UPDATE);
    assertThat(training.mechanism().expectedUnits())
        .isEqualTo(4_096.0 / training.mechanism().groupSize());
    assertThat(training.epsilonSpent()).isGreaterThan(0.5);
    assertThat(attempt.ledger().reserved().exactEpsilon()).isEqualByComparingTo("5");
    assertThat(attempt.ledger().phase().orElseThrow().maxRounds()).isEqualTo(2_000);
  }

  @Test
  void noRoundIsChargedBetweenTheMeasurementAndItsRecord() throws Exception {
    Attempt attempt = new Attempt(store, once);
    attempt.open(0);
    Grant measurement = attempt.grant(Attempt.WARM);
    assertThat(attempt.pulse(Attempt.WARM + 1)).isEqualTo(new Step.Pass(Attempt.WARM + 1));
    attempt.acknowledge(measurement, Attempt.answer(4));
    attempt.coordinator.ledgerLost();
    assertThat(attempt.pulse(Attempt.WARM + 2)).isEqualTo(new Step.Pass(Attempt.WARM + 2));
    attempt.reopen();
    assertThat(attempt.pulse(Attempt.WARM + 3)).isInstanceOf(Step.Conclude.class);
  }

  @Test
  void anOutcomeWhoseAppendHadComeThroughIsNotRecordedTwice() throws Exception {
    Attempt attempt = new Attempt(store, once);
    attempt.open(0);
    Grant measurement = attempt.grant(Attempt.WARM);
    attempt.acknowledge(measurement, Attempt.answer(4));
    attempt.pulse(Attempt.WARM + 1);
    attempt.session.conclude(Attempt.executed(measurement, Attempt.answer(4)), Attempt.WARM + 1);
    attempt.coordinator.ledgerLost();
    attempt.reopen();
    Grant training = attempt.grant(Attempt.WARM + 2);
    assertThat(training.phase()).isEqualTo(2);
    assertThat(Attempt.records(store, Calibrated.class)).hasSize(1);
  }

  @Test
  void aRestartBetweenOutcomeAndTrainingDerivesTheSamePhaseFromTheLedgerAlone() throws Exception {
    Attempt first = new Attempt(store, once);
    first.open(0);
    Grant measurement = first.grant(Attempt.WARM);
    first.acknowledge(measurement, Attempt.answer(8));
    first.pulse(Attempt.WARM + 1);
    first.conclude(Attempt.WARM + 1);
    Attempt second = new Attempt(store, new SeparateSchedule(Terms.userLevel(Recalibration.NEVER)));
    second.open(Attempt.WARM + 1);
    Grant training = second.grant(Attempt.WARM + 3);
    assertThat(training.mechanism())
        .isEqualTo(once.training(Map.of(Terms.NORMS, Attempt.answer(8))));
    assertThat(Attempt.records(store, LedgerRecord.PhaseOpened.class)).hasSize(2);
  }

  @Test
  void aVoidedMeasurementStaysChargedAndIsTriedAgainAsOftenAsReserved() throws Exception {
    CalibrationTerms terms = withAttempts(2);
    SeparateSchedule phases = new SeparateSchedule(terms);
    Attempt first = new Attempt(store, phases);
    first.open(0);
    first.grant(Attempt.WARM);
    Attempt second = new Attempt(store, phases);
    second.open(Attempt.WARM);
    Grant again = second.grant(Attempt.WARM + 2);
    assertThat(again.round()).isEqualTo(2);
    assertThat(again.phase()).isEqualTo(1);
    Attempt third = new Attempt(store, phases);
    third.open(Attempt.WARM + 2);
    // the outcome of an epoch that is over means nothing
    third.coordinator.acknowledged(Attempt.executed(again, Attempt.answer(4)));
    assertThat(third.pulse(Attempt.WARM + 4))
        .isEqualTo(new Step.Halt(Attempt.WARM + 4, HaltReason.CALIBRATION_FAILED));
    third.session.halt(HaltReason.CALIBRATION_FAILED);
    Attempt fourth = new Attempt(store, phases);
    fourth.open(Attempt.WARM + 5);
    assertThat(fourth.coordinator.halt()).contains(HaltReason.CALIBRATION_FAILED);
    assertThat(fourth.ledger().reserved().exactEpsilon()).isEqualByComparingTo("0.5");
  }

  @Test
  void aRestartWithOtherCandidatesMeasuresAnewAndPaysForIt() throws Exception {
    Attempt first = new Attempt(store, twice);
    first.open(0);
    Grant measurement = first.grant(Attempt.WARM);
    first.acknowledge(measurement, Attempt.answer(4));
    first.pulse(Attempt.WARM + 1);
    first.conclude(Attempt.WARM + 1);
    CalibrationTerms terms = Terms.userLevel(new Recalibration(2, 1));
    RoundQuery.NormHistograms fewer =
        new RoundQuery.NormHistograms(List.of(1, 8), 0.01, Math.sqrt(2), 35);
    Attempt second = new Attempt(store, new SeparateSchedule(with(terms, terms.attempts(), fewer)));
    second.open(Attempt.WARM + 2);
    assertThat(second.ledger().phase().orElseThrow().mechanism().query()).isEqualTo(fewer);
    assertThat(second.ledger().phase().orElseThrow().phase()).isEqualTo(3);
  }

  @Test
  void recalibratesByPublicTimeAsOftenAsSetAside() throws Exception {
    Attempt attempt = new Attempt(store, twice);
    attempt.open(0);
    attempt.calibrate(Attempt.WARM, 2);
    RoundMechanism before = attempt.run(Attempt.WARM + 2).mechanism();
    // windows 1 to 3: two windows later
    attempt.run(29);
    Grant measurement = attempt.grant(30);
    assertThat(measurement.mechanism().query()).isEqualTo(Terms.NORMS);
    assertThat(measurement.phase()).isEqualTo(3);
    attempt.acknowledge(measurement, Attempt.answer(16));
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
    SeparateSchedule phases = new SeparateSchedule(Terms.exampleLevel(/* norms= */ null));
    RoundQuery.CountHistogram counts = CountBins.upTo(32);
    Double[] bins = Collections.nCopies(counts.answerSize(), 0.0).toArray(new Double[0]);
    bins[counts.binOf(6)] = 7_000.0;
    bins[counts.binOf(30)] = 3_000.0;
    RoundMechanism chosen = phases.training(Map.of(counts, List.of(bins)));
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
            new SeparateSchedule(Terms.exampleLevel(/* norms= */ null))
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
        .isThrownBy(() -> new SeparateSchedule(tooMuch))
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
}
