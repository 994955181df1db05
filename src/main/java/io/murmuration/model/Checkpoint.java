package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The weights of a Hugging Face model directory: {@code model.safetensors}, or the shards that
 * {@code model.safetensors.index.json} lists.
 *
 * <p>Checkpoints of bare decoders leave out the first component of the names ({@code
 * transformer.h.0…} is then {@code h.0…}); both spellings are found.
 */
final class Checkpoint implements Closeable {

  static final String SINGLE_FILE = "model.safetensors";
  static final String INDEX_FILE = "model.safetensors.index.json";

  private final Path directory;
  private final List<SafetensorsFile> files;
  private final Map<String, SafetensorsFile> fileOf;

  private Checkpoint(
      Path directory, List<SafetensorsFile> files, Map<String, SafetensorsFile> fileOf) {
    this.directory = directory;
    this.files = files;
    this.fileOf = fileOf;
  }

  static Checkpoint open(Path directory) throws IOException {
    List<SafetensorsFile> files = new ArrayList<>();
    try {
      Path index = directory.resolve(INDEX_FILE);
      Path single = directory.resolve(SINGLE_FILE);
      Map<String, SafetensorsFile> fileOf = new LinkedHashMap<>();
      if (Files.exists(single)) {
        SafetensorsFile file = SafetensorsFile.open(single);
        files.add(file);
        file.tensors().forEach(t -> fileOf.put(t.name(), file));
      } else if (Files.exists(index)) {
        openShards(directory, index, files, fileOf);
      } else {
        throw new ModelFormatException(
            directory + ": expected " + SINGLE_FILE + " or " + INDEX_FILE + ", found neither");
      }
      return new Checkpoint(directory, files, fileOf);
    } catch (IOException | RuntimeException e) {
      for (SafetensorsFile file : files) {
        file.close();
      }
      throw e;
    }
  }

  private static void openShards(
      Path directory, Path index, List<SafetensorsFile> files, Map<String, SafetensorsFile> fileOf)
      throws IOException {
    JsonNode weights = new ObjectMapper().readTree(index.toFile()).path("weight_map");
    if (!weights.isObject() || weights.isEmpty()) {
      throw new ModelFormatException(index + ": expected a weight_map, found none");
    }
    Map<String, SafetensorsFile> shards = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : weights.properties()) {
      String shard = entry.getValue().asText();
      if (!directory.resolve(shard).normalize().startsWith(directory.normalize())) {
        throw new ModelFormatException(
            index + ": expected shards inside the directory, found " + shard);
      }
      SafetensorsFile file = shards.get(shard);
      if (file == null) {
        if (!Files.exists(directory.resolve(shard))) {
          throw new ModelFormatException(
              directory.resolve(shard) + ": expected, as " + INDEX_FILE + " lists it, not found");
        }
        file = SafetensorsFile.open(directory.resolve(shard));
        files.add(file);
        shards.put(shard, file);
      }
      fileOf.put(entry.getKey(), file);
    }
  }

  /**
   * Checks that a tensor is there and has the expected shape.
   *
   * @throws ModelFormatException naming file, tensor, expected and found
   */
  void require(TensorSpec expected) {
    SafetensorsFile file = fileOf(expected.name());
    TensorSpec found = file.spec(stored(expected.name()));
    if (!found.shape().equals(expected.shape())) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected shape %s, found %s",
              file.path(), found.name(), expected.shape(), found.shape()));
    }
  }

  /** Reads part of a tensor: see {@link SafetensorsFile#read(String, long, ByteBuffer)}. */
  void read(String name, long first, ByteBuffer target) throws IOException {
    fileOf(name).read(stored(name), first, target);
  }

  private SafetensorsFile fileOf(String name) {
    return fileOf.get(stored(name));
  }

  private String stored(String name) {
    return find(name)
        .orElseThrow(
            () ->
                new ModelFormatException(
                    directory + ": tensor " + name + ": expected, not found in any weights file"));
  }

  private Optional<String> find(String name) {
    if (fileOf.containsKey(name)) {
      return Optional.of(name);
    }
    String bare = name.substring(name.indexOf('.') + 1);
    return fileOf.containsKey(bare) ? Optional.of(bare) : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    for (SafetensorsFile file : files) {
      file.close();
    }
  }
}
