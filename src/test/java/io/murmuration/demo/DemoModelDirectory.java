package io.murmuration.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.training.ParameterLayout;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes the demo's base model as a Hugging Face model directory. */
final class DemoModelDirectory {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Ends every message of the pretraining text, so that generation knows where to stop. */
  static final String END_OF_MESSAGE = "\n";

  private static final int END_OF_MESSAGE_TOKEN = BytePairVocabulary.byteToken((byte) '\n');

  private final Path directory;

  DemoModelDirectory(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory);
  }

  /**
   * The dimensions of a Llama with tied embeddings.
   *
   * @param context largest number of tokens
   */
  record Architecture(
      int vocabulary,
      int hidden,
      int intermediate,
      int layers,
      int heads,
      int keyValueHeads,
      int context) {

    /** Names and shapes of the tensors of the checkpoint. */
    ParameterLayout layout() {
      long keyValue = (long) hidden / heads * keyValueHeads;
      List<String> names = new ArrayList<>();
      List<long[]> shapes = new ArrayList<>();
      names.add("model.embed_tokens.weight");
      shapes.add(new long[] {vocabulary, hidden});
      for (int layer = 0; layer < layers; layer++) {
        String prefix = "model.layers." + layer + ".";
        for (String projection : List.of("q", "k", "v", "o")) {
          names.add(prefix + "self_attn." + projection + "_proj.weight");
        }
        shapes.add(new long[] {hidden, hidden});
        shapes.add(new long[] {keyValue, hidden});
        shapes.add(new long[] {keyValue, hidden});
        shapes.add(new long[] {hidden, hidden});
        for (String projection : List.of("gate", "up", "down")) {
          names.add(prefix + "mlp." + projection + "_proj.weight");
        }
        shapes.add(new long[] {intermediate, hidden});
        shapes.add(new long[] {intermediate, hidden});
        shapes.add(new long[] {hidden, intermediate});
        names.add(prefix + "input_layernorm.weight");
        names.add(prefix + "post_attention_layernorm.weight");
        shapes.add(new long[] {hidden});
        shapes.add(new long[] {hidden});
      }
      names.add("model.norm.weight");
      shapes.add(new long[] {hidden});
      return ParameterLayout.of(names, shapes);
    }
  }

  /** Writes everything but the weights. */
  void writeDescription(Architecture architecture, BytePairVocabulary vocabulary)
      throws IOException {
    Files.writeString(directory.resolve(DemoModel.TOKENIZER), vocabulary.toTokenizerJson());
    writeJson(DemoModel.CONFIG, config(architecture));
    writeJson(
        DemoModel.GENERATION_CONFIG,
        JSON.createObjectNode().put("bos_token_id", 1).put("eos_token_id", END_OF_MESSAGE_TOKEN));
    writeJson(
        DemoModel.TOKENIZER_CONFIG,
        JSON.createObjectNode()
            .put("tokenizer_class", "PreTrainedTokenizerFast")
            .put("model_max_length", architecture.context())
            .put("bos_token", "<s>")
            .put("eos_token", "</s>")
            .put("unk_token", "<unk>")
            .put("clean_up_tokenization_spaces", false));
  }

  private static ObjectNode config(Architecture architecture) {
    ObjectNode config = JSON.createObjectNode();
    config.putArray("architectures").add("LlamaForCausalLM");
    config.put("model_type", "llama");
    config.put("vocab_size", architecture.vocabulary());
    config.put("hidden_size", architecture.hidden());
    config.put("intermediate_size", architecture.intermediate());
    config.put("num_hidden_layers", architecture.layers());
    config.put("num_attention_heads", architecture.heads());
    config.put("num_key_value_heads", architecture.keyValueHeads());
    config.put("head_dim", architecture.hidden() / architecture.heads());
    config.put("hidden_act", "silu");
    config.put("max_position_embeddings", architecture.context());
    config.put("rms_norm_eps", 1e-5);
    config.put("rope_theta", 10_000.0);
    config.putNull("rope_scaling");
    config.put("attention_bias", false).put("mlp_bias", false);
    config.put("tie_word_embeddings", true);
    config.put("bos_token_id", 1).put("eos_token_id", END_OF_MESSAGE_TOKEN);
    config.put("torch_dtype", "float32");
    return config;
  }

  /** Writes the weights, in the order of their layout. */
  void writeWeights(ParameterLayout layout, float[] values) throws IOException {
    ObjectNode header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    for (ParameterLayout.Entry entry : layout.entries()) {
      ObjectNode tensor = header.putObject(entry.name()).put("dtype", "F32");
      entry.shape().forEach(tensor.putArray("shape")::add);
      long begin = (long) entry.offset() * Float.BYTES;
      tensor.putArray("data_offsets").add(begin).add(begin + (long) entry.size() * Float.BYTES);
    }
    byte[] json = JSON.writeValueAsBytes(header);
    // Data begin at a multiple of eight; the format allows blanks after the header.
    int padding = -json.length & 7;
    ByteBuffer file =
        ByteBuffer.allocate(Long.BYTES + json.length + padding + layout.size() * Float.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length + padding).put(json);
    file.put(" ".repeat(padding).getBytes(StandardCharsets.US_ASCII));
    file.asFloatBuffer().put(values);
    Files.write(directory.resolve(DemoModel.WEIGHTS), file.array());
  }

  private void writeJson(String name, ObjectNode node) throws IOException {
    try (OutputStream out = Files.newOutputStream(directory.resolve(name))) {
      out.write(
          (JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n")
              .getBytes(StandardCharsets.UTF_8));
    }
  }
}
