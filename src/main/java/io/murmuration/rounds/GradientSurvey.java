package io.murmuration.rounds;

import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions;
import io.murmuration.event.Example;
import io.murmuration.model.Torch;
import io.murmuration.model.TrainableParameters;
import io.murmuration.planning.NormMeasurement;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.MeanGradientNorms;
import java.io.IOException;
import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * Measures C(G) with the model, the parameters and the token limit that a job would train with, at
 * the base model.
 *
 * <p><b>Not private.</b> For public or proxy data only.
 */
public final class GradientSurvey {

  private GradientSurvey() {}

  /**
   * The median norm of users' mean gradients at each bound.
   *
   * @param users each with the user's examples
   * @param sample how many of them are looked at, at most
   * @throws IllegalArgumentException if training is to start elsewhere than at the base model
   * @throws IOException if the model cannot be read
   */
  public static List<NormMeasurement> medianNorms(
      TrainingConfig config,
      List<List<Example>> users,
      int sample,
      List<Integer> groupSizes,
      UniformRandomProvider random)
      throws IOException {
    if (config.startFrom() != null) {
      throw new IllegalArgumentException(
          "%s must not be given where norms are measured, which is at the base model, but is %s"
              .formatted(TrainingOptions.START_FROM.key(), config.startFrom()));
    }
    Torch.useThreads(config.threads());
    TrainableParameters parameters = ModelRoundTrainer.parameters(config, /* start= */ null);
    EngineOptions options = new EngineOptions(config.maxTokens(), config.microBatchBytes());
    try (DecoderGradientEngine engine = new DecoderGradientEngine(parameters, options)) {
      return new MeanGradientNorms(engine).medians(users, sample, groupSizes, random);
    } finally {
      parameters.close();
      parameters.model().close();
    }
  }
}
