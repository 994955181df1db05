package io.murmuration.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.model.DecoderDescription;
import io.murmuration.model.ModelDirectory;
import io.murmuration.model.TensorSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * The shapes of published models. A checkpoint of one has random weights, written block by block,
 * and a byte-pair vocabulary of the published size.
 */
public enum RealShape {
  /** The model of stories of llama2.c, 15 million parameters. */
  STORIES_15M(
      "F32",
      """
      {"model_type": "llama", "vocab_size": 32000, "hidden_size": 288, "intermediate_size": 768,
       "num_hidden_layers": 6, "num_attention_heads": 6, "num_key_value_heads": 6,
       "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
       "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
      """),
  /** GPT-2, 124 million parameters. */
  GPT2_124M(
      "F32",
      """
      {"model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_head": 12, "n_layer": 12,
       "n_positions": 1024, "bos_token_id": 0, "eos_token_id": 1}
      """),
  /** SmolLM2, 135 million parameters. */
  SMOLLM2_135M(
      "BF16",
      """
      {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
       "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
       "max_position_embeddings": 8192, "rope_theta": 100000, "rms_norm_eps": 1e-5,
       "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
      """),
  /** Qwen2.5, 494 million parameters. */
  QWEN25_0_5B(
      "BF16",
      """
      {"model_type": "qwen2", "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864,
       "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
       "max_position_embeddings": 32768, "rope_theta": 1000000, "rms_norm_eps": 1e-6,
       "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
      """),
  /** Llama 3.2, 1.24 billion parameters. */
  LLAMA32_1_2B(
      "BF16",
      """
      {"model_type": "llama", "vocab_size": 128256, "hidden_size": 2048,
       "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
       "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072,
       "rope_theta": 500000, "rms_norm_eps": 1e-5,
       "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
         "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
       "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
      """);

  /** What {@link #text} writes with. */
  private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 ";

  private static final int BLOCK_ELEMENTS = 1 << 20;

  /** Half the width of a uniform distribution with a deviation of 0.02. */
  private static final float RANGE = 0.02f * (float) Math.sqrt(3);

  private final String dtype;
  private final String config;

  RealShape(String dtype, String config) {
    this.dtype = dtype;
    this.config = config;
  }

  /** Bytes of the weights in float32. */
  public long weightBytes(Path directory) throws IOException {
    return ModelDirectory.describe(directory).tensors().stream()
        .mapToLong(tensor -> Float.BYTES * tensor.size())
        .sum();
  }

  /** Writes configuration, tokenizer and weights, unless they are there. */
  public void write(Path directory) throws IOException {
    Path weights = directory.resolve("model.safetensors");
    if (Files.exists(weights)) {
      return;
    }
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.json"), config);
    DecoderDescription description = ModelDirectory.describe(directory);
    writeTokenizer(directory.resolve("tokenizer.json"), description.vocabularySize());
    Path partial = directory.resolve("model.safetensors.partial");
    writeWeights(partial, description);
    Files.move(partial, weights);
  }

  /** Letters and spaces, about three of them a token. */
  public static String text(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
    }
    return text.toString();
  }

  /** Two control tokens, the letters, then pairs and triples of them. */
  private static void writeTokenizer(Path file, int size) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode root = json.createObjectNode();
    root.put("version", "1.0");
    root.putArray("added_tokens");
    root.putNull("normalizer").putNull("pre_tokenizer").putNull("post_processor");
    root.putObject("decoder").put("type", "Fuse");
    ObjectNode model = root.putObject("model");
    model.put("type", "BPE").put("unk_token", "<unk>");
    ObjectNode vocabulary = model.putObject("vocab");
    vocabulary.put("<s>", 0).put("<unk>", 1);
    var merges = model.putArray("merges");
    String[] level = LETTERS.split("");
    for (String letter : level) {
      vocabulary.put(letter, vocabulary.size());
    }
    while (vocabulary.size() < size) {
      java.util.List<String> longer = new java.util.ArrayList<>();
      for (String left : level) {
        for (String letter : LETTERS.split("")) {
          if (vocabulary.size() < size) {
            vocabulary.put(left + letter, vocabulary.size());
            merges.addArray().add(left).add(letter);
            longer.add(left + letter);
          }
        }
      }
      level = longer.toArray(String[]::new);
    }
    json.writeValue(file.toFile(), root);
  }

  private void writeWeights(Path file, DecoderDescription description) throws IOException {
    int bytes = dtype.equals("F32") ? Float.BYTES : Short.BYTES;
    ObjectMapper json = new ObjectMapper();
    ObjectNode header = json.createObjectNode();
    long offset = 0;
    for (TensorSpec tensor : description.tensors()) {
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", dtype);
      tensor.shape().forEach(entry.putArray("shape")::add);
      entry.putArray("data_offsets").add(offset).add(offset + bytes * tensor.size());
      offset += bytes * tensor.size();
    }
    String text = json.writeValueAsString(header);
    byte[] padded =
        (text + " ".repeat((8 - text.length() % 8) % 8)).getBytes(StandardCharsets.UTF_8);
    SplittableRandom random = new SplittableRandom(1);
    ByteBuffer block =
        ByteBuffer.allocateDirect(bytes * BLOCK_ELEMENTS).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      writeFully(channel, length.putLong(padded.length).flip());
      writeFully(channel, ByteBuffer.wrap(padded));
      for (TensorSpec tensor : description.tensors()) {
        boolean bias = tensor.name().endsWith(".bias");
        boolean norm = tensor.shape().size() == 1 && !bias;
        for (long left = tensor.size(); left > 0; left -= BLOCK_ELEMENTS) {
          block.clear();
          for (int i = (int) Math.min(left, BLOCK_ELEMENTS); i > 0; i--) {
            float value =
                bias ? 0 : norm ? 1 : RANGE * (2 * (random.nextInt() >>> 8) * 0x1p-24f - 1);
            if (bytes == Float.BYTES) {
              block.putFloat(value);
            } else {
              block.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
            }
          }
          writeFully(channel, block.flip());
        }
      }
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
