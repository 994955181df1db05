package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Random tiny checkpoints of every family against a plain float64 forward pass. */
class ModelFamiliesTest {

  private static final String TEXT = "The flock turns, and no one bird leads it.";

  /** The largest difference of logits by family, over all of its configurations. */
  private static final Map<String, Double> LARGEST_DIFFERENCES = new TreeMap<>();

  @TempDir Path directory;

  /** What docs/models.md says of them comes from here. */
  @AfterAll
  static void writeDifferences() throws IOException {
    List<String> rows = new ArrayList<>();
    LARGEST_DIFFERENCES.forEach(
        (family, difference) -> rows.add("| `%s` | %.1e |".formatted(family, difference)));
    Files.write(Files.createDirectories(Path.of("target")).resolve("family-differences.md"), rows);
  }

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
        LARGEST_DIFFERENCES.merge(
            model.description().family(), Math.abs(logits[i] - last[i]), Math::max);
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
      PlainDecoder plain = new PlainDecoder(written);
      double[][] whole = plain.logits(ids);
      TextGenerator generator = new TextGenerator(model);
      for (int chunk : new int[] {1, 7}) {
        try (AttentionCache cache = new AttentionCache(model.manager())) {
          for (int from = 0; from < ids.length; from += chunk) {
            int to = Math.min(ids.length, from + chunk);
            long[] known = Arrays.copyOf(ids, to);
            float[] logits = generator.nextLogits(known, model.base(), cache);
            assertThat(cache.positions()).isEqualTo(to);
            double[] expected =
                model.decoder().rotatesAlike(to, ids.length)
                    ? whole[to - 1]
                    : plain.logits(known)[to - 1];
            for (int i = 0; i < logits.length; i++) {
              assertThat((double) logits[i]).isCloseTo(expected[i], within(2e-4));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @FieldSource("io.murmuration.model.TinyModels#FAMILIES")
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
        TinyModels.LLAMA3.replace("llama3", "longrope"),
        "rope_scaling.rope_type: expected one of [default, dynamic, linear, llama3, yarn]",
        "found longrope");
    assertRefused(
        TinyModels.QWEN2_WINDOWED.replace("\"max_window_layers\": 1", "\"max_window_layers\": -1"),
        "max_window_layers: expected a whole number, found -1");
    assertRefused(
        TinyModels.QWEN3.replace("\"head_dim\": 6", "\"head_dim\": null"),
        "head_dim: expected a positive integer, found null");
    assertRefused(
        TinyModels.SMOLLM3 + ", \"no_rope_layers\": [1, 0]",
        "no_rope_layers: expected 3 of 0 (without) and 1 (with positions)");
    assertRefused(
        TinyModels.SMOLLM3.replace("\"use_sliding_window\": false", "\"use_sliding_window\": true"),
        "max_window_layers: expected nothing where windows are on");
    String scaled = "{\"rope_type\": \"%s\", \"factor\": 4.0}";
    assertRefused(
        TinyModels.PHI3.replace("null", scaled.formatted("yarn")),
        "rope_scaling.rope_type: expected one of [default, longrope], found yarn");
    assertRefused(
        TinyModels.PHI3 + ", \"partial_rotary_factor\": 0.75",
        "partial_rotary_factor: expected an even number of the 4 dimensions of a head, found 0.75");
    assertRefused(
        TinyModels.PHI3 + ", \"partial_rotary_factor\": 1.5",
        "partial_rotary_factor: expected in (0, 1], found 1.5");
    assertRefused(
        TinyModels.PHI3_LONG.replace("[1.0, 2.5]", "[1.0]"),
        "rope_scaling.long_factor: expected as many as short factors, 1, found 2");
    assertRefused(
        TinyModels.PHI3_LONG.replace("[1.0, 2.5]", "[1.0]").replace("[7.0, 90.0]", "[7.0]"),
        "short_factor: expected 2 factors, one for each frequency, found 1");
    assertRefused(
        TinyModels.PHI3_LONG.replace("[1.0, 2.5]", "[1.0, 0]"),
        "rope_scaling.short_factor: expected a list of positive numbers, found [1.0,0]");
    assertRefused(
        TinyModels.PHI3_LONG.replace("[1.0, 2.5]", "[1.0, 2.5], \"factor\": 32"),
        "rope_scaling.factor: expected 64.0, as the ratio of both contexts says, found 32.0");
    assertRefused(
        TinyModels.PHI3_LONG.replace(
            "[1.0, 2.5]", "[1.0, 2.5], \"original_max_position_embeddings\": 32"),
        "rope_scaling.original_max_position_embeddings: expected 64, as config.json itself says");
    assertRefused(
        TinyModels.STABLELM.replace(
            "\"use_parallel_residual\": false", "\"use_parallel_residual\": true"),
        "use_parallel_residual: expected false, found true");
    String whole = TinyModels.QWEN3 + ", \"rope_scaling\": null";
    assertRefused(
        whole.replace(
            "_scaling\": null",
            "_scaling\": "
                + scaled.formatted("linear").replace("}", ", \"partial_rotary_factor\": 0.5}")),
        "rope_scaling.partial_rotary_factor: expected 1, the whole head, found 0.5");
    assertRefused(
        whole.replace(
            "_scaling\": null",
            "_scaling\": "
                + scaled
                    .formatted("dynamic")
                    .replace("}", ", \"original_max_position_embeddings\": 32}")),
        "original_max_position_embeddings: expected 64, as max_position_embeddings says, found 32");
    assertRefused(
        whole.replace(
            "_scaling\": null",
            "_scaling\": " + scaled.formatted("yarn").replace("}", ", \"mscale\": 1}")),
        "rope_scaling.mscale: expected nothing");
    assertRefused(
        TinyModels.GEMMA2.replace(
            "\"hidden_act\": \"gelu_pytorch_tanh\"", "\"hidden_act\": \"silu\""),
        "hidden_act: expected GELU_TANH, as hidden_activation says, found SILU");
    assertRefused(
        TinyModels.GEMMA2.replace(
            "\"attn_logit_softcapping\": 2.0", "\"attn_logit_softcapping\": 0"),
        "attn_logit_softcapping: expected a positive number");
    assertRefused(
        TinyModels.GEMMA3 + ", \"attn_logit_softcapping\": 50.0",
        "attn_logit_softcapping: expected nothing");
    assertRefused(
        TinyModels.GEMMA3 + ", \"_sliding_window_pattern\": 6",
        "_sliding_window_pattern: expected 3, as sliding_window_pattern says, found 6");
    assertRefused(
        TinyModels.GEMMA3 + ", \"use_bidirectional_attention\": true",
        "use_bidirectional_attention: expected nothing (attention must look back only)");
  }

  /** As transformers has it: all positions are rotated anew once a sequence is longer. */
  @Test
  void aContinuationOfLongRopeGoesOnBeyondTheOriginalContext() throws IOException {
    Path written = TinyModels.write(directory.resolve("model"), TinyModels.PHI3_LONGER, 3);
    PlainDecoder plain = new PlainDecoder(written);
    try (LanguageModel model = LanguageModel.load(written)) {
      assertThat(model.description().maxPositions()).isEqualTo(4096);
      long[] start = {1, 9, 4, 7};

      long[] all = new TextGenerator(model).generate(start, 8, /* temperature= */ 0, new Random(1));

      assertThat(all).hasSize(12);
      for (int length = start.length; length < all.length; length++) {
        double[] logits = plain.logits(Arrays.copyOf(all, length))[length - 1];
        assertThat(logits[(int) all[length]]).isCloseTo(max(logits), within(1e-5));
      }
    }
  }

  private static double max(double[] values) {
    return Arrays.stream(values).max().orElseThrow();
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
