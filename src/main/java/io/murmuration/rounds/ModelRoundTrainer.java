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
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.release.NamedTensor;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.CohortBuffer.Cohort;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PrivacySlices;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Trains LoRA factors or all parameters of a Hugging Face model, and hands over each round's
 * weights as a release has them.
 */
public final class ModelRoundTrainer implements RoundTrainer {

  private final TrainableParameters parameters;
  private final DecoderGradientEngine engine;
  private final PrivateTrainer trainer;
  private final List<NamedTensor> frozen;
  private final PrivateMeasurement measurement;
  private final CalibrationRounds calibrations;
  private final PublicWatch watch;

  private ModelRoundTrainer(
      TrainableParameters parameters,
      DecoderGradientEngine engine,
      PrivateTrainer trainer,
      CalibrationRounds calibrations,
      PublicWatch watch) {
    this.parameters = parameters;
    this.engine = engine;
    this.trainer = trainer;
    this.frozen = frozen(parameters);
    this.measurement = new PrivateMeasurement(engine, NoiseFactory.forHistograms());
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
        parameters = continued(config, known.get());
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
      DecoderGradientEngine engine =
          new DecoderGradientEngine(
              parameters, new EngineOptions(config.maxTokens(), config.microBatchBytes()));
      PrivateTrainer trainer =
          new PrivateTrainer(engine, optimizer, NoiseFactory.forUpdates(), origin);
      restored.ifPresent(trainer::restore);
      PublicWatch watch = watch(config, engine, parameters.model());
      watch.beforeFirstRound(trainer.state().parameters());
      return new ModelRoundTrainer(parameters, engine, trainer, calibrations, watch);
    } catch (RuntimeException e) {
      parameters.close();
      parameters.model().close();
      throw e;
    }
  }

  /** Sentences, then a prompt and a text that fill the context. */
  private static PublicWatch watch(
      TrainingConfig config, GradientEngine engine, LanguageModel model) {
    List<Example> texts = new ArrayList<>();
    PublicText.of(model).forEach(text -> texts.add(new Example(/* prompt= */ null, text)));
    String filling = PublicText.filling(model, config.maxTokens());
    texts.add(new Example(filling, filling));
    return new PublicWatch(engine, texts);
  }

  private static float[] frozenValues(TrainableParameters parameters) {
    return parameters instanceof LoraParameters lora ? lora.frozenValues() : new float[0];
  }

  /** What is trained where a state says its values: neither its start nor a release is read. */
  private static TrainableParameters continued(TrainingConfig config, TrainingOrigin origin)
      throws IOException {
    LanguageModel base = LanguageModel.load(Path.of(config.model()));
    try {
      return config.parameters() == ParametersKind.ALL
          ? new AllParameters(base)
          : LoraParameters.onFrozen(base, config.lora(), origin.frozen());
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /** What is trained, at its start, on a model of its own. */
  static TrainableParameters parameters(TrainingConfig config, StartingPoint start)
      throws IOException {
    if (config.parameters() == ParametersKind.ALL) {
      String directory = start == null ? config.model() : start.directory();
      return new AllParameters(LanguageModel.load(Path.of(directory)));
    }
    LanguageModel base = LanguageModel.load(Path.of(config.model()));
    try {
      return start == null
          ? LoraParameters.fresh(base, config.lora())
          : LoraParameters.from(
              base, LoraAdapter.read(Path.of(start.directory())), config.loraMode());
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

  /** What is trained, and on which model. */
  public TrainableParameters parameters() {
    return parameters;
  }

  @Override
  public ExecutedRound execute(Cohort cohort) {
    if (cohort.grant().mechanism().query().isCalibration()) {
      return measure(cohort);
    }
    RoundOutcome outcome =
        trainer.step(
            cohort.grant(), PrivacySlices.of(cohort.grant().mechanism(), cohort.samples()));
    watch.afterRound(cohort.grant().round(), outcome.state().parameters(), outcome.statistics());
    return new ExecutedRound(
        new RoundRelease(
            cohort.grant(),
            TrainedWeights.write(engine.layout(), outcome.state().released(), frozen),
            outcome.state().origin().sentence()),
        outcome,
        outcome.answer());
  }

  private ExecutedRound measure(Cohort cohort) {
    if (calibrations == null) {
      throw new IllegalStateException(
          "round %d calibrates but this job is configured without calibrations"
              .formatted(cohort.grant().round()));
    }
    long start = System.nanoTime();
    List<Double> answer = measurement.measure(cohort, trainer.state().parameters());
    byte[] published = calibrations.outcome(cohort.grant().mechanism(), answer).write();
    RoundOutcome outcome = trainer.measured(cohort.grant(), answer, System.nanoTime() - start);
    watch.afterRound(cohort.grant().round(), outcome.state().parameters(), outcome.statistics());
    return new ExecutedRound(
        new RoundRelease(cohort.grant(), published, outcome.state().origin().sentence()),
        outcome,
        answer);
  }

  @Override
  public void close() {
    engine.close();
    parameters.close();
    parameters.model().close();
  }
}
