package io.murmuration.job;

import io.murmuration.config.TrainingConfig;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.release.NamedTensor;
import io.murmuration.release.PeftAdapter;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.CohortBuffer.Cohort;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PrivacySlices;
import io.murmuration.training.PrivateTrainer;
import io.murmuration.training.RoundOutcome;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Trains LoRA factors on a Hugging Face model, and writes each round's adapter in PEFT's format.
 */
final class LoraRoundTrainer implements RoundTrainer {

  private final LanguageModel model;
  private final LoraParameters parameters;
  private final DecoderGradientEngine engine;
  private final PrivateTrainer trainer;
  private final List<NamedTensor> frozen;

  private LoraRoundTrainer(
      LanguageModel model,
      LoraParameters parameters,
      DecoderGradientEngine engine,
      PrivateTrainer trainer) {
    this.model = model;
    this.parameters = parameters;
    this.engine = engine;
    this.trainer = trainer;
    this.frozen = frozen(parameters);
  }

  /** A factory that travels in the job graph; the model is loaded where the operator runs. */
  static RoundTrainer.Factory factory(TrainingConfig config, OptimizerOptions optimizer) {
    return () -> create(config, optimizer);
  }

  static LoraConfig loraConfig(TrainingConfig config) {
    return new LoraConfig(
        config.loraRank(), config.loraAlpha(), config.loraTargets(), config.loraMode());
  }

  private static LoraRoundTrainer create(TrainingConfig config, OptimizerOptions optimizer) {
    LanguageModel model;
    try {
      model = LanguageModel.load(Path.of(config.model()));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "The base model %s (training.model) cannot be loaded".formatted(config.model()), e);
    }
    LoraParameters parameters = LoraParameters.fresh(model, loraConfig(config));
    DecoderGradientEngine engine =
        new DecoderGradientEngine(
            parameters, new EngineOptions(config.maxTokens(), config.microBatchBytes()));
    return new LoraRoundTrainer(
        model, parameters, engine, new PrivateTrainer(engine, optimizer, NoiseFactory.secure()));
  }

  private static List<NamedTensor> frozen(LoraParameters parameters) {
    List<NamedTensor> tensors = new ArrayList<>();
    parameters
        .frozen()
        .forEach((spec, values) -> tensors.add(new NamedTensor(spec.name(), spec.shape(), values)));
    return tensors;
  }

  @Override
  public ExecutedRound execute(Cohort cohort) {
    RoundOutcome outcome =
        trainer.step(
            cohort.grant(), PrivacySlices.of(cohort.grant().mechanism(), cohort.samples()));
    return new ExecutedRound(
        new RoundRelease(
            cohort.grant(),
            PeftAdapter.weights(engine.layout(), outcome.state().parameters(), frozen)),
        outcome);
  }

  @Override
  public void restore(TrainerState state) {
    trainer.restore(state);
  }

  @Override
  public void close() {
    engine.close();
    parameters.close();
    model.close();
  }
}
