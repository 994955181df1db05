package io.murmuration.rounds;

import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.Torch;
import io.murmuration.model.TrainableParameters;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.GradientEngine;
import io.murmuration.training.GradientSource;
import io.murmuration.training.PublicWatch;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A worker's base model, as a Hugging Face directory has it. Where training began it need not know:
 * all that is trained, and all that is frozen beside it, comes from train.
 */
public final class ModelGradients implements GradientSource {

  private final TrainingConfig config;
  private final LanguageModel base;
  private TrainableParameters parameters;

  private ModelGradients(TrainingConfig config, LanguageModel base) {
    this.config = config;
    this.base = base;
  }

  /** A factory that travels in the job graph; the model is loaded where the operator runs. */
  public static GradientSource.Factory factory(TrainingConfig config) {
    return () -> open(config);
  }

  private static ModelGradients open(TrainingConfig config) {
    Torch.useThreads(config.threads());
    LanguageModel base;
    try {
      base = LanguageModel.load(BaseModel.directory(config));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "The base model %s (training.model) cannot be loaded".formatted(config.model()), e);
    }
    try (TrainableParameters fresh =
        config.parameters() == ParametersKind.ALL
            ? new AllParameters(base)
            : LoraParameters.fresh(base, config.lora())) {
      // what does not fit shows now, and not in the first round
      engineOn(fresh, config);
      return new ModelGradients(config, base);
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  private static GradientEngine engineOn(TrainableParameters parameters, TrainingConfig config) {
    return new DecoderGradientEngine(
        parameters, new EngineOptions(config.maxTokens(), config.microBatchBytes()));
  }

  /**
   * What is trained, on a model of its own, where a state says its values: neither where training
   * began nor a release is read.
   */
  static TrainableParameters onFrozen(TrainingConfig config, float[] frozen) throws IOException {
    LanguageModel base = LanguageModel.load(BaseModel.directory(config));
    try {
      return onFrozen(base, config, frozen);
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  private static TrainableParameters onFrozen(
      LanguageModel base, TrainingConfig config, float[] frozen) {
    return config.parameters() == ParametersKind.ALL
        ? new AllParameters(base)
        : LoraParameters.onFrozen(base, config.lora(), frozen);
  }

  @Override
  public GradientEngine engine(float[] frozen) {
    closeParameters();
    parameters = onFrozen(base, config, frozen);
    return engineOn(parameters, config);
  }

  @Override
  public PublicWatch watch(GradientEngine engine) {
    return ModelRoundTrainer.watch(config, engine, base);
  }

  private void closeParameters() {
    if (parameters != null) {
      parameters.close();
      parameters = null;
    }
  }

  @Override
  public void close() {
    closeParameters();
    base.close();
  }
}
