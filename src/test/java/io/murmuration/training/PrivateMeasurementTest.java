package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.event.Example;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.CohortBuffer.Cohort;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What one user can move in the sums that are noised: neighbouring cohorts, without noise. */
class PrivateMeasurementTest {

  private static final NormHistograms NORMS =
      new NormHistograms(
          List.of(1, 2, 4), /* smallestNorm= */ 0.01, /* ratio= */ 2, /* bins= */ 20);
  private static final CountHistogram COUNTS = new CountHistogram(List.of(1, 2, 4));

  private final QuadraticEngine engine = new QuadraticEngine(4);

  /** Noise that puts its standard deviation where others put a sample of it. */
  private final PrivateMeasurement measurement =
      new PrivateMeasurement(
          engine,
          () ->
              (sum, deviation) -> {
                for (int i = 0; i < sum.length; i++) {
                  sum[i] += deviation;
                }
              });

  private static RoundMechanism mechanism(RoundQuery query, double clipNorm) {
    return new RoundMechanism(Sampler.ULS, 0.5, 4, /* noiseMultiplier= */ 2, clipNorm, 1, query);
  }

  private static Grant grant(RoundMechanism mechanism) {
    return new Grant(1, 1, 1, 1, mechanism, 0.5, 1e-6, "00");
  }

  private static UserSample user(String id, int examples) {
    return new UserSample(
        1,
        1,
        1,
        id,
        IntStream.range(0, examples).mapToObj(i -> new Example(null, id + " says " + i)).toList());
  }

  private double[] norms(List<UserSample> samples) {
    return measurement.exactSums(
        new Cohort(grant(mechanism(NORMS, Math.sqrt(3))), samples), engine.initialParameters());
  }

  private static double distance(double[] one, double[] other) {
    double squares = 0;
    for (int i = 0; i < one.length; i++) {
      squares += (one[i] - other[i]) * (one[i] - other[i]);
    }
    return Math.sqrt(squares);
  }

