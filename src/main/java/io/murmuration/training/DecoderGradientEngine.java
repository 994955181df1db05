package io.murmuration.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
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
import java.util.concurrent.atomic.DoubleAdder;
import java.util.function.BiConsumer;
import java.util.stream.DoubleStream;

/**
 * Clipped gradient sums on a {@link LanguageModel}, one backward pass per micro-batch.
 *
 * <p>Each trainable tensor is expanded to one copy per slice (without copying memory), and the loss
 * is the sum over slices of each slice's mean, so autograd leaves every slice's gradient in its own
 * part of the leaf. Norms, factors and the sum are computed from there in float64.
 *
 * <p>A slice's loss is the mean over all tokens of its examples that are trained on.
 *
 * <p>Long because passes, pieces and their memory are one budget.
 */
public final class DecoderGradientEngine implements GradientEngine {

  /** One part in so many of a micro-batch's memory is for logits, and what others leave of it. */
  private static final int LOGITS_SHARE = 8;

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
    // expanded gradients in float32, and as much of what autograd holds of them on the way
    return new MicroBatches(
        trainable
            .model()
            .description()
            .activationBytesPerPosition(options.maxTokens(), trainable.needsInputs()),
        8L * layoutOf(trainable).size(),
        options.memoryBudgetBytes() - options.memoryBudgetBytes() / LOGITS_SHARE);
  }

  /**
   * The smallest memory budget of a micro-batch with which an example of so many tokens can be
   * processed. However many examples a user has, they are processed within it one after the other.
   */
  public static long smallestMemoryBudget(TrainableParameters trainable, int maxTokens) {
    double bytes =
        microBatches(trainable, EngineOptions.ofMaxTokens(maxTokens))
            .bytes(/* slices= */ 1, /* sequences= */ 1, /* positions= */ maxTokens);
    return (long) Math.ceil(bytes * LOGITS_SHARE / (LOGITS_SHARE - 1));
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

  @Override
  public double weight(Example example) {
    return model
        .tokenizer()
        .encode(example.prompt(), example.text(), options.maxTokens())
        .targets();
  }

  /** Hands over the unclipped gradients of all slices, in no particular order. */
  private void forEach(float[] parameters, List<PrivacySlice> slices, Receiver receiver) {
    forEachMicroBatch(
        parameters,
        microBatches,
        tokenize(slices, receiver),
        (flat, batch) ->
            SliceIsolation.forEach(
                batch, part -> compute(flat, part, receiver), slice -> receiver.addZero()));
  }

  /** Goes through slices in micro-batches, each with the parameters as one tensor. */
  private void forEachMicroBatch(
      float[] parameters,
      MicroBatches sizes,
      List<TokenizedSlice> slices,
      BiConsumer<NDArray, List<TokenizedSlice>> work) {
    requireLength(parameters);
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager round = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = Tensors.floats(round, parameters, parameters.length);
      for (List<TokenizedSlice> batch : sizes.cut(slices)) {
        work.accept(flat, batch);
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
      List<NDArray> leaves = Leaves.perSlice(layout, flat, batch.slices());
      double[] losses = sliceLosses(backward(batch, leaves), batch);
      long backwardDone = System.nanoTime();
      List<Trained> trained = new ArrayList<>(losses.length);
      for (int s = 0; s < losses.length; s++) {
        trained.add(new Trained(slices.get(s).targets(), losses[s]));
      }
      TensorGradients gradients =
          new TensorGradients(layout, batch.slices(), Leaves.gradients(leaves, batch.slices()));
      receiver.add(gradients, gradients.squaredNorms(), trained);
      clippingNanos += System.nanoTime() - backwardDone;
    }
  }

  /** A slice that is too large for one pass: a few of its sequences at a time, then their mean. */
  private void computeInPieces(NDArray flat, TokenizedSlice slice, Receiver receiver) {
    double[] gradient = new double[layout.size()];
    double loss = 0;
    double targets = slice.targets();
    for (TokenizedSlice piece : microBatches.pieces(slice)) {
      double share = piece.targets() / targets;
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

  /**
   * The ordinary gradient of the mean over examples of each one's mean loss per token: no clipping,
   * no privacy, and no handling of failures. For pretraining on public text, and to compare with.
   *
   * @param parameters flat, of the layout's size; not modified
   * @param examples those that tokenize to nothing are left out; at least one must not
   */
  public MeanGradient meanGradient(float[] parameters, List<Example> examples) {
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
    DoubleAdder loss = new DoubleAdder();
    // one gradient for all of a batch, whose size therefore does not grow with its slices
    MicroBatches shared =
        new MicroBatches(microBatches.bytesPerPosition(), 0, microBatches.budgetBytes());
    forEachMicroBatch(
        parameters,
        shared,
        tokenized,
        (flat, batch) -> loss.add(addGradient(flat, batch, /* factor= */ 1, sum)));
    double count = tokenized.size();
    Arrays.setAll(sum, i -> sum[i] / count);
    long tokens = tokenized.stream().mapToLong(TokenizedSlice::targets).sum();
    return new MeanGradient(sum, loss.sum() / count, tokens);
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
      List<NDArray> leaves = Leaves.shared(layout, flat);
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
    double others = microBatches.bytes(batch.slices(), batch.sequences(), batch.positions());
    long logitsBytes =
        Math.max(
            options.memoryBudgetBytes() / LOGITS_SHARE,
            options.memoryBudgetBytes() - (long) others);
    return model.backward(batch, trainable.bind(byName), logitsBytes);
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
