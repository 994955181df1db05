package io.murmuration.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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

  /** The files beside the weights that belong to a model, where it has them. */
  static final List<String> COMPANIONS =
      List.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "LICENSE");

  private ModelDirectory() {}

  /**
   * The decoder that {@code config.json} describes.
   *
   * @throws ModelFormatException naming file and key, expected and found
   * @throws IOException if the file cannot be read
   */
  public static DecoderDescription describe(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new ModelFormatException(directory + ": expected a model directory");
    }
    return ModelFamily.describe(ModelConfig.read(directory.resolve("config.json")));
  }

  /**
   * Configuration, tokenizer and licence: what a directory of other weights of the same model needs
   * beside them.
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
    return files;
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
