package io.murmuration.experiment;

import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.MeanGradientNorms;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PrivacySlices;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.RoundOutcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** Trains one public model again and again from its start: B of LoRA, all linear maps, rank 8. */
final class TrainingRun implements AutoCloseable {

  private static final int MAX_TOKENS = 64;

  /**
   * What came of a run.
   *
   * @param loss nats per token on the held-out texts after the last round
   * @param gradients gradients of single examples that were computed
   * @param clipped share of units that were scaled down
   * @param seconds it took
   */
  record Result(double loss, long gradients, double clipped, double seconds) {}

  private final ChatPopulation population;
  private final LanguageModel model;
  private final LoraParameters parameters;
  private final DecoderGradientEngine engine;
  private final TextEvaluator heldOut;

  TrainingRun(Path modelDirectory, ChatPopulation population) throws IOException {
    this.population = population;
    this.model = LanguageModel.load(modelDirectory);
    this.parameters =
        LoraParameters.fresh(
            model,
            new LoraConfig(
                /* rank= */ 8,
                /* alpha= */ 16,
                List.of(LoraConfig.ALL_LINEAR),
                LoraConfig.Mode.B_ONLY));
    this.engine = new DecoderGradientEngine(parameters, EngineOptions.ofMaxTokens(MAX_TOKENS));
    this.heldOut = new TextEvaluator(model, population.heldOut(), MAX_TOKENS);
  }

  /** The loss before training. */
  double startingLoss() {
    return heldOut.evaluate().nllPerToken();
  }

  /** C(G) at the start of training, over so many users. */
  List<NormMeasurement> medianNorms(List<Integer> groupSizes, int users, long seed) {
    return new MeanGradientNorms(engine)
        .medians(
            List.copyOf(population.users().values()),
            users,
            groupSizes,
            new SplittableRandom(seed)::nextLong);
  }

  /**
   * Trains from the start. Sampling follows the seed; the noise is secure and has none.
   *
   * @param bound the mechanism of every round
   */
  Result train(BoundPrediction bound, long rounds, double learningRate, long seed) {
    RoundMechanism mechanism = bound.mechanism();
    SimulatedSampling sampling =
        new SimulatedSampling(population.users(), mechanism, new SplittableRandom(seed)::nextLong);
    PrivateTrainer trainer =
        new PrivateTrainer(
            engine,
            OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(learningRate)),
            NoiseFactory.forUpdates());
    long started = System.nanoTime();
    long gradients = 0;
    long units = 0;
    long clipped = 0;
    for (long round = 1; round <= rounds; round++) {
      Grant grant =
          new Grant(/* epoch= */ 1, round, round, /* phase= */ 1, mechanism, 0, 0, /* hash= */ "");
      var samples = sampling.sample(grant);
      gradients += samples.stream().mapToLong(sample -> sample.examples().size()).sum();
      RoundOutcome outcome = trainer.step(grant, PrivacySlices.of(mechanism, samples));
      units += outcome.statistics().slices();
      clipped += outcome.statistics().clipped();
    }
    double seconds = (System.nanoTime() - started) * 1e-9;
    double loss = heldOut.evaluate(parameters, trainer.state().parameters()).nllPerToken();
    return new Result(loss, gradients, clipped / (double) Math.max(1, units), seconds);
  }

  @Override
  public void close() {
    engine.close();
    parameters.close();
    model.close();
  }
}
