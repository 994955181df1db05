package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.training.LearningRateSchedule.Decay;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptimizerTest {

  @Test
  void adamFollowsAlgorithm1OfItsPaper() {
    Optimizer adam =
        new OptimizerOptions.AdamW(LearningRateSchedule.constant(0.1), 0.9, 0.99, 1e-8, 0)
            .optimizer();

    Optimizer.Step first = adam.step(new float[] {1}, adam.initialState(1), new double[] {0.5}, 0);
    Optimizer.Step second = adam.step(first.parameters(), first.state(), new double[] {-0.25}, 1);

    // m̂ = g and v̂ = g² in the first step, so that it is the learning rate's length
    assertThat(first.parameters()[0]).isCloseTo(0.9f, within(1e-6f));
    // m = 0.9·0.05 − 0.1·0.25 = 0.02, m̂ = 0.02/0.19; v = 0.99·0.0025 + 0.01·0.0625 = 0.0031,
    // v̂ = 0.0031/0.0199
    double expected = 0.9 - 0.1 * (0.02 / 0.19) / Math.sqrt(0.0031 / 0.0199);
    assertThat((double) second.parameters()[0]).isCloseTo(expected, within(1e-6));
  }

  @Test
  void weightDecayIsDecoupledFromTheGradient() {
    Optimizer adam =
        new OptimizerOptions.AdamW(LearningRateSchedule.constant(0.1), 0.9, 0.99, 1e-8, 0.5)
            .optimizer();

    Optimizer.Step step = adam.step(new float[] {2}, adam.initialState(1), new double[] {0}, 0);

    assertThat(step.parameters()[0]).isCloseTo(2 * (1 - 0.1f * 0.5f), within(1e-6f));
    assertThat(step.state().moments()).allSatisfy(moment -> assertThat(moment).containsOnly(0));
  }

  @Test
  void sgdAccumulatesVelocity() {
    Optimizer sgd = new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.5), 0.5).optimizer();

    Optimizer.Step first = sgd.step(new float[] {0}, sgd.initialState(1), new double[] {1}, 0);
    Optimizer.Step second = sgd.step(first.parameters(), first.state(), new double[] {1}, 1);

    assertThat(first.parameters()).containsExactly(-0.5f);
    assertThat(second.parameters()).containsExactly(-0.5f - 0.75f);
  }

  @Test
  void sgdWithoutMomentumKeepsNothing() {
    Optimizer sgd = new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), 0).optimizer();

    Optimizer.Step step = sgd.step(new float[] {3}, sgd.initialState(1), new double[] {1}, 0);

    assertThat(step.parameters()).containsExactly(2f);
    assertThat(step.state().moments()).isEmpty();
  }

  @Test
  void aStepLeavesItsInputsAlone() {
    Optimizer adam =
        OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(1)).optimizer();
    float[] parameters = {1, 2};
    OptimizerState state = adam.initialState(2);
    double[] gradient = {3, 4};

    adam.step(parameters, state, gradient, 0);

    assertThat(parameters).containsExactly(1, 2);
    assertThat(gradient).containsExactly(3, 4);
    assertThat(state.moments()).allSatisfy(moment -> assertThat(moment).containsOnly(0));
  }

  @Test
  void refusesTheStateOfAnotherOptimizer() {
    Optimizer adam =
        OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(1)).optimizer();

    assertThatThrownBy(
            () ->
                adam.step(
                    new float[2],
                    new OptimizerState(List.of(new double[2])),
                    new double[2],
                    /* executedRounds= */ 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must hold 2 moment vectors of 2 elements but holds [2]");
  }

  @Test
  void schedulesWarmUpAndDecay() {
    LearningRateSchedule linear = new LearningRateSchedule(1, Decay.LINEAR, 4, 14, 0.1);
    LearningRateSchedule cosine = new LearningRateSchedule(1, Decay.COSINE, 0, 10, 0);

    assertThat(linear.at(0)).isEqualTo(0.25);
    assertThat(linear.at(3)).isEqualTo(1);
    assertThat(linear.at(4)).isEqualTo(1);
    assertThat(linear.at(9)).isCloseTo(0.55, within(1e-12));
    assertThat(linear.at(14)).isCloseTo(0.1, within(1e-12));
    assertThat(linear.at(1000)).isCloseTo(0.1, within(1e-12));
    assertThat(cosine.at(5)).isCloseTo(0.5, within(1e-12));
    assertThat(cosine.at(10)).isZero();
    assertThat(LearningRateSchedule.constant(0.3).at(1_000_000)).isEqualTo(0.3);
  }

  @Test
  void optionsRefuseNaN() {
    assertThatThrownBy(() -> LearningRateSchedule.constant(Double.NaN))
        .hasMessageContaining("learning rate must be positive and finite");
    assertThatThrownBy(() -> new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), Double.NaN))
        .hasMessageContaining("SGD momentum must be in [0, 1)");
    assertThatThrownBy(() -> new LearningRateSchedule(1, Decay.COSINE, 10, 10, 0))
        .hasMessageContaining("must end after the warm-up");
  }

  @Test
  void theAverageFollowsTheIteratesByItsFormulaAndTheStepsAreThoseOfTheInner() {
    OptimizerOptions inner = new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.5), 0);
    Optimizer plain = inner.optimizer();
    Optimizer averaged = new OptimizerOptions.Averaged(inner, 0.9).optimizer();
    float[] theta = {4, -2};
    OptimizerState state = averaged.initialState(2);
    double[] expected = {4, -2};
    for (int t = 1; t <= 200; t++) {
      double[] gradient = {Math.sin(t), 1.0 / t};
      Optimizer.Step step = averaged.step(theta, state, gradient, t - 1);
      assertThat(step.parameters())
          .isEqualTo(plain.step(theta, plain.initialState(2), gradient, t - 1).parameters());
      double keep = Math.min(0.9, (1.0 + t) / (10.0 + t));
      for (int i = 0; i < 2; i++) {
        expected[i] = keep * expected[i] + (1 - keep) * step.parameters()[i];
        assertThat(step.state().average()[i]).isCloseTo(expected[i], within(1e-9));
      }
      theta = step.parameters();
      state = step.state();
    }
  }

  @Test
  void anAverageStartsWhereAJobWithoutOneStood() {
    OptimizerOptions adam = OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(0.1));
    Optimizer averaged = new OptimizerOptions.Averaged(adam, 0.95).optimizer();
    OptimizerState ofAnotherJob = adam.optimizer().initialState(1);
    Optimizer.Step step =
        averaged.step(new float[] {7}, ofAnotherJob, new double[] {1}, /* executedRounds= */ 5000);
    assertThat(step.state().average()[0])
        .isCloseTo(7 + 0.05 * (step.parameters()[0] - 7.0), within(1e-12));
  }

  @Test
  void whatIsReleasedIsTheAverageWhereOneIsKept() {
    OptimizerState averaged = new OptimizerState(List.of(), new double[] {0.25, 1e-300});
    assertThat(
            new TrainerState(1, 1, new float[] {1, 2}, averaged, "", TrainingOrigin.UNKNOWN)
                .released())
        .containsExactly(0.25f, 0f);
    assertThat(
            new TrainerState(
                    1,
                    1,
                    new float[] {1, 2},
                    new OptimizerState(List.of()),
                    "",
                    TrainingOrigin.UNKNOWN)
                .released())
        .containsExactly(1f, 2f);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1, -0.1, Double.NaN})
  void refusesADecayThatIsNoFraction(double decay) {
    OptimizerOptions inner = new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.5), 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new OptimizerOptions.Averaged(inner, decay))
        .withMessageContaining("(0, 1)");
  }
}
