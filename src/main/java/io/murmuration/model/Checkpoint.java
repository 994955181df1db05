package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

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

  /** Buffers that older checkpoints stored beside the weights: each follows from the settings. */
  private static final Pattern BUFFERS =
      Pattern.compile(".*\\.(rotary_emb\\.inv_freq|attn\\.(bias|masked_bias))");

  /** A mebibyte of float32 at a time: reads are long, and memory does not depend on the tensor. */
  private static final int BLOCK_ELEMENTS = 1 << 18;

  /** Whether a directory holds weights. */
  static boolean isIn(Path directory) {
    return Files.exists(directory.resolve(SINGLE_FILE))
        || Files.exists(directory.resolve(INDEX_FILE));
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
    JsonNode weights = ModelConfig.readObject(index).path("weight_map");
    if (!weights.isObject() || weights.isEmpty()) {
      throw new ModelFormatException(index + ": expected a weight_map, found none");
    }
    Map<String, SafetensorsFile> shards = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : weights.properties()) {
      String shard = entry.getValue().textValue();
      if (shard == null) {
        throw new ModelFormatException(
            "%s: %s: expected the name of a shard, found %s"
                .formatted(index, entry.getKey(), entry.getValue()));
      }
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

  /**
   * Refuses a checkpoint with more tensors than these: they would be ignored in silence. A head
   * that is the embedding once more may be there, and buffers that follow from the settings.
   *
   * @throws ModelFormatException naming file and tensor
   */
  void requireExactly(List<TensorSpec> tensors) {
    Set<String> known = new HashSet<>();
    tensors.forEach(tensor -> find(tensor.name()).ifPresent(known::add));
    for (Map.Entry<String, SafetensorsFile> stored : fileOf.entrySet()) {
      String name = stored.getKey();
      if (!known.contains(name)
          && !name.equals(DecoderDescription.OWN_HEAD)
          && !BUFFERS.matcher(name).matches()) {
        throw new ModelFormatException(
            "%s: tensor %s: expected no tensor that the configuration does not ask for"
                .formatted(stored.getValue().path(), name));
      }
    }
  }

  /** Whether there is a tensor of this name. */
  boolean has(String name) {
    return find(name).isPresent();
  }

  /** Whether two tensors are the same matrix. */
  boolean sameValues(String one, String other) throws IOException {
    TensorSpec shape = fileOf(one).spec(stored(one));
    if (!shape.shape().equals(fileOf(other).spec(stored(other)).shape())) {
      return false;
    }
    ByteBuffer a = block();
    ByteBuffer b = block();
    for (long first = 0; first < shape.size(); first += BLOCK_ELEMENTS) {
      int bytes = Float.BYTES * (int) Math.min(BLOCK_ELEMENTS, shape.size() - first);
      read(one, first, a.clear().limit(bytes));
      read(other, first, b.clear().limit(bytes));
      if (!a.equals(b)) {
        return false;
      }
    }
    return true;
  }

  private static ByteBuffer block() {
    return ByteBuffer.allocate(Float.BYTES * BLOCK_ELEMENTS).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Reads every element of these tensors, which finds those that are no numbers. */
  void requireFinite(List<TensorSpec> tensors) throws IOException {
    ByteBuffer block = block();
    for (TensorSpec tensor : tensors) {
      require(tensor);
      for (long first = 0; first < tensor.size(); first += BLOCK_ELEMENTS) {
        int count = (int) Math.min(BLOCK_ELEMENTS, tensor.size() - first);
        read(tensor.name(), first, block.clear().limit(Float.BYTES * count));
      }
    }
  }

  /**
   * Reads part of a tensor: see {@link SafetensorsFile#read(String, long, ByteBuffer)}.
   *
   * @throws ModelFormatException also if a value is no number
   */
  void read(String name, long first, ByteBuffer target) throws IOException {
    fileOf(name).readFinite(stored(name), first, target);
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
