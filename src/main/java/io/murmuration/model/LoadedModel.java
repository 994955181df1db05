package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.murmuration.model.DecoderDescription.Linear;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Weights in torch memory and the tokenizer beside them: what is loaded of a directory once for
 * everybody in a JVM who opens the same files, and freed when the last one closes it. Nothing in it
 * is ever written to.
 */
final class LoadedModel {

  /** Says where a tensor's values come from: see {@link Tensors.Writer}. */
  interface WeightSource {
    void read(TensorSpec tensor, long first, ByteBuffer target) throws IOException;
  }

  /**
   * Files as they were found: a directory that was written anew is another model.
   *
   * @param directory without links
   * @param files names, lengths and times of modification of what is loaded
   */
  private record Key(Path directory, String files) {}

  /** Who uses what; guarded by itself. */
  private static final Map<Key, Shared> SHARED = new HashMap<>();

  private static final class Shared {
    /** Guarded by {@link #SHARED}. */
    private int users;

    /** Guarded by this, which loading holds; other models are loaded meanwhile. */
    private LoadedModel model;

    synchronized LoadedModel loaded(Key key) throws IOException {
      if (model == null) {
        try (Checkpoint checkpoint = Checkpoint.open(key.directory())) {
          DecoderDescription description = ModelDirectory.describe(key.directory(), checkpoint);
          checkpoint.requireExactly(description.tensors());
          model =
              build(
                  key,
                  key.directory(),
                  description,
                  (tensor, first, target) -> {
                    checkpoint.require(tensor);
                    checkpoint.read(tensor.name(), first, target);
                  });
        }
      }
      return model;
    }
  }

  private final Key key;
  private final DecoderDescription description;
  private final TextTokenizer tokenizer;
  private final NDManager manager;
  private final Map<String, NDArray> tensors;
  private final Set<String> transposed;

  private LoadedModel(
      Key key,
      DecoderDescription description,
      TextTokenizer tokenizer,
      NDManager manager,
      Map<String, NDArray> tensors,
      Set<String> transposed) {
    this.key = key;
    this.description = description;
    this.tokenizer = tokenizer;
    this.manager = manager;
    this.tensors = tensors;
    this.transposed = transposed;
  }

  /** Loads a directory's files, unless somebody in this JVM has; to be released. */
  static LoadedModel acquire(Path directory) throws IOException {
    Key key = new Key(directory.toRealPath(), files(directory));
    Shared shared;
    synchronized (SHARED) {
      shared = SHARED.computeIfAbsent(key, absent -> new Shared());
      shared.users++;
    }
    try {
      return shared.loaded(key);
    } catch (IOException | RuntimeException e) {
      release(key);
      throw e;
    }
  }

  /** A model of its own, of other weights than the directory's; to be released. */
  static LoadedModel of(Path directory, DecoderDescription description, WeightSource weights)
      throws IOException {
    return build(/* key= */ null, directory, description, weights);
  }

  private static String files(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      List<Path> loaded =
          entries
              .filter(file -> file.toString().endsWith(".safetensors") || isJson(file))
              .sorted()
              .toList();
      StringBuilder stamps = new StringBuilder();
      for (Path file : loaded) {
        stamps
            .append(file.getFileName())
            .append(' ')
            .append(Files.size(file))
            .append(' ')
            .append(Files.getLastModifiedTime(file).toInstant())
            .append('\n');
      }
      return stamps.toString();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static boolean isJson(Path file) {
    return file.toString().endsWith(".json");
  }

  private static LoadedModel build(
      Key key, Path directory, DecoderDescription description, WeightSource weights)
      throws IOException {
    ModelDirectory.requireIds(directory, description);
    TextTokenizer tokenizer = TextTokenizer.load(directory, description);
    NDManager manager = Torch.engine().newBaseManager();
    try {
      Set<String> transposed =
          description.linears().stream()
              .filter(Linear::fanInFanOut)
              .map(Linear::weight)
              .collect(Collectors.toSet());
      Map<String, NDArray> tensors = new HashMap<>();
      for (TensorSpec spec : description.tensors()) {
        NDArray stored =
            Tensors.create(
                manager,
                new Shape(spec.dimensions()),
                DataType.FLOAT32,
                (first, target) -> weights.read(spec, first, target));
        tensors.put(spec.name(), transposed.contains(spec.name()) ? turned(stored) : stored);
      }
      return new LoadedModel(key, description, tokenizer, manager, tensors, transposed);
    } catch (IOException | RuntimeException e) {
      manager.close();
      tokenizer.close();
      throw e;
    }
  }

  /** The same memory, read in the other order. */
  private static NDArray turned(NDArray stored) {
    try (stored) {
      return stored.transpose();
    }
  }

  DecoderDescription description() {
    return description;
  }

  TextTokenizer tokenizer() {
    return tokenizer;
  }

  /** A tensor; weights of linear maps as (out, in). */
  NDArray tensor(String name) {
    NDArray tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name + " in this model");
    }
    return tensor;
  }

  /** A tensor as stored, copied out. */
  float[] values(String name) {
    if (!transposed.contains(name)) {
      return Tensors.floats(tensor(name));
    }
    try (NDArray stored = tensor(name).transpose()) {
      return Tensors.floats(stored);
    }
  }

  /** One user less; the last one frees everything. */
  void release() {
    if (key == null || release(key)) {
      manager.close();
      tokenizer.close();
    }
  }

  /** Whether nobody is left. */
  private static boolean release(Key key) {
    synchronized (SHARED) {
      Shared shared = SHARED.get(key);
      shared.users--;
      if (shared.users > 0) {
        return false;
      }
      SHARED.remove(key);
      return true;
    }
  }
}
