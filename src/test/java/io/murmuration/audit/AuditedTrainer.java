package io.murmuration.audit;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.ParameterLayout;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainedWeights;
import io.murmuration.training.TrainerState;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The private step of the job on the sums of canaries, and a tape of what its optimizer saw: with
 * gradient descent at rate 1, parameters before a round minus parameters after it are the noisy
 * mean.
 */
final class AuditedTrainer implements RoundTrainer {

  private final ParameterLayout layout;
  private final PrivateTrainer trainer;
  private final SampledCanaries sampled;
  private final Consumer<Execution> tape;

  /**
   * @param sampled what the workers of this trainer see
   */
  AuditedTrainer(
      SampledCanaries sampled,
      Plant plant,
      Optional<TrainerState> restored,
      Consumer<Execution> tape) {
    GradientEngine engine = sampled.engine();
    this.layout = engine.layout();
    this.trainer =
        new PrivateTrainer(
            engine,
            new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), /* momentum= */ 0),
            plant.noise().apply(restored.map(TrainerState::executedRounds).orElse(0L)));
    restored.ifPresent(trainer::restore);
    this.sampled = sampled;
    this.tape = tape;
  }

  @Override
  public ExecutedRound execute(RoundSum round, Consumer<TrainerState> stepped) {
    Grant grant = round.grant();
    float[] before = trainer.state().parameters();
    RoundOutcome outcome = trainer.apply(grant, round.sum());
    float[] after = outcome.state().parameters();
    double scale = grant.mechanism().expectedUnits() / grant.mechanism().clipNorm();
    double[] noisySum = new double[after.length];
    for (int i = 0; i < noisySum.length; i++) {
      noisySum[i] = ((double) before[i] - after[i]) * scale;
    }
    tape.accept(
        new Execution(
            grant.epoch(),
            grant.round(),
            grant.tick(),
            grant.mechanism().clipNorm(),
            sampled.take(),
            noisySum,
            outcome.answer().get(0)));
    return new ExecutedRound(
        new RoundRelease(grant, TrainedWeights.write(layout, after, List.of())),
        outcome,
        outcome.answer());
  }

  @Override
  public TrainerState state() {
    return trainer.state();
  }

  @Override
  public void close() {}
}
