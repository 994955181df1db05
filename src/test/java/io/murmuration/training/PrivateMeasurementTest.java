package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.calibration.NormHistogram;
import io.murmuration.contribution.CohortRecord;
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
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.ArrayList;
import java.util.Arrays;
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
      new PrivateMeasurement(() -> sums -> Arrays.setAll(sums, i -> sums[i] + DEVIATION));

  private static final long DEVIATION = 1 << 24;

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

  private long[] norms(List<UserSample> samples) {
    return sum(mechanism(NORMS, Math.sqrt(3)), samples).sum();
  }

  private ClippedSum sum(RoundMechanism mechanism, List<? extends CohortRecord> records) {
    CohortSummation summation =
        new CohortSummation(engine, engine.initialParameters(), grant(mechanism));
    summation.add(List.copyOf(records));
    return summation.result();
  }

  private static long squaredDistance(long[] one, long[] other) {
    long squares = 0;
    for (int i = 0; i < one.length; i++) {
      squares += (one[i] - other[i]) * (one[i] - other[i]);
    }
    return squares;
  }

  @Test
  void oneUserMovesTheNormHistogramsJointlyByAtMostTheRootOfTheirNumber() {
    List<UserSample> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(user("user " + i, 1 + i % 6));
    }
    long bound = RoundGrid.of(mechanism(NORMS, Math.sqrt(3))).sum().squaredBound();
    long[] with = norms(all);
    for (int gone = 0; gone < all.size(); gone++) {
      List<UserSample> others = new ArrayList<>(all);
      others.remove(gone);
      // a norm lies between two centres, which share its weight: at least half of it is left
      assertThat(squaredDistance(with, norms(others))).isBetween(bound / 2 - bound / 1000, bound);
    }
  }

  /** All weight in one bin of every candidate is as far as a user can get. */
  @Test
  void aUserAtTheEndsOfTheHistogramsIsWithinTheBoundForEveryNoise() {
    for (double z = 0.01; z < 1e6; z *= 1.1) {
      RoundMechanism mechanism = new RoundMechanism(Sampler.ULS, 0.5, 4, z, Math.sqrt(3), 1, NORMS);
      RoundGrid grid = RoundGrid.of(mechanism);
      for (double norm : new double[] {0, 0.01, 0.02, 0.0311, 1e-300, 1e300}) {
        long[] sums = new long[NORMS.answerSize()];
        for (int candidate = 0; candidate < 3; candidate++) {
          NormHistogram.add(NORMS, candidate, norm, grid.sum(), sums);
        }
        assertThat(squaredDistance(sums, new long[sums.length]))
            .isLessThanOrEqualTo(grid.sum().squaredBound());
        assertThat(Arrays.stream(sums).sum() * grid.sum().unit())
            .isCloseTo(3, within(6 * grid.sum().unit() + 1e-9));
      }
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
    RoundMechanism mechanism = mechanism(NORMS, Math.sqrt(3));
    List<Double> answer = measurement.measure(grant(mechanism), sum(mechanism, List.of()));
    assertThat(answer).hasSize(60);
    assertThat(answer)
        .allSatisfy(bin -> assertThat(bin).isCloseTo(2 * Math.sqrt(3) * (1 + 1e-3), within(1e-12)));
  }

  @Test
  void partialCountsAddUpAndAreNoisedOnce() {
    ClippedSum sum =
        sum(
            mechanism(COUNTS, 1),
            List.of(
                new UserCounts(1, 1, 1, List.of(3L, 0L, 1L)),
                new UserCounts(1, 1, 1, List.of(1L, 2L, 0L))));
    // a user counts for a little less than 1, since the grid rounds towards zero
    double tolerance = 4 * RoundGrid.of(mechanism(COUNTS, 1)).sum().unit();
    assertThat(measurement.measure(grant(mechanism(COUNTS, 1)), sum))
        .usingElementComparator((a, b) -> Math.abs(a - b) < tolerance ? 0 : 1)
        .containsExactly(4 + 2.002, 2 + 2.002, 1 + 2.002);
  }

  @Test
  void oneUserIsCountedWithinTheBoundForEveryNoise() {
    for (double z = 0.01; z < 1e6; z *= 1.01) {
      RoundMechanism mechanism = new RoundMechanism(Sampler.ULS, 0.5, 4, z, 1, 1, COUNTS);
      long[] sums = sum(mechanism, List.of(new UserCounts(1, 1, 1, List.of(0L, 1L, 0L)))).sum();
      assertThat(squaredDistance(sums, new long[3]))
          .isPositive()
          .isLessThanOrEqualTo(RoundGrid.of(mechanism).sum().squaredBound());
    }
  }

  @Test
  void refusesASumThatIsBoundedByAnotherGrid() {
    RoundMechanism more = new RoundMechanism(Sampler.ULS, 0.5, 4, 1, 1, 1, COUNTS);
    assertThatIllegalStateException()
        .isThrownBy(() -> measurement.measure(grant(mechanism(COUNTS, 1)), sum(more, List.of())))
        .withMessageContaining("must be 3 numbers bounded by the granted");
  }

  @Test
  void refusesAClipNormThatIsNotTheSensitivity() {
    RoundMechanism wrong = mechanism(NORMS, 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> measurement.measure(grant(wrong), sum(wrong, List.of())))
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

  /** In units of their common noise, which has a deviation of 2²⁴ grid units in either sum. */
  @Test
  void oneUserMovesUpdateAndBitsJointlyByAtMostTheirNoiseOverZ() {
    RoundMechanism mechanism = mechanism(new ModelUpdate(ADAPTIVE), /* clipNorm= */ 6);
    long bound = NoiseGrid.of(mechanism.noiseMultiplier(), /* sensitivity= */ 6).squaredBound();
    List<UserSample> all = IntStream.range(0, 12).mapToObj(i -> user("user " + i, 2)).toList();
    ClippedSum with = sum(mechanism, all);
    assertThat(with.clipped()).isBetween(1L, 11L);
    for (UserSample gone : all) {
      ClippedSum without = sum(mechanism, all.stream().filter(u -> u != gone).toList());
      long bits = with.centredBits() - without.centredBits();
      assertThat(squaredDistance(with.sum(), without.sum()) + bits * bits)
          .isLessThanOrEqualTo(bound);
    }
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
    List<Integer> noised = new ArrayList<>();
    PrivateTrainer trainer =
        new PrivateTrainer(
            engine,
            new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.1), /* momentum= */ 0),
            () -> sums -> noised.add(sums.length));
    RoundMechanism mechanism = mechanism(new ModelUpdate(ADAPTIVE), /* clipNorm= */ 1e-3);
    RoundOutcome outcome =
        trainer.step(
            grant(mechanism), PrivacySlices.of(mechanism, List.of(user("ann", 1), user("bob", 1))));
    // both are clipped: Σ(b − ½) = −1, divided by the public 1, so b̃ is brought to 0
    assertThat(outcome.answer()).hasSize(1);
    assertThat(outcome.answer().get(0)).isCloseTo(ADAPTIVE.next(1e-3, -1, 1), within(1e-9));
    assertThat(noised).containsExactly(4, 1);
    RoundGrid grid = RoundGrid.of(mechanism);
    assertThat(grid.sum().deviation())
        .isCloseTo(ADAPTIVE.updateNoiseMultiplier(2) * 1e-3 * (1 + 1e-3), within(1e-15));
    assertThat(grid.bits().deviation()).isCloseTo(1.5 * (1 + 1e-3), within(1e-12));
  }
}
