package io.murmuration.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.norm.LayerNorm;
import io.murmuration.model.AttentionCache.KeysAndValues;
import io.murmuration.model.DecoderDescription.Layer;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.DecoderDescription.Norm;
import io.murmuration.model.DecoderDescription.NormKind;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.IntFunction;

/**
 * The forward pass of every family, from a {@link DecoderDescription}.
 *
 * <p>A batch is a grid of slices × sequences × positions, padded at the right. Causal attention
 * never looks right, so padding needs no mask of its own: its positions are computed and ignored.
 * Nothing mixes sequences: where their length tells how they are rotated, it is each one's own, so
 * that no user's gradient depends on what stands beside it.
 *
 * <p>Each part closes its intermediate results: what lives on is what autograd needs for the way
 * back, or, without gradients, one part's own.
 *
 * <p>Long because it is one forward pass from the embedding to the hidden states, in the order of
 * the computation.
 */
final class Decoder {

  /** Bytes of the attention scores of one layer, where nothing is kept for gradients. */
  private static final long SCORES_BYTES = 64L << 20;

  private final DecoderDescription description;

  Decoder(DecoderDescription description) {
    this.description = description;
  }

  /** Constants of one pass. */
  private record Pass(
      DecoderParameters parameters,
      long slices,
      long sequences,
      long positions,
      Map<RotaryEmbedding, Rotations> rotations,
      Map<Optional<Integer>, NDArray> masks,
      Optional<AttentionCache> cache,
      NDManager manager) {

    /** Positions before the first one of this pass. */
    int past() {
      return cache.map(AttentionCache::positions).orElse(0);
    }
  }

  /** Of queries, which are scaled for their products with keys, and of keys. */
  private record Rotations(Rotation query, Rotation key) {}

  /**
   * Tables of the rotary embedding, (rows, head width), or (slices · sequences · groups, rows, head
   * width) where not all sequences are rotated alike, and the matrix that swaps halves.
   */
  private record Rotation(NDArray cos, NDArray sin, NDArray swap) {}

  /**
   * Final hidden states.
   *
   * @param manager of the step; constants are created there
   * @param ids int64 (slices, sequences, positions)
   * @param lengths of the sequences without padding, in positions
   * @return (slices, sequences · positions, hidden)
   */
  NDArray hidden(NDManager manager, NDArray ids, DecoderParameters parameters, int[] lengths) {
    return hidden(manager, ids, parameters, Optional.empty(), lengths);
  }

  /**
   * Final hidden states of positions that follow those of a cache; the cache takes them up.
   *
   * @param ids int64 (slices, sequences, new positions)
   * @param lengths of the whole sequences without padding, those positions included that are in the
   *     cache or still to come
   * @return (slices, sequences · new positions, hidden)
   */
  NDArray continued(
      NDManager manager,
      NDArray ids,
      DecoderParameters parameters,
      AttentionCache cache,
      int[] lengths) {
    NDArray hidden = hidden(manager, ids, parameters, Optional.of(cache), lengths);
    cache.advance((int) ids.getShape().get(2));
    return hidden;
  }

  private NDArray hidden(
      NDManager manager,
      NDArray ids,
      DecoderParameters parameters,
      Optional<AttentionCache> cache,
      int[] lengths) {
    Shape shape = ids.getShape();
    int positions = (int) shape.get(2);
    int past = cache.map(AttentionCache::positions).orElse(0);
    if (past + positions > description.maxPositions()) {
      throw new IllegalArgumentException(
          "a sequence may have at most "
              + description.maxPositions()
              + " positions, given "
              + (past + positions));
    }
    int repeat = description.heads() / description.keyValueHeads();
    Pass pass =
        new Pass(
            parameters,
            shape.get(0),
            shape.get(1),
            positions,
            rotations(manager, past, positions, repeat, lengths),
            masks(manager, past, positions, repeat),
            cache,
            manager);
    NDArray x = embed(ids, pass);
    for (int i = 0; i < description.layers().size(); i++) {
      Layer layer = description.layers().get(i);
      try (NDArray before = x;
          NDArray between = attentionBlock(before, i, pass)) {
        x = feedForwardBlock(between, layer, pass);
      }
    }
    return norm(x, description.finalNorm(), pass);
  }

