package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.murmuration.model.DecoderDescription.NormKind;
import io.murmuration.model.TrainableParameters.Binding;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A causal language model with frozen weights, loaded from a Hugging Face directory ({@code
 * config.json}, safetensors, {@code tokenizer.json}).
 *
 * <p>Weights live in torch memory, once for all models of a JVM that were loaded from the same
 * files, until the last of them is closed. Any number of threads may compute with one model at the
 * same time.
 */
public final class LanguageModel implements AutoCloseable {

  /** What the families' own pretraining uses. */
  private static final double INITIAL_DEVIATION = 0.02;

  private final Path directory;
  private final LoadedModel loaded;
  private final Decoder decoder;
  private final NDManager manager;
  private final AtomicBoolean closed = new AtomicBoolean();

  private LanguageModel(Path directory, LoadedModel loaded) {
    this.directory = directory;
    this.loaded = loaded;
    this.decoder = new Decoder(loaded.description());
    this.manager = Torch.engine().newBaseManager();
  }

  /**
   * Loads a model directory.
   *
   * @throws ModelFormatException naming file, key or tensor, expected and found
   * @throws IOException if a file cannot be read
   */
  public static LanguageModel load(Path directory) throws IOException {
    ModelDirectory.requireDirectory(directory);
    return new LanguageModel(directory, LoadedModel.acquire(directory));
  }

  /**
   * A model with random weights, to be pretrained, from a directory with {@code config.json} and
   * {@code tokenizer.json} alone: N(0, 0.02²), factors of norms one, biases zero.
   *
   * @param seed equal seeds give equal weights
   */
  public static LanguageModel initialize(Path directory, long seed) throws IOException {
    ModelDirectory.requireDirectory(directory);
    Random random = new Random(seed);
    DecoderDescription description = ModelDirectory.described(directory);
    Map<String, NormKind> norms = new HashMap<>();
    description.norms().forEach(norm -> norms.put(norm.weight(), norm.kind()));
    return new LanguageModel(
        directory,
        LoadedModel.of(
            directory,
            description,
            (tensor, first, target) -> {
              boolean bias = tensor.name().endsWith(".bias");
              NormKind norm = norms.get(tensor.name());
              double ofNorm = norm == NormKind.RMS_ONE_PLUS ? 0 : 1;
              while (target.hasRemaining()) {
                double value =
                    bias ? 0 : norm != null ? ofNorm : INITIAL_DEVIATION * random.nextGaussian();
                target.putFloat((float) value);
              }
            }));
  }

  /** The directory that it was loaded from. */
  public Path directory() {
    return directory;
  }

  /** What the model is. */
  public DecoderDescription description() {
    return loaded.description();
  }

  /** Its tokenizer. */
  public TextTokenizer tokenizer() {
    return loaded.tokenizer();
  }

  /** The manager of what is computed with the model; make a sub-manager for each step. */
  public NDManager manager() {
    return manager;
  }

  /** A tensor of the checkpoint as stored, copied out. */
  public float[] values(String name) {
    return loaded.values(name);
  }

  NDArray tensor(String name) {
    return loaded.tensor(name);
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

  /** Negative log likelihood of each target of a batch, in nats. */
  public float[] losses(TokenBatch batch, Binding binding) {
    return losses(batch, binding, TokenLosses.DEFAULT_PIECE_BYTES).evaluate();
  }

  /**
   * Negative log likelihood of each target of a batch, in nats; adds to the gradient of each leaf
   * of the binding that of their weighted sum.
   *
   * @param batch whose mean weights the sum has
   * @param binding of leaves that require gradients
   * @param logitsBytes about how much memory logits, their losses and gradients may take at a time;
   *     those of one position are the least
   */
  public float[] backward(TokenBatch batch, Binding binding, long logitsBytes) {
    return losses(batch, binding, logitsBytes).backward();
  }

  TokenLosses losses(TokenBatch batch, Binding binding, long pieceBytes) {
    return new TokenLosses(this, binding.parameters(), batch, pieceBytes);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      manager.close();
      loaded.release();
    }
  }
}
