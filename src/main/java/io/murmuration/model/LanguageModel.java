package io.murmuration.model;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.TrainableParameters.Binding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A causal language model with frozen weights, loaded from a Hugging Face directory ({@code
 * config.json}, safetensors, {@code tokenizer.json}).
 *
 * <p>Weights live in torch memory until {@link #close()}. Any number of threads may compute with
 * one model at the same time.
 */
public final class LanguageModel implements AutoCloseable {

  /** Elements that are read, widened and copied at a time (64 MB). */
  private static final int BLOCK_ELEMENTS = 1 << 24;

  /** What the families' own pretraining uses. */
  private static final double INITIAL_DEVIATION = 0.02;

  private final Path directory;
  private final DecoderDescription description;
  private final Decoder decoder;
  private final TextTokenizer tokenizer;
  private final NDManager manager;
  private final Map<String, NDArray> tensors;
  private final Set<String> transposed;

  private LanguageModel(
      Path directory,
      DecoderDescription description,
      TextTokenizer tokenizer,
      NDManager manager,
      Map<String, NDArray> tensors) {
    this.directory = directory;
    this.description = description;
    this.decoder = new Decoder(description);
    this.tokenizer = tokenizer;
    this.manager = manager;
    this.tensors = tensors;
    this.transposed = fanInFanOut(description);
  }

  /** Where a tensor's values come from; blocks as in {@link Checkpoint#read}. */
  private interface WeightSource {
    void read(TensorSpec tensor, long first, float[] target, int count) throws IOException;
  }

  /**
   * Loads a model directory.
   *
   * @throws ModelFormatException naming file, key or tensor, expected and found
   * @throws IOException if a file cannot be read
   */
  public static LanguageModel load(Path directory) throws IOException {
    requireDirectory(directory);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      return build(
          directory,
          (tensor, first, target, count) -> {
            checkpoint.require(tensor);
            checkpoint.read(tensor.name(), first, target, count);
          });
    }
  }

  /**
   * A model with random weights, to be pretrained, from a directory with {@code config.json} and
   * {@code tokenizer.json} alone: N(0, 0.02²), norms one, biases zero.
   *
   * @param seed equal seeds give equal weights
   */
  public static LanguageModel initialize(Path directory, long seed) throws IOException {
    requireDirectory(directory);
    Random random = new Random(seed);
    return build(
        directory,
        (tensor, first, target, count) -> {
          boolean bias = tensor.name().endsWith(".bias");
          boolean norm = tensor.shape().size() == 1 && !bias;
          for (int i = 0; i < count; i++) {
            target[i] = bias ? 0 : norm ? 1 : (float) (INITIAL_DEVIATION * random.nextGaussian());
          }
        });
  }

  private static void requireDirectory(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new ModelFormatException(directory + ": expected a model directory");
    }
  }

  private static LanguageModel build(Path directory, WeightSource weights) throws IOException {
    DecoderDescription description =
        ModelFamily.describe(ModelConfig.read(directory.resolve("config.json")));
    TextTokenizer tokenizer =
        TextTokenizer.load(directory.resolve("tokenizer.json"), description.beginningOfText());
    NDManager manager = Engine.getEngine("PyTorch").newBaseManager();
    try {
      Set<String> transposed = fanInFanOut(description);
      Map<String, NDArray> tensors = new HashMap<>();
      for (TensorSpec spec : description.tensors()) {
        tensors.put(spec.name(), read(weights, spec, manager, transposed.contains(spec.name())));
      }
      return new LanguageModel(directory, description, tokenizer, manager, tensors);
    } catch (IOException | RuntimeException e) {
      manager.close();
      tokenizer.close();
      throw e;
    }
  }

  private static Set<String> fanInFanOut(DecoderDescription description) {
    return description.linears().stream()
        .filter(Linear::fanInFanOut)
        .map(Linear::weight)
        .collect(Collectors.toSet());
  }

  private static NDArray read(
      WeightSource weights, TensorSpec spec, NDManager manager, boolean transpose)
      throws IOException {
    NDArray tensor = manager.create(new Shape(spec.dimensions()), DataType.FLOAT32);
    try (NDScope scope = new NDScope();
        NDManager step = manager.newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = tensor.reshape(-1);
      long size = spec.size();
      float[] block = new float[(int) Math.min(size, BLOCK_ELEMENTS)];
      for (long first = 0; first < size; first += block.length) {
        int count = (int) Math.min(block.length, size - first);
        weights.read(spec, first, block, count);
        float[] values = count == block.length ? block : Arrays.copyOf(block, count);
        flat.set(new NDIndex("{}:{}", first, first + count), Tensors.floats(step, values, count));
      }
    }
    if (!transpose) {
      return tensor;
    }
    try (NDArray stored = tensor;
        NDArray view = stored.transpose()) {
      return view.duplicate();
    }
  }

  /** Where it was loaded from. */
  public Path directory() {
    return directory;
  }

  /** What the model is. */
  public DecoderDescription description() {
    return description;
  }

  /** Its tokenizer. */
  public TextTokenizer tokenizer() {
    return tokenizer;
  }

  /** The manager that holds the weights; make a sub-manager for each step. */
  public NDManager manager() {
    return manager;
  }

  /** A tensor of the checkpoint as stored, copied out. */
  public float[] values(String name) {
    NDArray tensor = tensor(name);
    if (!transposed.contains(name)) {
      return tensor.toFloatArray();
    }
    try (NDArray view = tensor.transpose();
        NDArray stored = view.duplicate()) {
      return stored.toFloatArray();
    }
  }

  NDArray tensor(String name) {
    NDArray tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name + " in this model");
    }
    return tensor;
  }

  Decoder decoder() {
    return decoder;
  }

  /** The model as it was loaded. */
  public Binding base() {
    return new Binding(
        new DecoderParameters() {
          @Override
          public NDArray tensor(String name) {
            return LanguageModel.this.tensor(name);
          }

          @Override
          public Optional<LoraFactors> lora(String module) {
            return Optional.empty();
          }
        });
  }

  /**
   * Negative log likelihood of each target of a batch, in nats; differentiable.
   *
   * @param step manager of the step; close it, and the {@link NDScope} around it, afterwards
   * @return float32 (targets)
   */
  public NDArray tokenLosses(NDManager step, TokenBatch batch, Binding binding) {
    NDArray ids =
        Tensors.longs(step, batch.ids(), batch.slices(), batch.sequences(), batch.positions());
    NDArray rows = Tensors.longs(step, batch.rows(), batch.targets());
    NDArray targets = Tensors.longs(step, batch.targetIds(), batch.targets(), 1);
    NDArray hidden = decoder.hidden(step, ids, binding.parameters());
    NDArray logits = decoder.logits(hidden, rows, binding.parameters());
    return logits.logSoftmax(-1).gather(targets, 1).reshape(-1).neg();
  }

  @Override
  public void close() {
    manager.close();
    tokenizer.close();
  }
}
