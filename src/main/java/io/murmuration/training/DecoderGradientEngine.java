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
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  private static final Logger LOG = LoggerFactory.getLogger(DecoderGradientEngine.class);

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
    this.layout =
        ParameterLayout.of(
            trainable.tensors().stream().map(TensorSpec::name).toList(),
            trainable.tensors().stream().map(TensorSpec::dimensions).toList());
    // expanded gradients in float32, and the largest one in float64 twice
    this.microBatches =
        new MicroBatches(
            model.description().activationBytesPerPosition(options.maxTokens()),
            8L * layout.size(),
            options.memoryBudgetBytes());
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
  public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, double clipNorm) {
    requireLength(parameters);
    if (!(clipNorm > 0) || Double.isInfinite(clipNorm)) {
      throw new IllegalArgumentException(
          "the clip norm must be positive and finite, given " + clipNorm);
    }
    ClippedAccumulator total = new ClippedAccumulator(layout.size(), clipNorm);
    List<TokenizedSlice> tokenized = tokenize(slices, total);
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager round = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = Tensors.floats(round, parameters, parameters.length);
      for (List<TokenizedSlice> batch : microBatches.cut(tokenized)) {
        addOrIsolate(flat, batch, total);
      }
    }
    return total.result();
  }

  @Override
  public double[] norms(float[] parameters, List<PrivacySlice> slices) {
    requireLength(parameters);
    List<TokenizedSlice> tokenized =
        tokenize(slices, new ClippedAccumulator(/* size= */ 0, /* clipNorm= */ 1));
    DoubleStream.Builder norms = DoubleStream.builder();
    try (Torch.GradMode off = Torch.withoutGradients();
        NDScope scope = new NDScope();
        NDManager round = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      NDArray flat = Tensors.floats(round, parameters, parameters.length);
      for (List<TokenizedSlice> batch : microBatches.cut(tokenized)) {
        addNormsOrIsolate(flat, batch, norms);
      }
    }
    return norms.build().toArray();
  }

  private void addNormsOrIsolate(
      NDArray flat, List<TokenizedSlice> batch, DoubleStream.Builder norms) {
    RoundInterruptedException.throwIfInterrupted();
    try {
      addNorms(flat, batch, norms);
    } catch (RuntimeException e) {
      if (batch.size() == 1) {
        LOG.warn("a slice fails to process and is not measured", e);
        return;
      }
      LOG.warn("a micro-batch of {} slices fails, each is tried alone", batch.size(), e);
      for (TokenizedSlice slice : batch) {
        addNormsOrIsolate(flat, List.of(slice), norms);
      }
    }
  }

  /** Adds all norms of a micro-batch or none. */
  private void addNorms(NDArray flat, List<TokenizedSlice> slices, DoubleStream.Builder norms) {
    TokenBatch batch = new TokenBatch(slices.stream().map(TokenizedSlice::sequences).toList());
    try (NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      List<NDArray> leaves = expandedLeaves(flat, batch.slices());
      double[] losses = sliceLosses(backward(batch, leaves), batch);
      double[] squaredNorms = squaredNorms(flattened(leaves, batch.slices()), batch.slices());
      for (int s = 0; s < losses.length; s++) {
        if (Double.isFinite(losses[s]) && Double.isFinite(squaredNorms[s])) {
          norms.add(Math.sqrt(squaredNorms[s]));
        }
      }
    }
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
        loss += addGradient(flat, batch, sum);
      }
    }
    double count = tokenized.size();
    Arrays.setAll(sum, i -> sum[i] / count);
    long tokens = tokenized.stream().mapToLong(TokenizedSlice::targets).sum();
    return new MeanGradient(sum, loss / count, tokens);
  }

  /**
   * Adds one micro-batch's summed gradient.
   *
   * @return its summed loss
   */
  private double addGradient(NDArray flat, List<TokenizedSlice> slices, double[] sum) {
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
          sum[offset + j] += gradient[j];
        }
      }
      double loss = 0;
      for (int i = 0; i < losses.length; i++) {
        loss += (double) losses[i] * batch.meanWeights()[i];
      }
      return loss;
    }
  }

  private List<TokenizedSlice> tokenize(List<PrivacySlice> slices, ClippedAccumulator total) {
    List<TokenizedSlice> tokenized = new ArrayList<>(slices.size());
    for (PrivacySlice slice : slices) {
      RoundInterruptedException.throwIfInterrupted();
      try {
        List<TokenSequence> sequences =
            TokenizedSlice.tokenize(slice, model.tokenizer(), options.maxTokens());
        if (sequences.isEmpty()) {
          total.addZero();
        } else {
          tokenized.add(new TokenizedSlice(sequences));
        }
      } catch (RuntimeException e) {
        LOG.warn("a slice fails to tokenize and contributes zero", e);
        total.addZero();
      }
    }
    return tokenized;
  }

  /** One slice's failure must not touch the others: after a failure each runs alone. */
  private void addOrIsolate(NDArray flat, List<TokenizedSlice> batch, ClippedAccumulator total) {
    RoundInterruptedException.throwIfInterrupted();
    try {
      total.add(gradients(flat, batch, total.clipNorm()));
    } catch (RuntimeException e) {
      if (batch.size() == 1) {
        LOG.warn("a slice fails to process and contributes zero", e);
        total.addZero();
        return;
      }
      LOG.warn("a micro-batch of {} slices fails, each is tried alone", batch.size(), e);
      for (TokenizedSlice slice : batch) {
        addOrIsolate(flat, List.of(slice), total);
      }
    }
  }

  /** What one micro-batch adds. */
  private ClippedAccumulator gradients(NDArray flat, List<TokenizedSlice> slices, double clipNorm) {
    TokenBatch batch = new TokenBatch(slices.stream().map(TokenizedSlice::sequences).toList());
    try (NDScope scope = new NDScope();
        NDManager step = model.manager().newSubManager()) {
      scope.suppressNotUsedWarning();
      List<NDArray> leaves = expandedLeaves(flat, batch.slices());
      double[] sliceLosses = sliceLosses(backward(batch, leaves), batch);
      long backwardDone = System.nanoTime();
      List<NDArray> gradients = flattened(leaves, batch.slices());
      double[] factors = factors(gradients, sliceLosses, clipNorm);
      ClippedAccumulator added = new ClippedAccumulator(layout.size(), clipNorm);
      for (int s = 0; s < factors.length; s++) {
        if (factors[s] == 0) {
          added.addZero();
        } else {
          added.count(factors[s], slices.get(s).targets(), sliceLosses[s]);
        }
      }
      weightedSum(step, gradients, factors, added);
      clippingNanos += System.nanoTime() - backwardDone;
      return added;
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

  /** Squares of float32 values cannot overflow in float64. */
  private static double[] factors(List<NDArray> gradients, double[] sliceLosses, double clipNorm) {
    double[] squaredNorms = squaredNorms(gradients, sliceLosses.length);
    double[] factors = new double[squaredNorms.length];
    Arrays.setAll(
        factors,
        s -> Double.isFinite(sliceLosses[s]) ? SliceClipping.factor(squaredNorms[s], clipNorm) : 0);
    return factors;
  }

  /** Of each row over all gradients. */
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

  /** Slices with factor zero are taken out first: zero times NaN is NaN. */
  private void weightedSum(
      NDManager step, List<NDArray> gradients, double[] factors, ClippedAccumulator target) {
    long[] kept = LongStream.range(0, factors.length).filter(s -> factors[(int) s] != 0).toArray();
    if (kept.length == 0) {
      return;
    }
    double[] keptFactors = Arrays.stream(kept).mapToDouble(s -> factors[(int) s]).toArray();
    NDArray weights = Tensors.doubles(step, keptFactors, 1, kept.length);
    for (int i = 0; i < gradients.size(); i++) {
      NDArray rows = gradients.get(i);
      if (kept.length < factors.length) {
        rows = Tensors.rows(rows, Tensors.longs(step, kept, kept.length));
      }
      try (NDArray wide = rows.toType(DataType.FLOAT64, false);
          NDArray sum = weights.matMul(wide)) {
        target.addTo(layout.entries().get(i).offset(), sum.toDoubleArray());
      }
    }
  }

  /**
   * How long norms, factors and weighted sums have taken so far: what a clipped sum costs beyond
   * forward and backward. For benchmarks; read by the thread that uses the engine.
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
