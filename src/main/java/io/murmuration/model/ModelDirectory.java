package io.murmuration.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.commons.codec.digest.DigestUtils;

/** What can be said of a Hugging Face model directory without loading its weights into memory. */
public final class ModelDirectory {

  static final String CONFIG = "config.json";

  /** The files beside the weights that belong to a model, where it has them. */
  static final List<String> COMPANIONS =
      List.of(
          CONFIG,
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "LICENSE");

  private ModelDirectory() {}

  /**
   * The decoder that the files of a directory describe: {@code config.json}, what {@code
   * generation_config.json} and the tokenizer say of the borders of texts, and, where there are
   * weights, whether a head is stored beside an embedding that is to be tied to it.
   *
   * @throws ModelFormatException naming file and key, expected and found
   * @throws IOException if a file cannot be read
   */
  public static DecoderDescription describe(Path directory) throws IOException {
    requireDirectory(directory);
    if (!Checkpoint.isIn(directory)) {
      return described(directory);
    }
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      return describe(directory, checkpoint);
    }
  }

  /** The same, with the directory's weights at hand. */
  static DecoderDescription describe(Path directory, Checkpoint checkpoint) throws IOException {
    DecoderDescription description = described(directory);
    // a configuration that says tied, and another matrix stored as head: transformers (since 5)
    // takes the weights' word for it
    return description.head().isEmpty()
            && checkpoint.has(DecoderDescription.OWN_HEAD)
            && !checkpoint.sameValues(DecoderDescription.OWN_HEAD, description.tokenEmbedding())
        ? description.withOwnHead()
        : description;
  }

  /** Describes a model by its configuration alone. */
  static DecoderDescription described(Path directory) throws IOException {
    requireDirectory(directory);
    return TextBorders.applied(
        directory, ModelFamily.describe(ModelConfig.read(directory.resolve(CONFIG))));
  }

  /**
   * Checks, without computing anything, that a directory holds a model that can be trained on:
   * configuration, shapes, ids against the vocabulary, and that every weight is a number.
   *
   * @throws ModelFormatException naming file, key or tensor, expected and found
   * @throws IOException if a file cannot be read
   */
  public static void check(Path directory) throws IOException {
    requireDirectory(directory);
    DecoderDescription description;
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      description = describe(directory, checkpoint);
      requireIds(directory, description);
      checkpoint.requireExactly(description.tensors());
      checkpoint.requireFinite(description.tensors());
    }
    TextTokenizer.load(directory, description).close();
  }

  /** Ids that stand in texts must lie in the embedding, which would fail on them in every text. */
  static void requireIds(Path directory, DecoderDescription description) {
    requireId(directory, description, "bos_token_id", description.beginningOfText());
    for (int id : description.endOfText()) {
      requireId(directory, description, "eos_token_id", id);
    }
  }

  private static void requireId(
      Path directory, DecoderDescription description, String key, int id) {
    if (id >= description.vocabularySize()) {
      throw new ModelFormatException(
          "%s: %s: expected an id below vocab_size, %d, found %d"
              .formatted(directory.resolve(CONFIG), key, description.vocabularySize(), id));
    }
  }

  static void requireDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      // not a fault of its form: a file system may come back
      throw new NoSuchFileException(directory.toString(), null, "expected a model directory");
    }
  }

  /**
   * Configuration, tokenizer and licence: what a directory of other weights of the same model needs
   * beside them. Where the weights have a head of their own, {@code config.json} says so, whatever
   * it said.
   *
   * @return contents by file name; those that the model does not have are left out
   * @throws IOException if one cannot be read
   */
  public static SortedMap<String, byte[]> companions(Path directory) throws IOException {
    SortedMap<String, byte[]> files = new TreeMap<>();
    for (String name : COMPANIONS) {
      Path file = directory.resolve(name);
      if (Files.exists(file)) {
        files.put(name, Files.readAllBytes(file));
      }
    }
    if (files.containsKey(CONFIG)) {
      files.put(CONFIG, config(directory, describe(directory)));
    }
    return files;
  }

  /**
   * {@code config.json} as it is, but for a tie that the description does not have.
   *
   * @return its bytes
   */
  static byte[] config(Path directory, DecoderDescription description) throws IOException {
    Path file = directory.resolve(CONFIG);
    ObjectNode config = ModelConfig.readObject(file);
    if (description.head().isEmpty() || described(directory).head().isPresent()) {
      return Files.readAllBytes(file);
    }
    config.put("tie_word_embeddings", false);
    return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(config);
  }

  /**
   * SHA-256 over names and contents of the weights' files in the order of their names, lower-case
   * hexadecimal. It names the base model in a manifest.
   *
   * @throws ModelFormatException if there are none
   * @throws IOException if one cannot be read
   */
  public static String weightsDigest(Path directory) throws IOException {
    List<Path> files;
    try (Stream<Path> entries = Files.list(directory)) {
      files = entries.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    }
    if (files.isEmpty()) {
      throw new ModelFormatException(directory + ": expected a .safetensors file, found none");
    }
    MessageDigest digest = DigestUtils.getSha256Digest();
    for (Path file : files) {
      digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
      try (InputStream in = Files.newInputStream(file)) {
        DigestUtils.updateDigest(digest, in);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
