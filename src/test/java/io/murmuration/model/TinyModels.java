package io.murmuration.model;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Writes tiny model directories of any family, with a tokenizer of single characters. */
public final class TinyModels {

  /** Ids 0 to 2 are control tokens, then 94 printable characters from '!' and the space. */
  public static final int VOCABULARY = 98;

  public static final String LLAMA3 =
      """
      "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
      "rms_norm_eps": 1e-5, "rope_theta": 500.0, "attention_bias": true, "mlp_bias": true,
      "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
      "tie_word_embeddings": true
      """;

  public static final String MISTRAL =
      """
      "model_type": "mistral", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
      "max_position_embeddings": 64, "sliding_window": 5, "tie_word_embeddings": false
      """;

  public static final String QWEN2 =
      """
      "model_type": "qwen2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
      "rope_theta": 1000000.0, "use_sliding_window": false, "sliding_window": 5,
      "tie_word_embeddings": true
      """;

  /** Qwen2 with the sliding window switched on in its upper layer alone. */
  public static final String QWEN2_WINDOWED =
      QWEN2.replace(
          "\"use_sliding_window\": false",
          "\"use_sliding_window\": true, \"max_window_layers\": 1");

  public static final String GPT2 =
      """
      "model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 64,
      "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"
      """;

  /** Every family, and the settings in which members of one family differ. */
  static final List<String> CONFIGURATIONS =
      List.of(
          LLAMA3,
          LLAMA3.replace("\"attention_bias\": true, \"mlp_bias\": true,", ""),
          LLAMA3.replaceAll(
              "(?s)\"rope_theta\": 500.0(.*)\"rope_scaling\": \\{.*?\\}",
              "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4, \"rope_theta\":"
                  + " 500.0}$1\"pad_token_id\": null"),
          LLAMA3.replaceAll(
              "(?s)\"rope_theta\": 500.0(.*)\"rope_scaling\": \\{.*?\\}",
              "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\":"
                  + " 500.0}$1\"pad_token_id\": null"),
          MISTRAL,
          MISTRAL.replace("\"sliding_window\": 5", "\"sliding_window\": null"),
          QWEN2,
          QWEN2_WINDOWED,
          QWEN2_WINDOWED + ", \"layer_types\": [\"sliding_attention\", \"full_attention\"]",
          GPT2,
          GPT2 + ", \"n_inner\": 40, \"tie_word_embeddings\": false");

  private TinyModels() {}

  /** Writes {@code config.json} and {@code tokenizer.json}. */
  public static Path describe(Path directory, String fields) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(
        directory.resolve("config.json"),
        "{\"vocab_size\": "
            + VOCABULARY
            + ", \"bos_token_id\": 1, \"eos_token_id\": 2, "
            + fields
            + "}");
    List<String> vocabulary = new ArrayList<>(List.of("<unk>", "<s>", "</s>", " "));
    for (char c = '!'; c < '!' + VOCABULARY - 4; c++) {
      vocabulary.add(c == '"' || c == '\\' ? "\\" + c : String.valueOf(c));
    }
    StringBuilder entries = new StringBuilder();
    for (int id = 0; id < vocabulary.size(); id++) {
      entries
          .append(id == 0 ? "" : ", ")
          .append('"')
          .append(vocabulary.get(id))
          .append("\": ")
          .append(id);
    }
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [
          {"id": 1, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false, "special": true}],
         "normalizer": null, "pre_tokenizer": null, "post_processor": null,
         "decoder": {"type": "Fuse"},
         "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "merges": [],
           "vocab": {%s}}}
        """
            .formatted(entries),
        StandardCharsets.UTF_8);
    return directory;
  }

  /** A whole directory with random weights, large enough that every part matters. */
  public static Path write(Path directory, String fields, long seed) throws IOException {
    return writeScaled(directory, fields, seed, 1);
  }

  /** The same, with every weight times a factor. */
  public static Path writeScaled(Path directory, String fields, long seed, float factor)
      throws IOException {
    describe(directory, fields);
    Path written = directory.resolveSibling(directory.getFileName() + "-written");
    try (LanguageModel model = LanguageModel.initialize(directory, seed)) {
      AllParameters all = new AllParameters(model);
      float[] values = all.initialValues();
      Random random = new Random(seed);
      for (int i = 0; i < values.length; i++) {
        values[i] = factor * (float) (values[i] + 0.3 * random.nextGaussian());
      }
      ModelDirectoryWriter.write(written, all, values);
    }
    return written;
  }
}
