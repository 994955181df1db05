package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Random tiny checkpoints of every family against a plain float64 forward pass. */
class ModelFamiliesTest {

  private static final String TEXT = "The flock turns, and no one bird leads it.";

  @TempDir Path directory;

  static Stream<String> configurations() {
    return TinyModels.CONFIGURATIONS.stream();
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void logitsAndLossEqualThePlainPass(String fields) throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), fields, 3);
    try (LanguageModel model = LanguageModel.load(written)) {
      long[] ids = model.tokenizer().encode(null, TEXT, 64).ids();
      double[][] expected = new PlainDecoder(written).logits(ids);
      float[] logits = TextGenerator.nextLogits(model, ids);
      double[] last = expected[ids.length - 1];
      for (int i = 0; i < logits.length; i++) {
        assertThat((double) logits[i]).isCloseTo(last[i], within(2e-4));
      }
      double nats = 0;
      for (int t = 1; t < ids.length; t++) {
        nats += logSumExp(expected[t - 1]) - expected[t - 1][(int) ids[t]];
      }
      TextLoss loss = new TextEvaluator(model, List.of(TEXT, "x", ""), 64).evaluate();
      TextLoss short1 = new TextEvaluator(model, List.of("x"), 64).evaluate();
      assertThat(loss.texts()).isEqualTo(2);
      assertThat(loss.nats() - short1.nats()).isCloseTo(nats, within(1e-3));
    }
  }

  /** One position at a time, and in chunks, against whole passes of the plain decoder. */
  @ParameterizedTest
  @MethodSource("configurations")
  void rememberedKeysAndValuesGiveTheSameLogits(String fields) throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), fields, 5);
    try (LanguageModel model = LanguageModel.load(written)) {
      long[] ids = model.tokenizer().encode(null, TEXT, 64).ids();
      double[][] expected = new PlainDecoder(written).logits(ids);
      TextGenerator generator = new TextGenerator(model);
      for (int chunk : new int[] {1, 7}) {
        try (AttentionCache cache = new AttentionCache(model.manager())) {
          for (int from = 0; from < ids.length; from += chunk) {
            int to = Math.min(ids.length, from + chunk);
            float[] logits =
                generator.nextLogits(Arrays.copyOfRange(ids, from, to), model.base(), cache);
            assertThat(cache.positions()).isEqualTo(to);
            for (int i = 0; i < logits.length; i++) {
              assertThat((double) logits[i]).isCloseTo(expected[to - 1][i], within(2e-4));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {TinyModels.LLAMA3, TinyModels.MISTRAL, TinyModels.QWEN2, TinyModels.GPT2})
  void aMergedModelEqualsBaseAndAdapter(String fields) throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), fields, 4);
    Path merged = directory.resolve("merged");
    TextLoss live;
    try (LanguageModel model = LanguageModel.load(written);
        LoraParameters lora =
            LoraParameters.fresh(
                model, new LoraConfig(2, 4, List.of(LoraConfig.ALL_LINEAR), Mode.BOTH))) {
      float[] parameters = lora.initialValues();
      Random random = new Random(1);
      for (int i = 0; i < parameters.length; i++) {
        parameters[i] += (float) (0.1 * random.nextGaussian());
      }
      TextEvaluator evaluator = new TextEvaluator(model, List.of(TEXT), 64);
      live = evaluator.evaluate(lora, parameters);
      assertThat(Math.abs(live.nats() - evaluator.evaluate().nats())).isGreaterThan(0.1);
      ModelDirectoryWriter.writeMerged(merged, lora, parameters);
    }
    try (LanguageModel model = LanguageModel.load(merged)) {
      assertThat(new TextEvaluator(model, List.of(TEXT), 64).evaluate().nats())
          .isCloseTo(live.nats(), within(2e-3));
    }
  }

  @Test
  void unsupportedConfigurationsNameFileKeyExpectedAndFound() throws IOException {
    assertRefused("\"model_type\": \"bloom\"", "model_type: expected llama", "found bloom");
    assertRefused(
        TinyModels.QWEN2.replace("\"hidden_size\": 16,", ""),
        "hidden_size: expected a positive integer, found nothing");
    assertRefused(
        TinyModels.LLAMA3.replace("llama3", "yarn"), "rope_scaling.rope_type", "found yarn");
    assertRefused(
        TinyModels.QWEN2_WINDOWED.replace("\"max_window_layers\": 1", "\"max_window_layers\": -1"),
        "max_window_layers: expected a whole number, found -1");
  }

  private void assertRefused(String fields, String... parts) throws IOException {
    Path described = TinyModels.describe(directory.resolve("refused"), fields);
    assertThatThrownBy(() -> LanguageModel.initialize(described, 1))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("config.json")
        .hasMessageContainingAll(parts);
  }

  private static double logSumExp(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += Math.exp(value);
    }
    return Math.log(sum);
  }
}
