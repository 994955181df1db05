package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every key is understood, known not to matter, or refused; and the documents say the same. */
class ConfigKeysTest {

  @TempDir Path directory;

  @Test
  void theDocumentsListTheKeys() throws IOException {
    Path documents = Path.of(System.getProperty("basedir", ".")).resolve("docs/models.md");
    List<String> rows =
        Files.readAllLines(documents).stream()
            .filter(line -> line.matches("\\| `[a-z_]+\\.json` \\|.*"))
            .toList();
    // to be copied from there where this fails
    Files.write(Files.createDirectories(Path.of("target")).resolve("config-keys.md"), table());
    assertThat(rows).containsExactlyElementsOf(table());
  }

  private static List<String> table() {
    List<String> rows = new ArrayList<>();
    for (ModelFamily family : ModelFamily.values()) {
      rows.add(row(ConfigKeys.MODEL, "understood", family.understood(), family.modelType()));
    }
    RotarySettings.types()
        .forEach(
            (type, keys) ->
                rows.add(
                    row(
                        ConfigKeys.MODEL,
                        "understood",
                        keys,
                        "in `rope_parameters` or `rope_scaling` of type " + type)));
    addUnread(rows, ConfigKeys.MODEL);
    rows.add(row(ConfigKeys.GENERATION, "understood", TextBorders.UNDERSTOOD, "borders of texts"));
    addUnread(rows, ConfigKeys.GENERATION);
    rows.add(row(ConfigKeys.ADAPTER, "understood", LoraAdapter.UNDERSTOOD, "as peft reads them"));
    addUnread(rows, ConfigKeys.ADAPTER);
    rows.add(
        row(
            ConfigKeys.TOKENIZER,
            "understood",
            TokenizerFile.UNDERSTOOD,
            "by the tokenizers library"));
    rows.add(
        row(
            ConfigKeys.TOKENIZER,
            "understood",
            TokenizerFile.MODEL_KEYS,
            "in `model`; `dropout` must be none"));
    addUnread(rows, ConfigKeys.TOKENIZER);
    return rows;
  }

  private static void addUnread(List<String> rows, ConfigKeys keys) {
    addGrouped(rows, keys, "does not matter", keys.irrelevant(), keys::whyIrrelevant);
    addGrouped(rows, keys, "refused", keys.refused(), keys::whyRefused);
  }

  private static void addGrouped(
      List<String> rows,
      ConfigKeys file,
      String what,
      Collection<String> keys,
      Function<String, String> why) {
    Map<String, Set<String>> byReason = new LinkedHashMap<>();
    keys.forEach(key -> byReason.computeIfAbsent(why.apply(key), k -> new TreeSet<>()).add(key));
    byReason.forEach((reason, group) -> rows.add(row(file, what, group, reason)));
  }

  private static String row(ConfigKeys file, String what, Collection<String> keys, String why) {
    return "| `%s` | %s | %s | %s |"
        .formatted(
            file.file(),
            what,
            new TreeSet<>(keys).stream().map(k -> "`" + k + "`").collect(Collectors.joining(", ")),
            why);
  }

  /** What is called understood is read, and what is read is called understood. */
  @Test
  void whatIsCalledUnderstoodIsRead() throws IOException {
    Map<String, Set<String>> asked = new LinkedHashMap<>();
    Map<String, Set<String>> askedOfRopes = new LinkedHashMap<>();
    List<String> all = new ArrayList<>();
    TinyModels.CONFIGURATIONS.forEach(all::add);
    for (String fields : all) {
      ModelConfig config = read("\"vocab_size\": 98, " + fields);
      DecoderDescription described = ModelFamily.describe(config);
      for (String key : List.copyOf(config.asked())) {
        if (key.contains(".")) {
          ModelConfig rope = config;
          String[] path = key.split("\\.");
          for (int i = 0; i < path.length - 1; i++) {
            rope = rope.child(path[i]);
          }
          // those of a family with two of them are one deeper
          if (!path[path.length - 1].endsWith("_attention")) {
            askedOfRopes
                .computeIfAbsent(rope.text("rope_type", "default"), t -> new TreeSet<>())
                .add(path[path.length - 1]);
          }
        } else {
          asked.computeIfAbsent(described.family(), f -> new TreeSet<>()).add(key);
        }
      }
    }
    for (ModelFamily family : ModelFamily.values()) {
      assertThat(asked.get(family.modelType()))
          .as(family.modelType())
          .containsExactlyInAnyOrderElementsOf(family.understood());
    }
    RotarySettings.types()
        .forEach(
            (type, keys) ->
                assertThat(askedOfRopes.getOrDefault(type, Set.of()))
                    .as(type)
                    .containsExactlyInAnyOrderElementsOf(keys));
  }

