package io.murmuration.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.murmuration.event.Example;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.TensorSpec;
import io.murmuration.model.Tensors;
import io.murmuration.model.TokenBatch;
import io.murmuration.model.TokenSequence;
import io.murmuration.model.Torch;
import io.murmuration.model.TrainableParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * Clipped gradient sums on a {@link LanguageModel}, one backward pass per micro-batch.
 *
 * <p>Each trainable tensor is expanded to one copy per slice (without copying memory), and the loss
 * is the sum over slices of each slice's mean, so autograd leaves every slice's gradient in its own
 * part of the leaf. Norms, factors and the sum are computed from there in float64.
 *
 * <p>A slice's loss is the mean over its examples of each example's mean loss per trained token.
 */
public final class DecoderGradientEngine implements GradientEngine {

  private final LanguageModel model;
  private final TrainableParameters trainable;
  private final EngineOptions options;
  private final ParameterLayout layout;
  private final MicroBatches microBatches;
  private long clippingNanos;

  /**
   * @param trainable what is trained, on which model; both stay open as long as the engine, and are
   *     closed by their owner
   */
  public DecoderGradientEngine(TrainableParameters trainable, EngineOptions options) {
    this.model = trainable.model();
    this.trainable = trainable;
    this.options = options;
    if (options.maxTokens() > model.description().maxPositions()) {
      throw new IllegalArgumentException(
          "maxTokens must be at most the model's context of "
              + model.description().maxPositions()
              + ", given "
              + options.maxTokens());
    }
    this.layout = layoutOf(trainable);
    this.microBatches = microBatches(trainable, options);
    long needed = smallestMemoryBudget(trainable, options.maxTokens());
    if (options.memoryBudgetBytes() < needed) {
      throw new IllegalArgumentException(
          "the memory of a micro-batch must hold one example of %d tokens, which takes about %d bytes on this model, but is %d bytes; raise training.micro-batch-memory or lower training.max-tokens"
              .formatted(options.maxTokens(), needed, options.memoryBudgetBytes()));
    }
  }

  /** Names and shapes of what is trained, in the order of the flat vector. */
  public static ParameterLayout layoutOf(TrainableParameters trainable) {
    return ParameterLayout.of(
        trainable.tensors().stream().map(TensorSpec::name).toList(),
        trainable.tensors().stream().map(TensorSpec::dimensions).toList());
  }

  private static MicroBatches microBatches(TrainableParameters trainable, EngineOptions options) {
    // expanded gradients in float32, and the largest one in float64
    return new MicroBatches(
        trainable.model().description().activationBytesPerPosition(options.maxTokens()),
        8L * layoutOf(trainable).size(),
        options.memoryBudgetBytes());
  }

  /**
   * The smallest memory budget of a micro-batch with which an example of so many tokens can be
   * processed. However many examples a user has, they are processed within it one after the other.
   */
  public static long smallestMemoryBudget(TrainableParameters trainable, int maxTokens) {
    return (long)
        microBatches(trainable, EngineOptions.ofMaxTokens(maxTokens))
            .bytes(/* slices= */ 1, /* sequences= */ 1, /* positions= */ maxTokens);
  }

  @Override
  public ParameterLayout layout() {
    return layout;
  }

  @Override
  public float[] initialParameters() {
    return trainable.initialValues();
  }

