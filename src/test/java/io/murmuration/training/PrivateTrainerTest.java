package io.murmuration.training;

import static io.murmuration.training.QuadraticEngine.slice;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.SeededNoise;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The sharp edges of the private step; their numbers are those of the design, section 5. */
class PrivateTrainerTest {

  private static final OptimizerOptions PLAIN =
      new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), 0);
  private static final OptimizerOptions ADAM =
      OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(0.05));
  private static final double CLIP_NORM = 0.5;
  private static final double NOISE_MULTIPLIER = 2;
  private static final double EXPECTED_UNITS = 10;

  /** Noise that counts how often it was asked for and adds nothing. */
  private static final class RecordedNoise implements NoiseFactory, GridNoise {
    private final List<Integer> added = new ArrayList<>();
    private int created;

    @Override
    public GridNoise create() {
      created++;
      return this;
    }

    @Override
    public void addTo(long[] sums) {
      added.add(sums.length);
    }
  }

  private final QuadraticEngine engine = new QuadraticEngine(4);
  private final RecordedNoise noise = new RecordedNoise();

  private static Grant grant(long round) {
    return new Grant(
        /* epoch= */ 1,
        round,
        /* tick= */ round,
        /* phase= */ 1,
        new RoundMechanism(
            Sampler.ULS,
            /* samplingProbability= */ 0.1,
            /* groupSize= */ 2,
            NOISE_MULTIPLIER,
            CLIP_NORM,
            EXPECTED_UNITS),
        /* epsilonSpent= */ 0.1 * round,
        /* delta= */ 1e-6,
        "00");
  }

  @Test
  void theDivisorIsThePublicExpectedCohortWhateverCame() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    trainer.step(grant(1), List.of(slice("far away")));

    // one clipped slice of norm C, divided by M
    assertThat(norm(trainer.state().parameters()))
        .isCloseTo(CLIP_NORM / EXPECTED_UNITS, within(1e-6));
  }

  /** Noise of one deviation in every coordinate moves the parameters by σ·C·(1 + 10⁻³)/M. */
  @Test
  void noiseIsCalibratedToTheSumAndFromItsOwnSensitivity() {
    NoiseFactory oneDeviation = () -> sums -> Arrays.setAll(sums, i -> sums[i] + (1 << 24));
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, oneDeviation);

    trainer.step(grant(1), List.of());

    double deviation = NOISE_MULTIPLIER * CLIP_NORM * (1 + 1e-3);
    assertThat(trainer.state().parameters()).containsOnly((float) (-deviation / EXPECTED_UNITS));
    assertThat(RoundGrid.of(grant(1).mechanism()).sum().deviation()).isEqualTo(deviation);
  }

  @Test
  void aSumThatIsBoundedByAnotherGridIsRefused() {
    GradientEngine another =
        new QuadraticEngine(4) {
          @Override
          public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid g) {
            return super.clippedSum(parameters, slices, Grids.of(NOISE_MULTIPLIER, 2 * CLIP_NORM));
          }
        };
    PrivateTrainer trainer = new PrivateTrainer(another, PLAIN, noise);

    assertThatThrownBy(() -> trainer.step(grant(1), List.of(slice("x"))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("must be bounded by the granted");
    assertThat(noise.added).isEmpty();
  }

  @Test
  void noiseIsAddedBeforeTheDivision() {
    NoiseFactory one = () -> sums -> Arrays.setAll(sums, i -> sums[i] + 1);
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, one);

    trainer.step(grant(1), List.of());

    double unit = RoundGrid.of(grant(1).mechanism()).sum().unit();
    assertThat(trainer.state().parameters()).containsOnly((float) (-unit / EXPECTED_UNITS));
  }

  @Test
  void noCohortIsCapped() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    RoundOutcome outcome =
        trainer.step(grant(1), Collections.nCopies((int) (100 * EXPECTED_UNITS), slice("far")));

    assertThat(engine.cohortSizes).containsExactly((int) (100 * EXPECTED_UNITS));
    assertThat(norm(outcome.state().parameters())).isCloseTo(100 * CLIP_NORM, within(1e-4));
  }

  @Test
  void anEmptyCohortAddsNoiseAndSteps() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, SeededNoise.factory(1));

    RoundOutcome outcome = trainer.step(grant(1), List.of());

    assertThat(outcome.state().executedRounds()).isOne();
    assertThat(outcome.state().parameters()).doesNotContain(0);
    assertThat(outcome.statistics().slices()).isZero();
  }

  @Test
  void aSliceWithoutAFiniteGradientContributesZero() {
    PrivateTrainer with = new PrivateTrainer(engine, PLAIN, SeededNoise.factory(1));
    PrivateTrainer without = new PrivateTrainer(engine, PLAIN, SeededNoise.factory(1));

    RoundOutcome outcome = with.step(grant(1), List.of(slice("a"), slice("NaN")));
    without.step(grant(1), List.of(slice("a")));

    assertThat(with.state().parameters()).isEqualTo(without.state().parameters());
    assertThat(outcome.statistics().zeroed()).isOne();
  }

  @Test
  void everyAttemptAtARoundHasNoiseOfItsOwn() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, NoiseFactory.forUpdates());
    TrainerState snapshot = trainer.state();
    float[] first = trainer.step(grant(1), List.of()).state().parameters();
    trainer.restore(snapshot);

    float[] second = trainer.step(grant(2), List.of()).state().parameters();

    assertThat(second).isNotEqualTo(first);
  }

  @Test
  void everyStepAsksForNewNoise() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    trainer.step(grant(1), List.of());
    trainer.step(grant(2), List.of());

    assertThat(noise.created).isEqualTo(2);
  }

  @Test
  void aRoundIsExecutedOnce() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);
    TrainerState released = trainer.step(grant(5), List.of()).state();

    for (long round : new long[] {5, 4}) {
      assertThatThrownBy(() -> trainer.step(grant(round), List.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "round %d was granted but round 5 is already executed; a round is executed once,"
                  + " ever",
              round);
    }
    assertThat(noise.added).hasSize(1);
    assertThat(trainer.state()).isSameAs(released);
  }

  @Test
  void voidedRoundsAreSkipped() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, noise);

    trainer.step(grant(1), List.of());
    trainer.step(grant(7), List.of());

    assertThat(trainer.state().round()).isEqualTo(7);
    assertThat(trainer.state().executedRounds()).isEqualTo(2);
  }

  @Test
  void trainingThroughASnapshotGivesTheSameWeights() {
    NoiseFactory oneNoise = SeededNoise.factory(9);
    NoiseFactory sameNoise = SeededNoise.factory(9);
    PrivateTrainer straight = new PrivateTrainer(engine, ADAM, oneNoise);
    PrivateTrainer before = new PrivateTrainer(engine, ADAM, sameNoise);
    for (long round = 1; round <= 20; round++) {
      straight.step(grant(round), cohort(round));
    }
    for (long round = 1; round <= 10; round++) {
      before.step(grant(round), cohort(round));
    }
    PrivateTrainer after = new PrivateTrainer(engine, ADAM, sameNoise);

    after.restore(TrainerStatePartTest.throughState(before.state()));
    for (long round = 11; round <= 20; round++) {
      after.step(grant(round), cohort(round));
    }

    assertThat(after.state().parameters()).containsExactly(straight.state().parameters());
  }

  @Test
  void aSnapshotIsUntouchedByLaterRounds() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, SeededNoise.factory(2));
    TrainerState snapshot = trainer.step(grant(1), cohort(1)).state();
    List<byte[]> then = new OldTrainerState(1 << 20).encode(snapshot);

    trainer.step(grant(2), cohort(2));

    assertThat(new OldTrainerState(1 << 20).encode(snapshot).get(0)).isEqualTo(then.get(0));
  }

  @Test
  void refusesTheSnapshotOfAnotherModelOrOptimizer() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, noise);
    TrainerState otherModel = new PrivateTrainer(new QuadraticEngine(5), ADAM, noise).state();
    TrainerState otherOptimizer = new PrivateTrainer(engine, PLAIN, noise).state();

    assertThatThrownBy(() -> trainer.restore(otherModel))
        .hasMessageContaining("must have 4 elements, as the engine's layout says, but has 5");
    assertThatThrownBy(() -> trainer.restore(otherOptimizer))
        .hasMessageContaining("from another optimizer");
  }

  @Test
  void refusesTheSnapshotOfAsManyOtherParameters() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, noise);
    TrainerState own = trainer.step(grant(1), List.of()).state();
    TrainerState other =
        withLayout(own, ParameterLayout.of(List.of("bias"), List.of(new long[] {4})).digest());
    TrainerState unknown = withLayout(own, TrainerState.UNKNOWN_LAYOUT);

    assertThatThrownBy(() -> trainer.restore(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be of the tensors that the job trains")
        .hasMessageContaining(other.layoutDigest());
    assertThat(trainer.state()).isSameAs(own);
    trainer.restore(unknown);
    assertThat(trainer.state()).isEqualTo(own);
  }

  private static TrainerState withLayout(TrainerState state, String layoutDigest) {
    return new TrainerState(
        state.round(),
        state.executedRounds(),
        state.parameters(),
        state.optimizer(),
        layoutDigest,
        state.origin());
  }

  @Test
  void trainingMovesTowardsWhatTheUsersShare() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, noise);
    double target = QuadraticEngine.target("shared");

    for (long round = 1; round <= 200; round++) {
      trainer.step(grant(round), Collections.nCopies(10, slice("shared")));
    }

    assertThat((double) trainer.state().parameters()[0]).isCloseTo(target, within(0.3));
  }

  @Test
  void divergenceIsAnErrorAndKeepsTheLastModel() {
    NoiseFactory huge = () -> sums -> Arrays.fill(sums, Long.MAX_VALUE);
    OptimizerOptions fast =
        new OptimizerOptions.Sgd(LearningRateSchedule.constant(1e30), /* momentum= */ 0);
    PrivateTrainer trainer = new PrivateTrainer(engine, fast, huge);
    TrainerState before = trainer.state();

    assertThatThrownBy(() -> trainer.step(grant(1), List.of()))
        .isInstanceOf(PublicFaultException.class)
        .hasMessageContaining("training diverged in round 1")
        .hasMessageContaining("lower the learning rate");
    assertThat(trainer.state()).isSameAs(before);
  }

  private static List<PrivacySlice> cohort(long round) {
    return List.of(slice("a" + round, "b"), slice("c" + round));
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }
}