  @Test
  void oneUserMovesTheNormHistogramsJointlyByAtMostTheRootOfTheirNumber() {
    List<UserSample> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(user("user " + i, 1 + i % 6));
    }
    double[] with = norms(all);
    for (int gone = 0; gone < all.size(); gone++) {
      List<UserSample> others = new ArrayList<>(all);
      others.remove(gone);
      assertThat(distance(with, norms(others))).isPositive().isLessThanOrEqualTo(Math.sqrt(3));
    }
  }

  @Test
  void aSecondRecordOfAUserCountsForNothing() {
    assertThat(norms(List.of(user("ann", 2), user("ann", 4))))
        .isEqualTo(norms(List.of(user("ann", 2))));
  }

  @Test
  void aUserWhoseGradientIsNotFiniteIsNotMeasured() {
    UserSample broken = new UserSample(1, 1, 1, "bob", List.of(new Example(null, "NaN")));
    assertThat(norms(List.of(user("ann", 2), broken))).isEqualTo(norms(List.of(user("ann", 2))));
  }

  @Test
  void theNoiseIsThatOfTheJointSensitivityAndIsAddedToAnEmptyCohortToo() {
    List<Double> answer =
        measurement.measure(
            new Cohort(grant(mechanism(NORMS, Math.sqrt(3))), List.of()),
            engine.initialParameters());
    assertThat(answer).hasSize(60);
    assertThat(answer)
        .allSatisfy(bin -> assertThat(bin).isCloseTo(2 * Math.sqrt(3) * (1 + 1e-3), within(1e-12)));
  }

  @Test
  void partialCountsAddUpAndAreNoisedOnce() {
    Cohort cohort =
        new Cohort(
            grant(mechanism(COUNTS, 1)),
            List.of(),
            List.of(
                new UserCounts(1, 1, 1, List.of(3L, 0L, 1L)),
                new UserCounts(1, 1, 1, List.of(1L, 2L, 0L))));
    assertThat(measurement.measure(cohort, engine.initialParameters()))
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : 1)
        .containsExactly(4 + 2.002, 2 + 2.002, 1 + 2.002);
  }

  @Test
  void refusesAClipNormThatIsNotTheSensitivity() {
    Cohort cohort = new Cohort(grant(mechanism(NORMS, 1)), List.of());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> measurement.measure(cohort, engine.initialParameters()))
        .withMessageContaining("must be its sensitivity");
  }

  // ---- adaptive clipping ----

  private static final AdaptiveClipping ADAPTIVE =
      new AdaptiveClipping(/* quantile= */ 0.5, /* rate= */ 0.2, /* bitNoise= */ 1.5);

  @Test
  void updateAndBitsTogetherCostExactlyTheNoiseMultiplierThatIsAccountedFor() {
    double z = 1.2;
    double update = ADAPTIVE.updateNoiseMultiplier(z);
    // one unit's vector: norm C in the update, ½ in the bits, each in units of its noise
    double joint = Math.hypot(1 / update, 0.5 / ADAPTIVE.bitNoise());
    assertThat(joint).isCloseTo(1 / z, within(1e-12));
    assertThat(update).isGreaterThan(z);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ADAPTIVE.updateNoiseMultiplier(3))
        .withMessageContaining("must exceed half the noise multiplier");
  }

  @Test
  void oneUserMovesUpdateAndBitsJointlyByAtMostTheirNoiseOverZ() {
    RoundMechanism mechanism = mechanism(new ModelUpdate(ADAPTIVE), /* clipNorm= */ 6);
    List<UserSample> all = IntStream.range(0, 12).mapToObj(i -> user("user " + i, 2)).toList();
    ClippedSum with = sum(mechanism, all);
    assertThat(with.clipped()).isBetween(1L, 11L);
    for (UserSample gone : all) {
      ClippedSum without = sum(mechanism, all.stream().filter(u -> u != gone).toList());
      double update =
          distance(with.sum(), without.sum())
              / (mechanism.clipNorm()
                  * ADAPTIVE.updateNoiseMultiplier(mechanism.noiseMultiplier()));
      double bits = (with.centredBits() - without.centredBits()) / ADAPTIVE.bitNoise();
      assertThat(Math.hypot(update, bits))
          .isLessThanOrEqualTo(1 / mechanism.noiseMultiplier() * (1 + 1e-9));
    }
  }

  private ClippedSum sum(RoundMechanism mechanism, List<UserSample> samples) {
    return engine.clippedSum(
        engine.initialParameters(), PrivacySlices.of(mechanism, samples), mechanism.clipNorm());
  }

  @Test
  void theNextClipNormDependsOnTheNoisedBitsAloneAndMovesTowardsTheQuantile() {
    assertThat(ADAPTIVE.next(2, /* noisedBits= */ 0, 10)).isEqualTo(2);
    assertThat(ADAPTIVE.next(2, /* noisedBits= */ 5, 10))
        .isCloseTo(2 * Math.exp(-0.1), within(1e-12));
    assertThat(ADAPTIVE.next(2, /* noisedBits= */ 1e9, 10))
        .isCloseTo(2 * Math.exp(-0.1), within(1e-12));
    assertThat(ADAPTIVE.next(2, /* noisedBits= */ -5, 10))
        .isCloseTo(2 * Math.exp(0.1), within(1e-12));
    assertThat(ADAPTIVE.next(1e-6, 5, 10)).isEqualTo(1e-6);
  }

  @Test
  void aBitFallsFromOneToZeroJustAboveTheClipNorm() {
    assertThat(SliceClipping.unclippedBit(1)).isEqualTo(1);
    assertThat(SliceClipping.unclippedBit(1 / 1.05)).isCloseTo(0.5, within(1e-9));
    assertThat(SliceClipping.unclippedBit(1 / 1.1)).isCloseTo(0, within(1e-9));
    assertThat(SliceClipping.unclippedBit(0.001)).isZero();
  }

  @Test
  void aTrainedRoundAnswersWithTheNextClipNorm() {
    List<Double> deviations = new ArrayList<>();
    PrivateTrainer trainer =
        new PrivateTrainer(
            engine,
            new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.1), /* momentum= */ 0),
            () -> (sum, deviation) -> deviations.add(deviation));
    RoundMechanism mechanism = mechanism(new ModelUpdate(ADAPTIVE), /* clipNorm= */ 1e-3);
    RoundOutcome outcome =
        trainer.step(
            grant(mechanism), PrivacySlices.of(mechanism, List.of(user("ann", 1), user("bob", 1))));
    // both are clipped: Σ(b − ½) = −1, divided by the public 1, so b̃ is brought to 0
    assertThat(outcome.answer()).containsExactly(ADAPTIVE.next(1e-3, -1, 1));
    assertThat(deviations)
        .usingElementComparator((a, b) -> Math.abs(a / b - 1) < 1e-12 ? 0 : 1)
        .containsExactly(ADAPTIVE.updateNoiseMultiplier(2) * 1e-3 * (1 + 1e-3), 1.5 * (1 + 1e-3));
  }
}