  @ParameterizedTest
  @EnumSource
  void whatIsNotUnderstoodIsRefusedUnlessItSaysNothing(ModelFamily family) throws IOException {
    String fields =
        "\"vocab_size\": 98, "
            + TinyModels.CONFIGURATIONS.stream()
                .filter(c -> c.contains("\"" + family.modelType() + "\""))
                .findFirst()
                .orElseThrow();
    DecoderDescription plain = ModelFamily.describe(read(fields));
    for (String neutral : List.of("null", "false", "\"\"", "[]", "{}")) {
      assertThat(ModelFamily.describe(read(fields + ", \"wavelets\": " + neutral)))
          .isEqualTo(plain);
    }
    for (String value : List.of("0", "1", "true", "\"on\"", "[null]", "{\"a\":null}", "0.5")) {
      assertThatThrownBy(() -> ModelFamily.describe(read(fields + ", \"wavelets\": " + value)))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("config.json: wavelets: expected nothing (not understood")
          .hasMessageContaining("found " + value);
    }
    for (String key : ConfigKeys.MODEL.irrelevant()) {
      if (!family.understood().contains(key)) {
        assertThat(ModelFamily.describe(read(fields + ", \"" + key + "\": 0.25"))).isEqualTo(plain);
      }
    }
    for (String key : ConfigKeys.MODEL.refused()) {
      assertThatThrownBy(() -> ModelFamily.describe(read(fields + ", \"" + key + "\": 1")))
          .as(key)
          .hasMessageContaining(key + ": expected nothing (")
          .hasMessageNotContaining("not understood");
    }
  }

