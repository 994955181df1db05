package io.murmuration.audit;

import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.CanaryEngine;
import io.murmuration.training.CohortBuffer.Cohort;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PrivacySlices;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainedWeights;
import io.murmuration.training.TrainerState;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The private step of the job with an engine of canaries, and a tape of what its optimizer saw:
 * with gradient descent at rate 1, parameters before a round minus parameters after it are the
 * noisy mean.
 */
final class AuditedTrainer implements RoundTrainer {

  private final CanaryEngine engine;
  private final PrivateTrainer trainer;
  private final Plant plant;
  private final Consumer<Execution> tape;

  AuditedTrainer(
      AuditSetting setting,
      Plant plant,
      Optional<TrainerState> restored,
      Consumer<Execution> tape) {
    this.engine = new CanaryEngine(setting.canaries().coordinates(), plant.clipping());
    this.trainer =
        new PrivateTrainer(
            engine,
            new OptimizerOptions.Sgd(LearningRateSchedule.constant(1), /* momentum= */ 0),
            plant.noise().apply(restored.map(TrainerState::executedRounds).orElse(0L)));
    restored.ifPresent(trainer::restore);
    this.plant = plant;
    this.tape = tape;
  }

  @Override
  public ExecutedRound execute(Cohort cohort) {
    Grant grant = cohort.grant();
    List<UserSample> samples = plant.samples().apply(cohort.samples());
    float[] before = trainer.state().parameters();
    RoundOutcome outcome = trainer.step(grant, PrivacySlices.of(grant.mechanism(), samples));
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
            samples.stream().map(AuditedTrainer::sampled).toList(),
            noisySum,
            outcome.answer().get(0)));
    return new ExecutedRound(
        new RoundRelease(grant, TrainedWeights.write(engine.layout(), after, List.of())),
        outcome,
        outcome.answer());
  }

  private static Execution.Sampled sampled(UserSample sample) {
    return new Execution.Sampled(
        CanaryEngine.coordinate(sample.examples().get(0).text()), sample.examples().size());
  }

  @Override
  public void close() {
    engine.close();
  }
}
