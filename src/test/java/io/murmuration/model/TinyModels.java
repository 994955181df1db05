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

  /** Heads that together are wider than the residual stream. */
  public static final String QWEN3 =
      """
      "model_type": "qwen3", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
      "max_position_embeddings": 64, "rope_theta": 1000000,
      "attention_bias": false, "use_sliding_window": false, "sliding_window": null,
      "max_window_layers": 28, "tie_word_embeddings": true
      """;

  public static final String OLMO2 =
      """
      "model_type": "olmo2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
      "rope_theta": 500000, "attention_bias": false, "tie_word_embeddings": false
      """;

  public static final String SMOLLM3 =
      """
      "model_type": "smollm3", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3,
      "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
      "no_rope_layer_interval": 2, "max_window_layers": 28, "use_sliding_window": false,
      "rope_theta": 5000000.0
      """;

  public static final String PHI3 =
      """
      "model_type": "phi3", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
      "original_max_position_embeddings": 64, "sliding_window": 7, "attention_bias": false,
      "rope_scaling": null
      """;

  /** Half of each head is rotated; tests' sequences are shorter than the original context. */
  public static final String PHI3_LONG =
      PHI3.replace("\"sliding_window\": 7, ", "")
              .replace("\"max_position_embeddings\": 64,\n", "\"max_position_embeddings\": 4096,\n")
              .replace(
                  "null",
                  "{\"type\": \"longrope\", \"rope_type\": \"longrope\", \"short_factor\": [1.0,"
                      + " 2.5], \"long_factor\": [7.0, 90.0]}")
              .replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 2")
              .replace("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 1")
          + ", \"partial_rotary_factor\": 0.5";

  /** The same, but tests' sequences are shorter than the original context, and longer. */
  public static final String PHI3_LONGER =
      PHI3_LONG.replace(
          "\"original_max_position_embeddings\": 64", "\"original_max_position_embeddings\": 7");

  /** A quarter of each head is rotated, the family's default. */
  public static final String STABLELM =
      """
      "model_type": "stablelm", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
      "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
      "layer_norm_eps": 1e-5, "use_qkv_bias": true, "qk_layernorm": false,
      "use_parallel_residual": false, "rope_theta": 10000, "tie_word_embeddings": false
      """;

  /** Bounds so low that they bend what they bound. */
  public static final String GEMMA2 =
      """
      "model_type": "gemma2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
      "max_position_embeddings": 64, "sliding_window": 5, "query_pre_attn_scalar": 7,
      "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
      "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0
      """;

  public static final String GEMMA3 =
      """
      "model_type": "gemma3_text", "hidden_size": 16, "intermediate_size": 24,
      "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
      "max_position_embeddings": 64, "sliding_window": 5, "sliding_window_pattern": 3,
      "query_pre_attn_scalar": 7, "hidden_activation": "gelu_pytorch_tanh",
      "rope_theta": 5000, "rope_local_base_freq": 100,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0}
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
          QWEN3,
          QWEN3
                  .replace("\"attention_bias\": false", "\"attention_bias\": true")
                  .replace(
                      "\"use_sliding_window\": false, \"sliding_window\": null,",
                      "\"use_sliding_window\": true, \"sliding_window\": 5,")
                  .replace("\"max_window_layers\": 28", "\"max_window_layers\": 1")
              + ", \"dtype\": \"bfloat16\"",
          yarn("\"factor\": 4.0, \"original_max_position_embeddings\": 32"),
          yarn(
              "\"factor\": 3.0, \"attention_factor\": 1.5, \"beta_fast\": 4.0, \"beta_slow\": 0.5,"
                  + " \"truncate\": false"),
          QWEN3.replace(
              "\"rope_theta\": 1000000",
              "\"rope_theta\": 100, \"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2.0,"
                  + " \"original_max_position_embeddings\": 64}"),
          OLMO2,
          OLMO2.replace("\"attention_bias\": false", "\"attention_bias\": true")
              + ", \"torch_dtype\": \"float16\"",
          SMOLLM3,
          SMOLLM3
                  .replace("\"no_rope_layer_interval\": 2, \"max_window_layers\": 28,", "")
                  .replace("\"use_sliding_window\": false", "\"use_sliding_window\": true")
              + ", \"sliding_window\": 4, \"no_rope_layers\": [0, 1, 0], \"mlp_bias\": true",
          PHI3,
          PHI3.replace("\"sliding_window\": 7,", "").replace("\"rope_scaling\": null", "")
              + "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 300,"
              + " \"partial_rotary_factor\": 1.0}, \"resid_pdrop\": 0.0, \"embd_pdrop\": 0.0",
          PHI3_LONG,
          PHI3_LONGER,
          PHI3_LONGER
              .replace("longrope", "su")
              .replace("\"short_factor\"", "\"attention_factor\": 1.5, \"short_factor\""),
          STABLELM,
          STABLELM
                  .replace("\"use_qkv_bias\": true,", "")
                  .replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 1")
                  .replace("\"rope_theta\": 10000, \"tie_word_embeddings\": false", "")
              + "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2.0,"
              + " \"rope_theta\": 50, \"partial_rotary_factor\": 0.375},"
              + " \"tie_word_embeddings\": true, \"hidden_dropout\": 0.1",
          GEMMA2,
          GEMMA2.replace("\"attn_logit_softcapping\": 2.0, \"final_logit_softcapping\": 3.0,", ""),
          GEMMA2.replace("\"attn_logit_softcapping\": 2.0", "\"attn_logit_softcapping\": null")
              + ", \"layer_types\": [\"full_attention\", \"sliding_attention\","
              + " \"full_attention\"], \"attention_bias\": true,"
              + " \"cache_implementation\": \"hybrid\"",
          GEMMA3,
          GEMMA3.replaceAll(
              "(?s)\"rope_theta\".*",
              "\"_sliding_window_pattern\": 3, \"final_logit_softcapping\": 3.0,"
                  + " \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\","
                  + " \"factor\": 8.0, \"rope_theta\": 300}, \"sliding_attention\":"
                  + " {\"rope_type\": \"default\", \"rope_theta\": 40}}"),
          GPT2,
          GPT2 + ", \"n_inner\": 40, \"tie_word_embeddings\": false");

  /** The plainest member of each family. */
  public static final List<String> FAMILIES =
      List.of(
          LLAMA3,
          MISTRAL,
          QWEN2_WINDOWED,
          QWEN3,
          OLMO2,
          SMOLLM3,
          PHI3,
          PHI3_LONG,
          STABLELM,
          GEMMA2,
          GEMMA3,
          GPT2);

  private TinyModels() {}

  private static String yarn(String fields) {
    return QWEN3.replace(
        "\"rope_theta\": 1000000",
        "\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 100, " + fields + "}");
  }

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
