package io.murmuration.rounds;

import io.murmuration.config.TrainingConfig;
import io.murmuration.event.Example;
import io.murmuration.model.Torch;
import io.murmuration.model.TrainableParameters;
import io.murmuration.training.DecoderGradientEngine;
import io.murmuration.training.EngineOptions;
import io.murmuration.training.PrivacySlice;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** How fast this machine takes gradients of public text, to choose a round interval by. */
public final class GradientTiming {

  /** The slowest of three: one may have been lucky. */
  private static final int TURNS = 3;

  private GradientTiming() {}

  /**
   * How long one example takes in passes that examples share, on average over these: the slowest of
   * a few turns, once everything is warm.
   *
   * @param texts public or made up, so that nothing is learned of anybody; not empty
   * @throws IOException if the model cannot be read
   */
  public static Duration perExample(TrainingConfig config, List<String> texts) throws IOException {
    Torch.useThreads(config.threads());
    List<PrivacySlice> slices =
        texts.stream()
            .map(text -> new PrivacySlice(List.of(new Example(/* prompt= */ null, text))))
            .toList();
    TrainableParameters parameters = ModelRoundTrainer.parameters(config, /* start= */ null);
    EngineOptions options = new EngineOptions(config.maxTokens(), config.microBatchBytes());
    try (DecoderGradientEngine engine = new DecoderGradientEngine(parameters, options)) {
      float[] values = parameters.initialValues();
      engine.norms(values, slices);
      long slowest = 0;
      for (int turn = 0; turn < TURNS; turn++) {
        long start = System.nanoTime();
        engine.norms(values, slices);
        slowest = Math.max(slowest, System.nanoTime() - start);
      }
      return Duration.ofNanos(slowest / texts.size());
    } finally {
      parameters.close();
      parameters.model().close();
    }
  }
}