  @Override
  public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
    ClippedAccumulator total = new ClippedAccumulator(layout.size(), grid);
    addTo(total, parameters, slices);
    return total.result();
  }

  @Override
  public void addTo(ClippedAccumulator total, float[] parameters, List<PrivacySlice> slices) {
    forEach(
        parameters,
        slices,
        new Receiver() {
          @Override
          public void add(SliceGradients gradients, double[] squaredNorms, List<Trained> trained) {
            total.add(gradients, squaredNorms, trained);
          }

          @Override
          public void addZero() {
            total.addZero();
          }
        });
  }

  @Override
  public double[] norms(float[] parameters, List<PrivacySlice> slices) {
    DoubleStream.Builder norms = DoubleStream.builder();
    forEach(
        parameters,
        slices,
        (gradients, squaredNorms, trained) -> {
          for (int s = 0; s < squaredNorms.length; s++) {
            if (Double.isFinite(trained.get(s).loss()) && Double.isFinite(squaredNorms[s])) {
              norms.add(Math.sqrt(squaredNorms[s]));
            }
          }
        });
    return norms.build().toArray();
  }

  @Override
  public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
    List<double[]> found = new ArrayList<>(1);
    forEach(
        parameters,
        List.of(slice),
        (gradients, squaredNorms, trained) -> {
          if (Double.isFinite(trained.get(0).loss()) && Double.isFinite(squaredNorms[0])) {
            double[] values = new double[layout.size()];
            gradients.read(/* slice= */ 0, /* offset= */ 0, values.length, values);
            found.add(values);
          }
        });
    return found.stream().findFirst();
  }

  /** Takes what micro-batches give; one thread. */
  private interface Receiver {

    /** Takes all slices of a micro-batch, or throws and takes none. */
    void add(SliceGradients gradients, double[] squaredNorms, List<Trained> trained);

    /** A slice that has nothing to train on, or fails. */
    default void addZero() {}
  }

  /** Hands over the unclipped gradients of all slices, in no particular order. */
  private void forEach(float[] parameters, List<PrivacySlice> slices, Receiver receiver) {
    requireLength(parameters);
    List<TokenizedSlice> tokenized = tokenize(slices, receiver);
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager round = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = Tensors.floats(round, parameters, parameters.length);
      for (List<TokenizedSlice> batch : microBatches.cut(tokenized)) {
        SliceIsolation.forEach(
            batch, part -> compute(flat, part, receiver), slice -> receiver.addZero());
      }
    }
  }

  /** Hands over all gradients of a micro-batch, or throws. */
  private void compute(NDArray flat, List<TokenizedSlice> slices, Receiver receiver) {
    if (slices.size() == 1 && !microBatches.fits(slices.get(0))) {
      computeInPieces(flat, slices.get(0), receiver);
      return;
    }
    TokenBatch batch = new TokenBatch(slices.stream().map(TokenizedSlice::sequences).toList());
    try (NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      List<NDArray> leaves = expandedLeaves(flat, batch.slices());
      double[] losses = sliceLosses(backward(batch, leaves), batch);
      long backwardDone = System.nanoTime();
      List<Trained> trained = new ArrayList<>(losses.length);
      for (int s = 0; s < losses.length; s++) {
        trained.add(new Trained(slices.get(s).targets(), losses[s]));
      }
      List<NDArray> gradients = flattened(leaves, batch.slices());
      receiver.add(
          new TensorGradients(layout, batch.slices(), gradients),
          squaredNorms(gradients, batch.slices()),
          trained);
      clippingNanos += System.nanoTime() - backwardDone;
    }
  }

  /** A slice that is too large for one pass: a few of its sequences at a time, then their mean. */
  private void computeInPieces(NDArray flat, TokenizedSlice slice, Receiver receiver) {
    double[] gradient = new double[layout.size()];
    double loss = 0;
    double sequences = slice.sequences().size();
    for (TokenizedSlice piece : microBatches.pieces(slice)) {
      double share = piece.sequences().size() / sequences;
      loss += share * addGradient(flat, List.of(piece), share, gradient);
    }
    double squaredNorm = 0;
    for (double value : gradient) {
      squaredNorm += value * value;
    }
    receiver.add(
        SliceGradients.of(gradient),
        new double[] {squaredNorm},
        List.of(new Trained(slice.targets(), loss)));
  }

  /** Each slice's mean loss from the losses of the targets. */
  private static double[] sliceLosses(float[] losses, TokenBatch batch) {
    double[] sliceLosses = new double[batch.slices()];
    for (int i = 0; i < losses.length; i++) {
      sliceLosses[batch.sliceOfTarget(i)] += (double) losses[i] * batch.meanWeights()[i];
    }
    return sliceLosses;
  }

  /** The gradient of each leaf, one row a slice. */
  private static List<NDArray> flattened(List<NDArray> leaves, int slices) {
    List<NDArray> gradients = new ArrayList<>(leaves.size());
    for (NDArray leaf : leaves) {
      gradients.add(leaf.getGradient().reshape(slices, -1));
    }
    return gradients;
  }

  /**
   * The ordinary gradient of the mean over examples of each one's mean loss per token: no clipping,
   * no privacy, and no handling of failures. For pretraining on public text, and to compare with.
   *
   * @param parameters flat, of the layout's size; not modified
   * @param examples those that tokenize to nothing are left out; at least one must not
   */
  public MeanGradient meanGradient(float[] parameters, List<Example> examples) {
    requireLength(parameters);
    List<TokenizedSlice> tokenized =
        examples.stream()
            .map(example -> new PrivacySlice(List.of(example)))
            .map(s -> TokenizedSlice.tokenize(s, model.tokenizer(), options.maxTokens()))
            .filter(sequences -> !sequences.isEmpty())
            .map(TokenizedSlice::new)
            .toList();
    if (tokenized.isEmpty()) {
      throw new IllegalArgumentException(
          "at least one of " + examples.size() + " examples must have a token, none has");
    }
    double[] sum = new double[layout.size()];
    double loss = 0;
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager round = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = Tensors.floats(round, parameters, parameters.length);
      MicroBatches shared =
          new MicroBatches(microBatches.bytesPerPosition(), 0, options.memoryBudgetBytes());
      for (List<TokenizedSlice> batch : shared.cut(tokenized)) {
        loss += addGradient(flat, batch, /* factor= */ 1, sum);
      }
    }
    double count = tokenized.size();
    Arrays.setAll(sum, i -> sum[i] / count);
    long tokens = tokenized.stream().mapToLong(TokenizedSlice::targets).sum();
    return new MeanGradient(sum, loss / count, tokens);
  }

  /**
   * Adds one micro-batch's summed gradient, times a factor.
   *
   * @return its summed loss
   */
  private double addGradient(
      NDArray flat, List<TokenizedSlice> slices, double factor, double[] sum) {
    TokenBatch batch = new TokenBatch(slices.stream().map(TokenizedSlice::sequences).toList());
    try (NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      List<NDArray> leaves = sharedLeaves(flat);
      float[] losses = backward(batch, leaves);
      for (int i = 0; i < leaves.size(); i++) {
        int offset = layout.entries().get(i).offset();
        float[] gradient = leaves.get(i).getGradient().toFloatArray();
        for (int j = 0; j < gradient.length; j++) {
          sum[offset + j] += factor * gradient[j];
        }
      }
      double loss = 0;
      for (int i = 0; i < losses.length; i++) {
        loss += (double) losses[i] * batch.meanWeights()[i];
      }
      return loss;
    }
  }

  private List<TokenizedSlice> tokenize(List<PrivacySlice> slices, Receiver receiver) {
    List<TokenizedSlice> tokenized = new ArrayList<>(slices.size());
    for (PrivacySlice slice : slices) {
      SliceIsolation.forEach(
          List.of(slice),
          one -> {
            List<TokenSequence> sequences =
                TokenizedSlice.tokenize(one.get(0), model.tokenizer(), options.maxTokens());
            if (sequences.isEmpty()) {
              receiver.addZero();
            } else {
              tokenized.add(new TokenizedSlice(sequences));
            }
          },
          failed -> receiver.addZero());
    }
    return tokenized;
  }

  /**
   * Runs forward and backward.
   *
   * @return the loss of each target
   */
  private float[] backward(TokenBatch batch, List<NDArray> leaves) {
    Map<String, NDArray> byName = new HashMap<>();
    for (int i = 0; i < leaves.size(); i++) {
      leaves.get(i).setRequiresGradient(true);
      byName.put(layout.entries().get(i).name(), leaves.get(i));
    }
    return model.backward(batch, trainable.bind(byName));
  }

  /** One view per trainable tensor, shared by the whole batch. */
  private List<NDArray> sharedLeaves(NDArray flat) {
    List<NDArray> leaves = new ArrayList<>(layout.entries().size());
    for (ParameterLayout.Entry entry : layout.entries()) {
      leaves.add(
          flat.get(new NDIndex("{}:{}", entry.offset(), entry.offset() + entry.size()))
              .reshape(entry.shape().stream().mapToLong(Long::longValue).toArray()));
    }
    return leaves;
  }

  /** One view per trainable tensor, expanded over slices without copying. */
  private List<NDArray> expandedLeaves(NDArray flat, int slices) {
    List<NDArray> leaves = new ArrayList<>(layout.entries().size());
    for (NDArray leaf : sharedLeaves(flat)) {
      Shape expanded = new Shape(slices).addAll(leaf.getShape());
      leaves.add(leaf.expandDims(0).broadcast(expanded));
    }
    return leaves;
  }

  /** Of each row over all gradients; squares of float32 values cannot overflow in float64. */
  private static double[] squaredNorms(List<NDArray> gradients, int slices) {
    double[] squaredNorms = new double[slices];
    for (NDArray gradient : gradients) {
      try (NDArray wide = gradient.toType(DataType.FLOAT64, false);
          NDArray norms = wide.norm(new int[] {1}, false)) {
        double[] values = norms.toDoubleArray();
        Arrays.setAll(squaredNorms, s -> squaredNorms[s] + values[s] * values[s]);
      }
    }
    return squaredNorms;
  }

  /**
   * How long norms, factors and sums have taken so far: what a clipped sum costs beyond forward and
   * backward. For benchmarks; read by the thread that uses the engine.
   */
  long clippingNanos() {
    return clippingNanos;
  }

  private void requireLength(float[] parameters) {
    if (parameters.length != layout.size()) {
      throw new IllegalArgumentException(
          "parameters must have the layout's length "
              + layout.size()
              + ", given "
              + parameters.length);
    }
  }

  /** Does nothing: model and factors belong to the caller. */
  @Override
  public void close() {}
}
