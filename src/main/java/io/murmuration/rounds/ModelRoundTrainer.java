package io.murmuration.rounds;

import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.event.Example;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.PublicText;
import io.murmuration.model.Torch;
import io.murmuration.model.TrainableParameters;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.release.NamedTensor;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.ParameterLayout;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.PrivateMeasurement;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.PublicWatch;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainedWeights;
import io.murmuration.training.TrainerState;
import io.murmuration.training.TrainingOrigin;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Trains LoRA factors or all parameters of a Hugging Face model by the sums of {@link
 * ModelGradients}, and hands over each round's weights as a release has them.
 */
public final class ModelRoundTrainer implements RoundTrainer {

  private final TrainableParameters parameters;
  private final ParameterLayout layout;
  private final PrivateTrainer trainer;
  private final List<NamedTensor> frozen;
  private final PrivateMeasurement measurement;
  private final CalibrationRounds calibrations;
  private final PublicWatch watch;

  private ModelRoundTrainer(
      TrainableParameters parameters,
      PrivateTrainer trainer,
      CalibrationRounds calibrations,
      PublicWatch watch) {
    this.parameters = parameters;
    this.layout = DecoderGradientEngine.layoutOf(parameters);
    this.trainer = trainer;
    this.frozen = frozen(parameters);
    this.measurement = new PrivateMeasurement(NoiseFactory.forHistograms());
    this.calibrations = calibrations;
    this.watch = watch;
  }

  /**
   * A factory that travels in the job graph; the model is loaded where the operator runs.
   *
   * @param start where training begins if no state is restored, which is read in that case alone;
   *     null: at fresh factors, or at the base model
   */
  public static RoundTrainer.Factory factory(
      TrainingConfig config, StartingPoint start, OptimizerOptions optimizer) {
    return factory(config, start, optimizer, /* calibrations= */ null);
  }

  /**
   * The same for a domain that is calibrated.
   *
   * @param calibrations what is published of them; null if there are none
   */
  public static RoundTrainer.Factory factory(
      TrainingConfig config,
      StartingPoint start,
      OptimizerOptions optimizer,
      CalibrationRounds calibrations) {
    return restored -> create(config, start, optimizer, calibrations, restored);
  }

  private static ModelRoundTrainer create(
      TrainingConfig config,
      StartingPoint start,
      OptimizerOptions optimizer,
      CalibrationRounds calibrations,
      Optional<TrainerState> restored) {
    Torch.useThreads(config.threads());
    Optional<TrainingOrigin> known =
        restored.map(TrainerState::origin).filter(TrainingOrigin::isKnown);
    TrainableParameters parameters;
    try {
      if (known.isPresent()) {
        parameters = ModelGradients.onFrozen(config, known.get().frozen());
      } else {
        // also with the state of an earlier release, which does not say what is frozen
        if (start != null) {
          start.requireUnchanged();
        }
        parameters = parameters(config, start);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "The base model %s (training.model)%s cannot be loaded"
              .formatted(
                  config.model(),
                  start == null ? "" : " or " + start.directory() + " (training.start-from)"),
          e);
    }
    TrainingOrigin origin =
        known.orElseGet(
            () ->
                new TrainingOrigin(
                    StartingPoint.sentence(start, config), frozenValues(parameters)));
    try {
      PrivateTrainer trainer =
          new PrivateTrainer(
              DecoderGradientEngine.layoutOf(parameters),
              parameters.initialValues(),
              optimizer,
              NoiseFactory.forUpdates(),
              origin);
      restored.ifPresent(trainer::restore);
      GradientEngine engine =
          new DecoderGradientEngine(
              parameters, new EngineOptions(config.maxTokens(), config.microBatchBytes()));
      PublicWatch watch = watch(config, engine, parameters.model());
      watch.beforeFirstRound(trainer.state().parameters());
      return new ModelRoundTrainer(parameters, trainer, calibrations, watch);
    } catch (RuntimeException e) {
      parameters.close();
      parameters.model().close();
      throw e;
    }
  }

  /** Sentences, then a prompt and a text that fill the context. */
  static PublicWatch watch(TrainingConfig config, GradientEngine engine, LanguageModel model) {
    List<Example> texts = new ArrayList<>();
    PublicText.of(model).forEach(text -> texts.add(new Example(/* prompt= */ null, text)));
    String filling = PublicText.filling(model, config.maxTokens());
    texts.add(new Example(filling, filling));
    return new PublicWatch(engine, texts);
  }

  private static float[] frozenValues(TrainableParameters parameters) {
    return parameters instanceof LoraParameters lora ? lora.frozenValues() : new float[0];
  }

  /** What is trained, at its start, on a model of its own. */
  static TrainableParameters parameters(TrainingConfig config, StartingPoint start)
      throws IOException {
    if (config.parameters() == ParametersKind.ALL) {
      Path directory = start == null ? BaseModel.directory(config) : start.local();
      return new AllParameters(LanguageModel.load(directory));
    }
    LanguageModel base = LanguageModel.load(BaseModel.directory(config));
    try {
      return start == null
          ? LoraParameters.fresh(base, config.lora())
          : LoraParameters.from(base, LoraAdapter.read(start.local()), config.loraMode());
    } catch (IOException | RuntimeException e) {
      base.close();
      throw e;
    }
  }

  private static List<NamedTensor> frozen(TrainableParameters parameters) {
    List<NamedTensor> tensors = new ArrayList<>();
    if (parameters instanceof LoraParameters lora) {
      lora.frozen()
          .forEach(
              (spec, values) -> tensors.add(new NamedTensor(spec.name(), spec.shape(), values)));
    }
    return tensors;
  }

  /** How long the gradient of an example takes that is as long as may be, on this machine. */
  public Duration timeOfLongestExample() {
    return watch.timeOfLongest(trainer.state().parameters());
  }

  /** What is trained, and on which model. */
  public TrainableParameters parameters() {
    return parameters;
  }

  @Override
  public ExecutedRound execute(RoundSum round, Consumer<TrainerState> stepped) {
    Grant grant = round.grant();
    if (grant.mechanism().query().isCalibration()) {
      return measure(round);
    }
    RoundOutcome outcome = trainer.apply(grant, round.sum());
    stepped.accept(outcome.state());
    watch.afterRound(grant.round(), outcome.state().parameters(), outcome.statistics());
    return new ExecutedRound(
        new RoundRelease(
            grant,
            TrainedWeights.write(layout, outcome.state().released(), frozen),
            outcome.state().origin().sentence()),
        outcome,
        outcome.answer());
  }

  private ExecutedRound measure(RoundSum round) {
    Grant grant = round.grant();
    if (calibrations == null) {
      throw new IllegalStateException(
          "round %d calibrates but this job is configured without calibrations"
              .formatted(grant.round()));
    }
    long start = System.nanoTime();
    List<Double> answer = measurement.measure(grant, round.sum());
    byte[] published = calibrations.outcome(grant.mechanism(), answer).write();
    RoundOutcome outcome = trainer.measured(grant, answer, System.nanoTime() - start);
    watch.afterRound(grant.round(), outcome.state().parameters(), outcome.statistics());
    return new ExecutedRound(
        new RoundRelease(grant, published, outcome.state().origin().sentence()), outcome, answer);
  }

  @Override
  public TrainerState state() {
    return trainer.state();
  }

  @Override
  public void close() {
    parameters.close();
    parameters.model().close();
  }
}