  /**
   * How many of the positions of sequences to run at a time where nothing is kept for gradients:
   * all, unless their attention scores would be too large.
   *
   * @param sequences that run together
   * @param positions of the longest, those in a cache included
   */
  int positionsAtATime(long sequences, int positions) {
    // a bound of the scores leaves the bounded ones beside them
    int arrays = description.scales().scoreCap().isPresent() ? 2 : 1;
    long rowBytes = (long) Float.BYTES * arrays * sequences * description.heads() * positions;
    return (int) Math.max(1, Math.min(positions, SCORES_BYTES / rowBytes));
  }

  /** Whether all positions of a sequence of one length are rotated as in one of another length. */
  boolean rotatesAlike(int length, int other) {
    return description.layers().stream()
        .flatMap(layer -> layer.rotary().stream())
        .allMatch(rotary -> length > rotary.border() == other > rotary.border());
  }

  /** Whether one head serves all slices. */
  boolean sharesHead(DecoderParameters parameters) {
    return head(parameters).getShape().dimension() == 2;
  }

  /**
   * Logits.
   *
   * @param hidden (groups, columns, hidden); where each slice has a head of its own, groups are the
   *     slices
   * @return (groups, columns, vocabulary)
   */
  NDArray logits(NDArray hidden, DecoderParameters parameters) {
    NDArray logits = times(hidden, head(parameters));
    OptionalDouble cap = description.scales().logitCap();
    if (cap.isEmpty()) {
      return logits;
    }
    NDManager manager = hidden.getManager();
    return logits
        .mul(Tensors.scalar(manager, 1 / cap.getAsDouble()))
        .tanh()
        .mul(Tensors.scalar(manager, cap.getAsDouble()));
  }

  private NDArray head(DecoderParameters parameters) {
    return parameters.tensor(description.head().orElse(description.tokenEmbedding()));
  }

  private NDArray embed(NDArray ids, Pass pass) {
    NDArray table = pass.parameters().tensor(description.tokenEmbedding());
    NDArray x = lookUp(table, ids, pass);
    if (description.scales().embeddings() != 1) {
      x = x.mul(Tensors.scalar(pass.manager(), description.scales().embeddings()));
    }
    if (description.positionEmbedding().isPresent()) {
      NDArray positions =
          Tensors.longs(
              pass.manager(),
              integers(pass.past(), (int) pass.positions()),
              1,
              1,
              pass.positions());
      NDArray learned = pass.parameters().tensor(description.positionEmbedding().get());
      NDArray each = positions.broadcast(ids.getShape());
      x = x.add(lookUp(learned, each, pass));
    }
    return x.reshape(pass.slices(), pass.sequences() * pass.positions(), description.hiddenSize());
  }

