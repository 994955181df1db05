package io.murmuration.training;

import static io.murmuration.training.QuadraticEngine.slice;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.GaussianNoise;
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

  /** Noise that records what it was asked for and adds nothing. */
  private static final class RecordedNoise implements NoiseFactory, GaussianNoise {
    private final List<Double> deviations = new ArrayList<>();
    private int created;

    @Override
    public GaussianNoise create() {
      created++;
      return this;
    }

    @Override
    public void addTo(double[] sum, double standardDeviation) {
      deviations.add(standardDeviation);
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
  void edge1_theDivisorIsThePublicExpectedCohortWhateverCame() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    trainer.step(grant(1), List.of(slice("far away")));

    // one clipped slice of norm C, divided by M
    assertThat(norm(trainer.state().parameters()))
        .isCloseTo(CLIP_NORM / EXPECTED_UNITS, within(1e-6));
  }

  @Test
  void edge2_noiseIsCalibratedToTheSumAndFromItsOwnSensitivity() {
    new PrivateTrainer(engine, PLAIN, noise).step(grant(1), List.of(slice("x"), slice("y")));

    assertThat(noise.deviations).containsExactly(NOISE_MULTIPLIER * CLIP_NORM * (1 + 1e-3));
  }

  @Test
  void edge2_noiseIsAddedBeforeTheDivision() {
    NoiseFactory one = () -> (sum, deviation) -> Arrays.setAll(sum, i -> sum[i] + 1);
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, one);

    trainer.step(grant(1), List.of());

    assertThat(trainer.state().parameters()).containsOnly((float) (-1 / EXPECTED_UNITS));
  }

  @Test
  void edge4_noCohortIsCapped() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    RoundOutcome outcome =
        trainer.step(grant(1), Collections.nCopies((int) (100 * EXPECTED_UNITS), slice("far")));

    assertThat(engine.cohortSizes).containsExactly((int) (100 * EXPECTED_UNITS));
    assertThat(norm(outcome.state().parameters())).isCloseTo(100 * CLIP_NORM, within(1e-4));
  }

  @Test
  void edge5_anEmptyCohortAddsNoiseAndSteps() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, SeededNoise.factory(1));

    RoundOutcome outcome = trainer.step(grant(1), List.of());

    assertThat(outcome.state().executedRounds()).isOne();
    assertThat(outcome.state().parameters()).doesNotContain(0);
    assertThat(outcome.statistics().slices()).isZero();
  }

  @Test
  void edge6_aSliceWithoutAFiniteGradientContributesZero() {
    PrivateTrainer with = new PrivateTrainer(engine, PLAIN, SeededNoise.factory(1));
    PrivateTrainer without = new PrivateTrainer(engine, PLAIN, SeededNoise.factory(1));

    RoundOutcome outcome = with.step(grant(1), List.of(slice("a"), slice("NaN")));
    without.step(grant(1), List.of(slice("a")));

    assertThat(with.state().parameters()).isEqualTo(without.state().parameters());
    assertThat(outcome.statistics().zeroed()).isOne();
  }

  @Test
  void edge7_everyAttemptAtARoundHasNoiseOfItsOwn() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, NoiseFactory.secure());
    TrainerState snapshot = trainer.state();
    float[] first = trainer.step(grant(1), List.of()).state().parameters();
    trainer.restore(snapshot);

    float[] second = trainer.step(grant(2), List.of()).state().parameters();

    assertThat(second).isNotEqualTo(first);
  }

  @Test
  void edge7_everyStepAsksForNewNoise() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);

    trainer.step(grant(1), List.of());
    trainer.step(grant(2), List.of());

    assertThat(noise.created).isEqualTo(2);
  }

  @Test
  void edge8_aRoundIsExecutedOnce() {
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
    assertThat(noise.deviations).hasSize(1);
    assertThat(trainer.state()).isSameAs(released);
  }

  @Test
  void anInterruptedRoundDrawsNoNoiseAndChangesNothing() {
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, noise);
    TrainerState before = trainer.step(grant(5), List.of()).state();

    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> trainer.step(grant(6), List.of()))
          .isInstanceOf(RoundInterruptedException.class);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }

    assertThat(noise.deviations).hasSize(1);
    assertThat(trainer.state()).isSameAs(before);
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
    TrainerStateCodec codec = new TrainerStateCodec();

    after.restore(codec.decode(codec.encode(before.state())));
    for (long round = 11; round <= 20; round++) {
      after.step(grant(round), cohort(round));
    }

    assertThat(after.state().parameters()).containsExactly(straight.state().parameters());
  }

  @Test
  void aSnapshotIsUntouchedByLaterRounds() {
    PrivateTrainer trainer = new PrivateTrainer(engine, ADAM, SeededNoise.factory(2));
    TrainerState snapshot = trainer.step(grant(1), cohort(1)).state();
    List<byte[]> then = new TrainerStateCodec().encode(snapshot);

    trainer.step(grant(2), cohort(2));

    assertThat(new TrainerStateCodec().encode(snapshot).get(0)).isEqualTo(then.get(0));
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
        state.round(), state.executedRounds(), state.parameters(), state.optimizer(), layoutDigest);
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
    NoiseFactory huge = () -> (sum, deviation) -> Arrays.fill(sum, 1e300);
    PrivateTrainer trainer = new PrivateTrainer(engine, PLAIN, huge);
    TrainerState before = trainer.state();

    assertThatThrownBy(() -> trainer.step(grant(1), List.of()))
        .isInstanceOf(IllegalStateException.class)
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
