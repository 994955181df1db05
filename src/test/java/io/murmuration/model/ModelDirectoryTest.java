package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is public and total is found before anything is computed. */
class ModelDirectoryTest {

  @TempDir Path directory;

  @Test
  void idsOutsideTheEmbeddingAreNamed() throws IOException {
    for (String key : List.of("bos_token_id", "eos_token_id")) {
      Path model = TinyModels.write(directory.resolve(key), TinyModels.QWEN2, 1);
      replace(model, "config.json", "\"" + key + "\": \\d", "\"" + key + "\": 98");
      assertRefused(
          model, "config.json: " + key + ": expected an id below vocab_size, 98, found 98");
    }
    Path model = TinyModels.write(directory.resolve("generation"), TinyModels.QWEN2, 1);
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [2, 128009]}");
    assertRefused(model, "eos_token_id: expected an id below vocab_size, 98, found 128009");
    Path tokens = TinyModels.write(directory.resolve("tokens"), TinyModels.QWEN2, 1);
    replace(tokens, "tokenizer.json", "\"z\": \\d+", "\"z\": 150");
    assertRefused(
        tokens, "tokenizer.json: expected ids below the model's vocab_size, 98, found 150");
  }

  @Test
  void everyWeightIsANumber() throws IOException {
    for (float broken : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      Path model = TinyModels.write(directory.resolve("m" + broken), TinyModels.LLAMA3, 1);
      Map<String, float[]> tensors = tensors(model);
      tensors.get("model.layers.1.mlp.up_proj.weight")[5] = broken;
      write(model, tensors);
      assertRefused(
          model,
          "tensor model.layers.1.mlp.up_proj.weight: expected finite values, found "
              + broken
              + " at element 5");
    }
  }

  @Test
  void whatTheConfigurationDoesNotAskForIsNamed() throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), TinyModels.MISTRAL, 1);
    Map<String, float[]> tensors = tensors(model);
    tensors.put("model.rotary_emb.inv_freq", new float[3]);
    write(model, tensors);
    ModelDirectory.check(model);
    tensors.put("model.layers.0.self_attn.q_proj.bias", new float[24]);
    write(model, tensors);
    assertRefused(model, "tensor model.layers.0.self_attn.q_proj.bias: expected no tensor");
  }

  /** As transformers since version 5, and what is written of it says so to everybody. */
  @Test
  void aHeadOfItsOwnCountsWhateverTheConfigurationSays() throws IOException {
    Path tied = TinyModels.write(directory.resolve("tied"), TinyModels.QWEN2, 1);
    double alone = nats(tied);
    Map<String, float[]> tensors = tensors(tied);
    tensors.put("lm_head.weight", tensors.get("model.embed_tokens.weight").clone());
    write(tied, tensors);
    assertThat(ModelDirectory.describe(tied).head()).isEmpty();
    assertThat(nats(tied)).isEqualTo(alone);
    assertThat(
            new String(ModelDirectory.companions(tied).get("config.json"), StandardCharsets.UTF_8))
        .isEqualTo(Files.readString(tied.resolve("config.json")));

    tensors.get("lm_head.weight")[7] += 1;
    write(tied, tensors);
    assertThat(ModelDirectory.describe(tied).head()).contains("lm_head.weight");
    assertThat(nats(tied)).isNotEqualTo(alone);
    assertThat(
            new String(ModelDirectory.companions(tied).get("config.json"), StandardCharsets.UTF_8))
        .contains("\"tie_word_embeddings\" : false");
    Path copy = directory.resolve("copy");
    try (LanguageModel model = LanguageModel.load(tied)) {
      AllParameters all = new AllParameters(model);
      ModelDirectoryWriter.write(copy, all, all.initialValues());
    }
    assertThat(Files.readString(copy.resolve("config.json")))
        .contains("\"tie_word_embeddings\" : false");
    assertThat(nats(copy)).isEqualTo(nats(tied));
  }

  @Test
  void theBeginningOfTextIsTheFirstThatAFileNames() throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), TinyModels.QWEN2, 1);
    assertThat(ModelDirectory.describe(model).beginningOfText()).isEqualTo(1);
    replace(model, "config.json", "\"bos_token_id\": 1", "\"bos_token_id\": null");
    assertThat(ModelDirectory.describe(model).beginningOfText()).isEqualTo(2);
    Files.writeString(
        model.resolve("tokenizer_config.json"), "{\"bos_token\": {\"content\": \"<s>\"}}");
    assertThat(ModelDirectory.describe(model).beginningOfText()).isEqualTo(1);
    Files.writeString(
        model.resolve("generation_config.json"),
        "{\"bos_token_id\": 7, \"eos_token_id\": [5, 2, 6], \"temperature\": 0.6}");
    assertThat(ModelDirectory.describe(model).beginningOfText()).isEqualTo(7);
    assertThat(ModelDirectory.describe(model).endOfText()).containsExactly(2, 5, 6);
    Files.delete(model.resolve("generation_config.json"));
    Files.delete(model.resolve("tokenizer_config.json"));
    replace(model, "config.json", "\"eos_token_id\": 2", "\"eos_token_id\": null");
    assertRefused(model, "config.json: bos_token_id: expected a token id");
    Files.writeString(model.resolve("generation_config.json"), "{\"wavelets\": true}");
    assertRefused(model, "generation_config.json: wavelets: expected nothing");
  }

  @Test
  void anIndexThatContradictsItselfIsRefused() throws IOException {
    Path model = TinyModels.write(directory.resolve("model"), TinyModels.QWEN2, 1);
    Path whole = model.resolve("model.safetensors");
    Files.move(whole, model.resolve("part.safetensors"));
    Path index = model.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\": {\"model.norm.weight\": 7}}");
    assertRefused(model, "model.norm.weight: expected the name of a shard, found 7");
    Files.writeString(index, "{\"weight_map\": []}");
    assertRefused(model, "expected a weight_map");
    Files.writeString(index, "{\"weight_map\": {\"a\": \"part.safetensors\"}} {}");
    assertRefused(model, "expected JSON");
  }

  private static void assertRefused(Path model, String part) {
    assertThatThrownBy(() -> ModelDirectory.check(model))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(part);
    assertThatThrownBy(() -> LanguageModel.load(model))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(part);
  }

  private static double nats(Path model) throws IOException {
    try (LanguageModel loaded = LanguageModel.load(model)) {
      return new TextEvaluator(loaded, List.of("hello"), 16).evaluate().nats();
    }
  }

  private static void replace(Path model, String file, String expression, String by)
      throws IOException {
    String text = Files.readString(model.resolve(file));
    assertThat(text).containsPattern(expression);
    Files.writeString(model.resolve(file), text.replaceFirst(expression, by));
  }

  private static Map<String, float[]> tensors(Path model) throws IOException {
    Map<String, float[]> tensors = new TreeMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(model.resolve("model.safetensors"))) {
      for (TensorSpec spec : file.tensors()) {
        tensors.put(spec.name(), file.read(spec.name()));
      }
    }
    return tensors;
  }

  /** Shapes as the description says; of others, flat. */
  private static void write(Path model, Map<String, float[]> tensors) throws IOException {
    Map<String, TensorSpec> known = new TreeMap<>();
    ModelDirectory.described(model).tensors().forEach(spec -> known.put(spec.name(), spec));
    TensorSpec embedding = known.get("model.embed_tokens.weight");
    StringBuilder header = new StringBuilder();
    long offset = 0;
    for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
      TensorSpec spec =
          tensor.getKey().equals("lm_head.weight") ? embedding : known.get(tensor.getKey());
      long end = offset + 4L * tensor.getValue().length;
      header.append(
          "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(
                  offset == 0 ? "" : ",",
                  tensor.getKey(),
                  spec == null ? "[" + tensor.getValue().length + "]" : spec.shape().toString(),
                  offset,
                  end));
      offset = end;
    }
    ByteBuffer data = ByteBuffer.allocate((int) offset).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] values : tensors.values()) {
      for (float value : values) {
        data.putFloat(value);
      }
    }
    AdapterFixture.safetensors(
        model.resolve("model.safetensors"), "{" + header + "}", data.array());
  }
}
