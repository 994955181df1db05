package io.murmuration.demo;

import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraAdapter;
import io.murmuration.model.LoraConfig;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TextLoss;
import io.murmuration.model.TrainableParameters;
import io.murmuration.release.PeftAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a release holds, an adapter or a whole model, to be evaluated on the base model that is
 * loaded already.
 */
final class ReleasedWeights implements AutoCloseable {

  private final TrainableParameters parameters;
  private final float[] values;

  private ReleasedWeights(TrainableParameters parameters, float[] values) {
    this.parameters = parameters;
    this.values = values;
  }

  /**
   * Reads a release.
   *
   * @param base stays open longer than this
   */
  static ReleasedWeights read(LanguageModel base, Path directory) throws IOException {
    if (Files.exists(directory.resolve(PeftAdapter.CONFIG_FILE))) {
      LoraParameters adapted =
          LoraParameters.from(base, LoraAdapter.read(directory), LoraConfig.Mode.BOTH);
      return new ReleasedWeights(adapted, adapted.initialValues());
    }
    try (LanguageModel released = LanguageModel.load(directory)) {
      return new ReleasedWeights(
          new AllParameters(base), new AllParameters(released).initialValues());
    }
  }

  TextLoss evaluate(TextEvaluator texts) {
    return texts.evaluate(parameters, values);
  }

  @Override
  public void close() {
    parameters.close();
  }
}
