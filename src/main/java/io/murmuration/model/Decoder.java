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
import java.util.Optional;

/**
 * The forward pass of every family, from a {@link DecoderDescription}.
 *
 * <p>A batch is a grid of slices × sequences × positions, padded at the right. Causal attention
 * never looks right, so padding needs no mask of its own: its positions are computed and ignored.
 * Nothing mixes sequences.
 */
final class Decoder {

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
      Optional<Rotation> queryRotation,
      Optional<Rotation> keyRotation,
      Optional<AttentionCache> cache,
      NDManager manager) {

    /** Positions before the first one of this pass. */
    int past() {
      return cache.map(AttentionCache::positions).orElse(0);
    }
  }

  /** Tables of the rotary embedding, (rows, head width), and the matrix that swaps halves. */
  private record Rotation(NDArray cos, NDArray sin, NDArray swap) {}

  /**
   * Final hidden states.
   *
   * @param manager of the step; constants are created there
   * @param ids int64 (slices, sequences, positions)
   * @return (slices, sequences · positions, hidden)
   */
  NDArray hidden(NDManager manager, NDArray ids, DecoderParameters parameters) {
    return hidden(manager, ids, parameters, Optional.empty());
  }

  /**
   * Final hidden states of positions that follow those of a cache; the cache takes them up.
   *
   * @param ids int64 (slices, sequences, new positions)
   * @return (slices, sequences · new positions, hidden)
   */
  NDArray continued(
      NDManager manager, NDArray ids, DecoderParameters parameters, AttentionCache cache) {
    NDArray hidden = hidden(manager, ids, parameters, Optional.of(cache));
    cache.advance((int) ids.getShape().get(2));
    return hidden;
  }

  private NDArray hidden(
      NDManager manager,
      NDArray ids,
      DecoderParameters parameters,
      Optional<AttentionCache> cache) {
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
    double scale = 1 / Math.sqrt(description.headDim());
    int repeat = description.heads() / description.keyValueHeads();
    Pass pass =
        new Pass(
            parameters,
            shape.get(0),
            shape.get(1),
            positions,
            description.rotary().map(r -> rotation(manager, r, past, positions, scale, repeat)),
            description.rotary().map(r -> rotation(manager, r, past, positions, 1, 1)),
            cache,
            manager);
    NDArray x = embed(ids, pass);
    for (int i = 0; i < description.layers().size(); i++) {
      Layer layer = description.layers().get(i);
      x = x.add(attention(norm(x, layer.attentionNorm(), pass), i, pass));
      x = x.add(feedForward(norm(x, layer.feedForwardNorm(), pass), layer, pass));
    }
    return norm(x, description.finalNorm(), pass);
  }

  /**
   * Logits of chosen positions.
   *
   * @param hidden (slices, sequences · positions, hidden)
   * @param rows int64, flat indices of positions over the whole grid
   * @return (rows, vocabulary)
   */
  NDArray logits(NDArray hidden, NDArray rows, DecoderParameters parameters) {
    NDArray head = parameters.tensor(description.head().orElse(description.tokenEmbedding()));
    if (head.getShape().dimension() == 2) {
      NDArray chosen = Tensors.rows(hidden.reshape(-1, description.hiddenSize()), rows);
      return chosen.matMul(head.transpose());
    }
    NDArray all = hidden.matMul(head.transpose(0, 2, 1));
    return Tensors.rows(all.reshape(-1, description.vocabularySize()), rows);
  }

  private NDArray embed(NDArray ids, Pass pass) {
    NDArray table = pass.parameters().tensor(description.tokenEmbedding());
    NDArray x = lookUp(table, ids, pass);
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
        qkv.get(0)
            .reshape(batch, length, groups, repeat, width)
            .transpose(0, 2, 3, 1, 4)
            .reshape(batch * groups, repeat * length, width);
    NDArray key = perGroup(qkv.get(1), pass);
    NDArray value = perGroup(qkv.get(2), pass);
    if (pass.queryRotation().isPresent()) {
      query = rotate(query, pass.queryRotation().get());
      key = rotate(key, pass.keyRotation().get());
    } else {
      query = query.mul(Tensors.scalar(pass.manager(), 1 / Math.sqrt(width)));
    }
    if (pass.cache().isPresent()) {
      KeysAndValues all = pass.cache().get().extend(layerIndex, key, value);
      key = all.keys();
      value = all.values();
    }
    NDArray scores =
        query
            .matMul(key.transpose(0, 2, 1))
            .reshape(batch * groups * repeat, length, pass.past() + length)
            .add(mask(pass, layer.slidingWindow()));
    NDArray mixed =
        scores
            .softmax(-1)
            .reshape(batch * groups, repeat * length, pass.past() + length)
            .matMul(value);
    NDArray joined =
        mixed
            .reshape(batch, groups, repeat, length, width)
            .transpose(0, 3, 1, 2, 4)
            .reshape(pass.slices(), pass.sequences() * length, groups * repeat * width);
    return linear(joined, layer.attentionOut(), pass);
  }

  private NDList queryKeyValue(NDArray x, Layer layer, Pass pass) {
    if (layer.queryKeyValue().size() == 1) {
      return linear(x, layer.queryKeyValue().get(0), pass).split(3, 2);
    }
    NDList projected = new NDList();
    for (Linear linear : layer.queryKeyValue()) {
      projected.add(linear(x, linear, pass));
    }
    return projected;
  }

  private NDArray feedForward(NDArray x, Layer layer, Pass pass) {
    NDArray inner = activate(linear(x, layer.feedForwardIn().get(0), pass), pass);
    if (layer.feedForwardIn().size() == 2) {
      inner = inner.mul(linear(x, layer.feedForwardIn().get(1), pass));
    }
    return linear(inner, layer.feedForwardOut(), pass);
  }

  private NDArray activate(NDArray x, Pass pass) {
    return switch (description.activation()) {
      case SILU -> x.mul(Activation.sigmoid(x));
      case GELU -> Activation.gelu(x);
      case GELU_TANH -> {
        NDArray cubed = x.mul(x).mul(x).mul(Tensors.scalar(pass.manager(), 0.044715));
        NDArray root = Tensors.scalar(pass.manager(), Math.sqrt(2 / Math.PI));
        NDArray half = Tensors.scalar(pass.manager(), 0.5);
        yield x.mul(half).mul(x.add(cubed).mul(root).tanh().add(1));
      }
    };
  }

  private NDArray norm(NDArray x, Norm norm, Pass pass) {
    NDArray weight = perSlice(pass.parameters().tensor(norm.weight()));
    if (!norm.centred()) {
      NDArray meanSquare = x.mul(x).mean(new int[] {2}, true);
      return x.div(meanSquare.add(description.normEpsilon()).sqrt()).mul(weight);
    }
    NDArray bias = perSlice(pass.parameters().tensor(norm.biasName()));
    Shape width = new Shape(description.hiddenSize());
    NDManager manager = pass.manager();
    NDArray centred =
        LayerNorm.layerNorm(
                x,
                width,
                manager.ones(width),
                manager.zeros(width),
                (float) description.normEpsilon())
            .singletonOrThrow();
    return centred.mul(weight).add(bias);
  }

  private static NDArray linear(NDArray x, Linear linear, Pass pass) {
    DecoderParameters parameters = pass.parameters();
    NDArray y = times(x, parameters.tensor(linear.weight()));
    if (linear.bias()) {
      y = y.add(perSlice(parameters.tensor(linear.biasName())));
    }
    Optional<LoraFactors> lora = parameters.lora(linear.module());
    if (lora.isEmpty()) {
      return y;
    }
    NDArray inner = times(x, lora.get().a()).mul(lora.get().scale());
    return y.add(times(inner, lora.get().b()));
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

  /**
   * @param past positions before the first one
   * @param scale of the rotated vectors
   * @param repeat how often the positions stand one after the other
   */
  private Rotation rotation(
      NDManager manager,
      RotaryEmbedding rotary,
      int past,
      int positions,
      double scale,
      int repeat) {
    int width = description.headDim();
    float[] swap = new float[width * width];
    for (int i = 0; i < width; i++) {
      swap[(i + width / 2) % width * width + i] = 1;
    }
    float[] cos = rotary.cosines(past, positions, width, scale);
    float[] sin = rotary.sines(past, positions, width, scale);
    return new Rotation(
        Tensors.floats(manager, repeated(cos, repeat), (long) repeat * positions, width),
        Tensors.floats(manager, repeated(sin, repeat), (long) repeat * positions, width),
        Tensors.floats(manager, swap, width, width));
  }

  private static float[] repeated(float[] values, int times) {
    float[] all = new float[values.length * times];
    for (int i = 0; i < times; i++) {
      System.arraycopy(values, 0, all, i * values.length, values.length);
    }
    return all;
  }

  private static NDArray mask(Pass pass, Optional<Integer> slidingWindow) {
    int length = (int) pass.positions();
    int all = pass.past() + length;
    int reach = slidingWindow.orElse(all);
    float[] mask = new float[length * all];
    for (int row = 0; row < length; row++) {
      int i = pass.past() + row;
      for (int j = 0; j < all; j++) {
        mask[row * all + j] = j > i || i - j >= reach ? Float.NEGATIVE_INFINITY : 0;
      }
    }
    return Tensors.floats(pass.manager(), mask, length, all);
  }

  private static long[] integers(int first, int count) {
    long[] integers = new long[count];
    for (int i = 0; i < count; i++) {
      integers[i] = first + i;
    }
    return integers;
  }
}