  /** A value of another type is never made to fit. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"hidden_size\": 16.5",
        "\"hidden_size\": \"16\"",
        "\"hidden_size\": 4294967312",
        "\"hidden_size\": 1e999",
        "\"rms_norm_eps\": \"1e-5\"",
        "\"rms_norm_eps\": {\"__float__\": \"NaN\"}",
        "\"tie_word_embeddings\": 1",
        "\"hidden_act\": 3",
        "\"rope_scaling\": 2.0",
        "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0}",
        "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2, \"long_factor\": [1]}",
        "\"architectures\": \"LlamaForCausalLM\"",
        "\"architectures\": [\"LlamaForSequenceClassification\"]",
        "\"bos_token_id\": [1, 2]",
        "\"eos_token_id\": [2, \"3\"]",
        "\"eos_token_id\": -2",
        "\"is_causal\": false",
        "\"layer_types\": [\"full_attention\"]",
        "\"layer_types\": [\"full_attention\", \"sliding_attention\"]",
        "\"layer_types\": [\"full_attention\", \"chunked_attention\"]",
      })
  void valuesThatDoNotFitAreRefusedByKey(String field) throws IOException {
    String key = field.substring(1, field.indexOf('"', 1));
    String base =
        TinyModels.LLAMA3
            .replaceAll("(?s)\"rope_scaling\": \\{.*?\\},", "")
            .replace("\"mlp_bias\": true,", "")
            .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": true,");
    String fields =
        "\"vocab_size\": 98, "
            + base.replaceAll("\"" + key + "\": [^,\\n]+(,|\\n)", "")
            + field
            + ", \"mlp_bias\": true";
    assertThatThrownBy(() -> ModelFamily.describe(read(fields)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("config.json: " + key);
  }

  @Test
  void sourcesThatDisagreeAreRefusedAndThoseThatAgreeAreNot() throws IOException {
    String base =
        "\"vocab_size\": 98, "
            + TinyModels.LLAMA3
                .replaceAll("(?s)\"rope_scaling\": \\{.*?\\},", "")
                .replace("\"rope_theta\": 500.0,", "");
    String newer =
        ", \"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2.0, \"rope_theta\":"
            + " 500.0}";
    DecoderDescription expected = ModelFamily.describe(read(base + newer));
    assertThat(ModelFamily.describe(read(base + newer + ", \"rope_theta\": 500")))
        .isEqualTo(expected);
    assertThat(
            ModelFamily.describe(
                read(
                    base
                        + newer
                        + ", \"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\","
                        + " \"rope_type\": \"linear\", \"factor\": 2}")))
        .isEqualTo(expected);
    for (String other :
        List.of(
            ", \"rope_theta\": 501",
            ", \"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 3}",
            ", \"rope_theta\": 500, \"rope_scaling\": {\"type\": \"linear\", \"rope_type\":"
                + " \"default\", \"factor\": 2}")) {
      assertThatThrownBy(() -> ModelFamily.describe(read(base + newer + other)))
          .as(other)
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("says, found");
    }
    assertThatThrownBy(() -> read(base + ", \"vocab_size\": 99"))
        .hasMessageContaining("Duplicate field 'vocab_size'");
  }

  @Test
  void aMissingKeyIsTheFamilysDefaultAndNullIsNone() throws IOException {
    String mistral = "\"vocab_size\": 98, " + TinyModels.MISTRAL;
    String missing = mistral.replace("\"sliding_window\": 5,", "");
    assertThat(ModelFamily.describe(read(missing)).layers().get(0).slidingWindow()).contains(4096);
    String none = mistral.replace("\"sliding_window\": 5", "\"sliding_window\": null");
    assertThat(ModelFamily.describe(read(none)).layers().get(0).slidingWindow()).isEmpty();
    String heads = "\"num_key_value_heads\": 2,";
    String wide = mistral.replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 16");
    assertThat(ModelFamily.describe(read(wide.replace(heads, ""))).keyValueHeads()).isEqualTo(8);
    assertThat(
            ModelFamily.describe(read(wide.replace(heads, "\"num_key_value_heads\": null,")))
                .keyValueHeads())
        .isEqualTo(16);
    assertThat(ModelFamily.describe(read(mistral)).beginningOfText()).isEqualTo(1);
    assertThat(ModelFamily.describe(read(mistral + ", \"bos_token_id\": null")).beginningOfText())
        .isEqualTo(DecoderDescription.NO_TOKEN);
  }

  /** A list of the layers' attention wins over where Qwen2 would put windows. */
  @Test
  void perLayerListsDecideWhereTheFamilyKnowsThem() throws IOException {
    String windowed = "\"vocab_size\": 98, " + TinyModels.QWEN2_WINDOWED;
    String types = ", \"layer_types\": [\"sliding_attention\", \"full_attention\"]";
    DecoderDescription listed = ModelFamily.describe(read(windowed + types));
    assertThat(listed.layers().get(0).slidingWindow()).contains(5);
    assertThat(listed.layers().get(1).slidingWindow()).isEmpty();
    assertThatThrownBy(
            () -> ModelFamily.describe(read("\"vocab_size\": 98, " + TinyModels.QWEN2 + types)))
        .hasMessageContaining("layer_types: expected full_attention in layer 0");
    assertThatThrownBy(
            () -> ModelFamily.describe(read("\"vocab_size\": 98, " + TinyModels.MISTRAL + types)))
        .hasMessageContaining("layer_types: expected sliding_attention in layer 1");
  }

  private ModelConfig read(String fields) throws IOException {
    return ModelConfig.read(
        Files.writeString(directory.resolve("config.json"), "{" + fields + "}"));
  }
}