  /** Rows of a shared table, or of each slice's own. */
  private static NDArray lookUp(NDArray table, NDArray ids, Pass pass) {
    if (table.getShape().dimension() == 2) {
      return Tensors.rows(table, ids);
    }
    long rows = table.getShape().get(1);
    long[] offsets = integers(0, (int) pass.slices());
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] *= rows;
    }
    NDArray shifted = ids.add(Tensors.longs(pass.manager(), offsets, pass.slices(), 1, 1));
    return Tensors.rows(table.reshape(-1, table.getShape().get(2)), shifted);
  }

  private NDArray attentionBlock(NDArray x, int layerIndex, Pass pass) {
    Layer layer = description.layers().get(layerIndex);
    return Tensors.alone(
        () -> {
          NDArray read = normed(x, layer.norms().beforeAttention(), pass);
          NDArray mixed = linear(attention(read, layerIndex, pass), layer.attentionOut(), pass);
          return x.add(normed(mixed, layer.norms().afterAttention(), pass));
        });
  }

  private NDArray feedForwardBlock(NDArray x, Layer layer, Pass pass) {
    return Tensors.alone(
        () -> {
          NDArray read = normed(x, layer.norms().beforeFeedForward(), pass);
          NDArray out = linear(inner(read, layer, pass), layer.feedForwardOut(), pass);
          return x.add(normed(out, layer.norms().afterFeedForward(), pass));
        });
  }

  /** (slices, sequences · positions, heads · head width) of what the heads have gathered. */
  private NDArray attention(NDArray x, int layerIndex, Pass pass) {
    Layer layer = description.layers().get(layerIndex);
    long batch = pass.slices() * pass.sequences();
    long length = pass.positions();
    long groups = description.keyValueHeads();
    long repeat = description.heads() / groups;
    long width = description.headDim();
    NDList qkv = queryKeyValue(x, layer, pass);
    // query heads of one group share keys: stack them as rows instead of repeating the keys
    NDArray query =
        Tensors.alone(
            () ->
                scaled(
                    normed(qkv.get(0), layer.norms().query(), pass)
                        .reshape(batch, length, groups, repeat, width)
                        .transpose(0, 2, 3, 1, 4)
                        .reshape(batch * groups, repeat * length, width),
                    layer,
                    pass));
    NDArray key =
        Tensors.alone(
            () -> {
              NDArray stacked = perGroup(normed(qkv.get(1), layer.norms().key(), pass), pass);
              return layer
                  .rotary()
                  .map(rotary -> rotate(stacked, pass.rotations().get(rotary).key()))
                  .orElse(stacked);
            });
    NDArray value = perGroup(qkv.get(2), pass);
    KeysAndValues all = new KeysAndValues(key, value);
    if (pass.cache().isPresent()) {
      all = pass.cache().get().extend(layerIndex, key, value);
    }
    NDArray keys = all.keys().transpose(0, 2, 1);
    return shares(query, keys, pass.masks().get(layer.slidingWindow()), pass)
        .matMul(all.values())
        .reshape(batch, groups, repeat, length, width)
        .transpose(0, 3, 1, 2, 4)
        .reshape(pass.slices(), pass.sequences() * length, groups * repeat * width);
  }

  /**
   * Softmax of the scores, bounded where they are; the mask is added in place, since neither
   * products nor multiples by a constant keep their result.
   */
  private NDArray shares(NDArray query, NDArray keys, NDArray mask, Pass pass) {
    OptionalDouble cap = description.scales().scoreCap();
    return Tensors.alone(
        () -> {
          NDArray scores = query.matMul(keys);
          if (cap.isPresent()) {
            scores = scores.tanh().mul(Tensors.scalar(pass.manager(), cap.getAsDouble()));
          }
          return scores.addi(mask).softmax(-1);
        });
  }

  private NDList queryKeyValue(NDArray x, Layer layer, Pass pass) {
    if (layer.queryKeyValue().size() == 1) {
      long queries = layer.attentionOut().in();
      long groups = (long) description.keyValueHeads() * description.headDim();
      return linear(x, layer.queryKeyValue().get(0), pass)
          .split(new long[] {queries, queries + groups}, 2);
    }
    NDList projected = new NDList();
    for (Linear linear : layer.queryKeyValue()) {
      projected.add(linear(x, linear, pass));
    }
    return projected;
  }

  /** What queries are multiplied with; a bound of the scores divides them first. */
  private double queryScale() {
    return description.scales().scores() / description.scales().scoreCap().orElse(1);
  }

  /** Queries, rotated where positions are, and scaled for their products with keys. */
  private NDArray scaled(NDArray query, Layer layer, Pass pass) {
    return layer
        .rotary()
        .map(rotary -> rotate(query, pass.rotations().get(rotary).query()))
        .orElseGet(() -> query.mul(Tensors.scalar(pass.manager(), queryScale())));
  }

  /** What the last map of the feed-forward part is applied to. */
  private NDArray inner(NDArray x, Layer layer, Pass pass) {
    if (layer.gated() && layer.feedForwardIn().size() == 1) {
      NDList halves = linear(x, layer.feedForwardIn().get(0), pass).split(2, 2);
      return Tensors.alone(() -> activate(halves.get(0), pass)).mul(halves.get(1));
    }
    NDArray inner =
        Tensors.alone(() -> activate(linear(x, layer.feedForwardIn().get(0), pass), pass));
    return layer.gated() ? inner.mul(linear(x, layer.feedForwardIn().get(1), pass)) : inner;
  }

  private NDArray activate(NDArray x, Pass pass) {
    return switch (description.activation()) {
      case SILU -> x.mul(Activation.sigmoid(x));
      case GELU -> Activation.gelu(x);
      case GELU_TANH -> {
        // x (1 + tanh(a)) / 2 = x sigmoid(2 a) with a = √(2/π) (x + 0.044715 x³)
        double root = 2 * Math.sqrt(2 / Math.PI);
        NDArray factor = x.mul(x).mul(Tensors.scalar(pass.manager(), 0.044715 * root)).add(root);
        yield x.mul(Activation.sigmoid(x.mul(factor)));
      }
    };
  }

  /**
   * The same shape, with every {@code width} numbers normalized together, where there is a norm.
   */
  private NDArray normed(NDArray x, Optional<Norm> norm, Pass pass) {
    if (norm.isEmpty()) {
      return x;
    }
    Shape shape = x.getShape();
    int width = norm.get().width();
    return shape.get(2) == width
        ? norm(x, norm.get(), pass)
        : Tensors.alone(
            () -> norm(x.reshape(shape.get(0), -1, width), norm.get(), pass).reshape(shape));
  }

  private NDArray norm(NDArray x, Norm norm, Pass pass) {
    NDArray weight = pass.parameters().tensor(norm.weight());
    if (norm.kind() != NormKind.LAYER) {
      return Tensors.alone(
          () -> {
            NDArray meanSquare = x.mul(x).mean(new int[] {2}, true);
            NDArray factor = norm.kind() == NormKind.RMS ? weight : weight.add(1);
            return x.div(meanSquare.add(description.normEpsilon()).sqrt()).mul(perSlice(factor));
          });
    }
    NDArray bias = pass.parameters().tensor(norm.biasName());
    if (weight.getShape().dimension() == 1) {
      return normalized(x, weight, bias);
    }
    Shape width = new Shape(description.hiddenSize());
    return Tensors.alone(
        () ->
            normalized(x, pass.manager().ones(width), pass.manager().zeros(width))
                .mul(perSlice(weight))
                .add(perSlice(bias)));
  }

  private NDArray normalized(NDArray x, NDArray weight, NDArray bias) {
    return LayerNorm.layerNorm(
            x, new Shape(description.hiddenSize()), weight, bias, (float) description.normEpsilon())
        .singletonOrThrow();
  }

  private static NDArray linear(NDArray x, Linear linear, Pass pass) {
    DecoderParameters parameters = pass.parameters();
    NDArray weight = parameters.tensor(linear.weight());
    Optional<LoraFactors> lora = parameters.lora(linear.module());
    return Tensors.alone(
        () -> {
          NDArray y =
              linear.bias()
                  ? plus(x, weight, parameters.tensor(linear.biasName()))
                  : times(x, weight);
          if (lora.isEmpty()) {
            return y;
          }
          NDArray inner = times(x, lora.get().a()).mul(lora.get().scale());
          return times(inner, lora.get().b()).addi(y);
        });
  }

  /** x Wᵀ + bias. */
  private static NDArray plus(NDArray x, NDArray weight, NDArray bias) {
    return weight.getShape().dimension() == 2 && bias.getShape().dimension() == 1
        ? ai.djl.nn.core.Linear.linear(x, weight, bias).singletonOrThrow()
        : times(x, weight).add(perSlice(bias));
  }

  /** x Wᵀ for a shared matrix, or for each slice's own. */
  private static NDArray times(NDArray x, NDArray weight) {
    return weight.getShape().dimension() == 2
        ? ai.djl.nn.core.Linear.linear(x, weight).singletonOrThrow()
        : x.matMul(weight.transpose(0, 2, 1));
  }

  /** A vector, ready to broadcast over (slices, positions, width). */
  private static NDArray perSlice(NDArray vector) {
    return vector.getShape().dimension() == 1 ? vector : vector.expandDims(1);
  }

  /**
   * (slices, sequences · positions, groups · width) to (slices · sequences · groups, positions,
   * width).
   */
  private NDArray perGroup(NDArray x, Pass pass) {
    long batch = pass.slices() * pass.sequences();
    long groups = description.keyValueHeads();
    long width = description.headDim();
    return x.reshape(batch, pass.positions(), groups, width)
        .transpose(0, 2, 1, 3)
        .reshape(batch * groups, pass.positions(), width);
  }

  /** Halves are swapped by a matrix: cutting and joining short rows takes several times as long. */
  private static NDArray rotate(NDArray x, Rotation rotation) {
    return x.mul(rotation.cos()).add(x.matMul(rotation.swap()).mul(rotation.sin()));
  }

  /** The rotations of each rotary embedding that a layer has. */
  private Map<RotaryEmbedding, Rotations> rotations(
      NDManager manager, int past, int positions, int repeat, int[] lengths) {
    Map<RotaryEmbedding, Rotations> rotations = new HashMap<>();
    for (Layer layer : description.layers()) {
      layer
          .rotary()
          .ifPresent(
              rotary ->
                  rotations.computeIfAbsent(
                      rotary,
                      r ->
                          new Rotations(
                              rotation(manager, r, past, positions, queryScale(), repeat, lengths),
                              rotation(manager, r, past, positions, 1, 1, lengths))));
    }
    return rotations;
  }

  /**
   * @param past positions before the first one
   * @param scale of the rotated vectors
   * @param repeat how often the positions stand one after the other
   * @param lengths of the sequences
   */
  private Rotation rotation(
      NDManager manager,
      RotaryEmbedding rotary,
      int past,
      int positions,
      double scale,
      int repeat,
      int[] lengths) {
    int width = description.headDim();
    int rotated = rotary.rotated(width);
    float[] swap = new float[width * width];
    for (int i = 0; i < rotated; i++) {
      swap[(i + rotated / 2) % rotated * width + i] = 1;
    }
    return new Rotation(
        perSequence(
            manager,
            rotary,
            lengths,
            length -> repeated(rotary.cosines(past, positions, width, scale, length), repeat)),
        perSequence(
            manager,
            rotary,
            lengths,
            length -> repeated(rotary.sines(past, positions, width, scale, length), repeat)),
        Tensors.floats(manager, swap, width, width));
  }

  /**
   * A table for all sequences where they are rotated alike, otherwise one for each and each of its
   * groups.
   *
   * @param table of a sequence's length, (rows, head width)
   */
  private NDArray perSequence(
      NDManager manager, RotaryEmbedding rotary, int[] lengths, IntFunction<float[]> table) {
    int border = rotary.border();
    long width = description.headDim();
    long longer = Arrays.stream(lengths).filter(length -> length > border).count();
    if (longer == 0 || longer == lengths.length) {
      float[] values = table.apply(lengths[0]);
      return Tensors.floats(manager, values, values.length / width, width);
    }
    float[] within = table.apply(border);
    float[] beyond = table.apply(border + 1);
    float[] both = Arrays.copyOf(within, 2 * within.length);
    System.arraycopy(beyond, 0, both, within.length, beyond.length);
    int groups = description.keyValueHeads();
    long[] which = new long[lengths.length * groups];
    for (int i = 0; i < which.length; i++) {
      which[i] = lengths[i / groups] > border ? 1 : 0;
    }
    return Tensors.alone(
        () ->
            Tensors.rows(
                    Tensors.floats(manager, both, 2, within.length),
                    Tensors.longs(manager, which, which.length))
                .reshape(which.length, within.length / width, width));
  }

  private static float[] repeated(float[] values, int times) {
    float[] all = new float[values.length * times];
    for (int i = 0; i < times; i++) {
      System.arraycopy(values, 0, all, i * values.length, values.length);
    }
    return all;
  }

  /**
   * What is added to scores, (repeat · positions, past + positions), for each reach of attention
   * that a layer has.
   */
  private Map<Optional<Integer>, NDArray> masks(
      NDManager manager, int past, int positions, int repeat) {
    Map<Optional<Integer>, NDArray> masks = new HashMap<>();
    for (Layer layer : description.layers()) {
      masks.computeIfAbsent(
          layer.slidingWindow(), window -> mask(manager, past, positions, repeat, window));
    }
    return masks;
  }

  private static NDArray mask(
      NDManager manager, int past, int positions, int repeat, Optional<Integer> slidingWindow) {
    int all = past + positions;
    int reach = slidingWindow.orElse(all);
    float[] mask = new float[positions * all];
    for (int row = 0; row < positions; row++) {
      int i = past + row;
      for (int j = 0; j < all; j++) {
        mask[row * all + j] = j > i || i - j >= reach ? Float.NEGATIVE_INFINITY : 0;
      }
    }
    return Tensors.floats(manager, repeated(mask, repeat), (long) repeat * positions, all);
  }

  private static long[] integers(int first, int count) {
    long[] integers = new long[count];
    for (int i = 0; i < count; i++) {
      integers[i] = first + i;
    }
    return integers;
  }
}
