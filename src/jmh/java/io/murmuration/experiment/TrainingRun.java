package io.murmuration.experiment;

import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TrainableParameters;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.PublicClock;
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
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;

/** Trains one public model again and again from its start. */
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
  private final TrainableParameters parameters;
  private final DecoderGradientEngine engine;
  private final TextEvaluator heldOut;

  /** Trains B of LoRA factors of rank 8 on all linear maps. */
  TrainingRun(Path modelDirectory, ChatPopulation population) throws IOException {
    this(modelDirectory, population, Trained.loraB(8));
  }

  /**
   * @param trained what is trained
   */
  TrainingRun(Path modelDirectory, ChatPopulation population, Trained trained) throws IOException {
    this.population = population;
    this.model = LanguageModel.load(modelDirectory);
    this.parameters = trained.on(model);
    this.engine = new DecoderGradientEngine(parameters, EngineOptions.ofMaxTokens(MAX_TOKENS));
    this.heldOut = new TextEvaluator(model, population.heldOut(), MAX_TOKENS);
  }

  /**
   * What is trained.
   *
   * @param mode which LoRA factors; null for all parameters of the model
   * @param rank of the factors; 0 for all parameters
   */
  record Trained(LoraConfig.Mode mode, int rank) {

    static final Trained ALL = new Trained(/* mode= */ null, /* rank= */ 0);

    static Trained loraB(int rank) {
      return new Trained(LoraConfig.Mode.B_ONLY, rank);
    }

    TrainableParameters on(LanguageModel model) {
      return mode == null
          ? new AllParameters(model)
          : LoraParameters.fresh(
              model, new LoraConfig(rank, 2.0 * rank, List.of(LoraConfig.ALL_LINEAR), mode));
    }

    @Override
    public String toString() {
      return mode == null ? "all" : mode.name().toLowerCase(Locale.ROOT) + " r" + rank;
    }
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
   * Trains from the start with a constant rate. Sampling follows the seed; the noise is secure and
   * has none.
   *
   * @param bound the mechanism of every round
   */
  Result train(BoundPrediction bound, long rounds, double learningRate, long seed) {
    return train(
        bound.mechanism(),
        OptimizerOptions.AdamW.withDefaults(LearningRateSchedule.constant(learningRate)),
        rounds,
        seed,
        /* afterRound= */ (round, loss) -> {});
  }

  /** Sees the loss on the held-out texts of what would be released. */
  interface LossListener {

    /**
     * @param loss measures, in nats per token; slow
     */
    void after(long round, DoubleSupplier loss);
  }

  /**
   * Trains from the start. Sampling follows the seed; the noise is secure and has none.
   *
   * @param mechanism of every round
   * @param rounds how many to execute, which may be fewer than a schedule plans
   */
  Result train(
      RoundMechanism mechanism,
      OptimizerOptions optimizer,
      long rounds,
      long seed,
      LossListener afterRound) {
    SimulatedSampling sampling =
        new SimulatedSampling(population.users(), mechanism, new SplittableRandom(seed)::nextLong);
    PrivateTrainer trainer = new PrivateTrainer(engine, optimizer, NoiseFactory.forUpdates());
    long started = System.nanoTime();
    long gradients = 0;
    long units = 0;
    long clipped = 0;
    for (long round = 1; round <= rounds; round++) {
      Grant grant =
          new Grant(
              /* epoch= */ 1,
              round,
              /* tick= */ round,
              /* phase= */ 1,
              mechanism,
              /* epsilonSpent= */ 0,
              /* delta= */ 0,
              /* ledgerHash= */ "",
              PublicClock.UNKNOWN,
              /* horizon= */ null,
              /* roundInPhase= */ round - 1);
      var samples = sampling.sample(grant);
      gradients += samples.stream().mapToLong(sample -> sample.examples().size()).sum();
      RoundOutcome outcome = trainer.step(grant, PrivacySlices.of(mechanism, samples));
      units += outcome.statistics().slices();
      clipped += outcome.statistics().clipped();
      afterRound.after(round, () -> loss(outcome.state()));
    }
    double seconds = (System.nanoTime() - started) * 1e-9;
    return new Result(
        loss(trainer.state()), gradients, clipped / (double) Math.max(1, units), seconds);
  }

  private double loss(TrainerState state) {
    return heldOut.evaluate(parameters, state.released()).nllPerToken();
  }

  @Override
  public void close() {
    engine.close();
    parameters.close();
    model.close();
  }
}
