package io.murmuration.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * A causal decoder as data: everything in which the supported families differ. {@link ModelFamily}
 * makes it from {@code config.json}; {@link Decoder} runs it.
 *
 * @param family {@code model_type} of the configuration
 * @param vocabularySize number of token ids
 * @param hiddenSize width of the residual stream
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headDim width of one head
 * @param maxPositions longest context
 * @param beginningOfText token id that precedes every text
 * @param endOfText token ids that end a generation; may be empty
 * @param normEpsilon added to the variance in every norm
 * @param activation of the feed-forward part
 * @param scales constants that vectors, scores and logits are multiplied with or bounded by
 * @param tokenEmbedding tensor name of the embedding (vocabulary × hidden)
 * @param positionEmbedding tensor name of learned positions (positions × hidden)
 * @param layers in order
 * @param finalNorm before the head
 * @param head tensor name of the output projection; empty if tied to the embedding
 */
public record DecoderDescription(
    String family,
    int vocabularySize,
    int hiddenSize,
    int heads,
    int keyValueHeads,
    int headDim,
    int maxPositions,
    int beginningOfText,
    List<Integer> endOfText,
    double normEpsilon,
    Activation activation,
    Scales scales,
    String tokenEmbedding,
    Optional<String> positionEmbedding,
    List<Layer> layers,
    Norm finalNorm,
    Optional<String> head) {

  /** Stands in the place of a token id where there is none. */
  public static final int NO_TOKEN = -1;

  /** Tensor name of an output projection that is not tied to the embedding. */
  static final String OWN_HEAD = "lm_head.weight";

  /** Nonlinearity of the feed-forward part. */
  public enum Activation {
    /** x·sigmoid(x). */
    SILU,
    /** x·Φ(x). */
    GELU,
    /** The tanh approximation that GPT-2 was trained with. */
    GELU_TANH
  }

  /**
   * A linear map.
   *
   * @param module full module name; tensors are {@code module.weight} and {@code module.bias}
   * @param in input width
   * @param out output width
   * @param bias whether it has one
   * @param fanInFanOut whether the weight is stored (in × out), as GPT-2's Conv1D does
   */
  public record Linear(String module, int in, int out, boolean bias, boolean fanInFanOut) {

    /** Tensor name of the weight. */
    public String weight() {
      return module + ".weight";
    }

    /** Tensor name of the bias. */
    public String biasName() {
      return module + ".bias";
    }

    /** The weight as stored. */
    TensorSpec weightSpec() {
      return fanInFanOut ? TensorSpec.of(weight(), in, out) : TensorSpec.of(weight(), out, in);
    }
  }

  /**
   * What is multiplied or bounded by constants.
   *
   * @param embeddings factor of the token embeddings
   * @param scores factor of the products of queries and keys
   * @param scoreCap c: scores s become c·tanh(s/c); empty: they stay as they are
   * @param logitCap the same for logits
   */
  public record Scales(
      double embeddings, double scores, OptionalDouble scoreCap, OptionalDouble logitCap) {

    /** Scores over the root of the heads' width, and nothing else. */
    static Scales ofHeads(int headDim) {
      return new Scales(1, 1 / Math.sqrt(headDim), OptionalDouble.empty(), OptionalDouble.empty());
    }
  }

  /** What a norm computes. */
  public enum NormKind {
    /** Centred, by standard deviation, times weight, plus bias. */
    LAYER,
    /** By the root of the mean square, times weight. */
    RMS,
    /** The same, times 1 + weight. */
    RMS_ONE_PLUS
  }

  /**
   * A norm.
   *
   * @param module full module name
   * @param width how many numbers are normalized together
   */
  public record Norm(String module, NormKind kind, int width) {

    String weight() {
      return module + ".weight";
    }

    String biasName() {
      return module + ".bias";
    }
  }

  /**
   * The norms of a layer, each where the family has it.
   *
   * @param beforeAttention of what attention reads
   * @param query of the queries: of each head, or of all heads together
   * @param key the same of the keys
   * @param afterAttention of what attention adds
   * @param beforeFeedForward of what the feed-forward part reads
   * @param afterFeedForward of what it adds
   */
  public record Norms(
      Optional<Norm> beforeAttention,
      Optional<Norm> query,
      Optional<Norm> key,
      Optional<Norm> afterAttention,
      Optional<Norm> beforeFeedForward,
      Optional<Norm> afterFeedForward) {

    /** Norms before both parts. */
    static Norms before(Norm attention, Norm feedForward) {
      return new Norms(
          Optional.of(attention),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.of(feedForward),
          Optional.empty());
    }

    /** All of them, in the order of the flat vector: those of a plain layer first. */
    List<Norm> all() {
      return Stream.of(
              beforeAttention, beforeFeedForward, afterAttention, afterFeedForward, query, key)
          .flatMap(Optional::stream)
          .toList();
    }
  }

  /**
   * One decoder layer: attention and feed-forward part, with norms and residual connections.
   *
   * @param queryKeyValue three maps, or one that holds all three side by side
   * @param feedForwardIn gate and up, one map that holds both side by side, or one without gate
   * @param slidingWindow how many positions back attention reaches, itself included; empty: all
   * @param rotary rotary position embedding; empty with learned positions or none
   */
  public record Layer(
      Norms norms,
      List<Linear> queryKeyValue,
      Linear attentionOut,
      List<Linear> feedForwardIn,
      Linear feedForwardOut,
      Optional<Integer> slidingWindow,
      Optional<RotaryEmbedding> rotary) {

    public Layer {
      queryKeyValue = List.copyOf(queryKeyValue);
      feedForwardIn = List.copyOf(feedForwardIn);
    }

    /** Whether the feed-forward part is the product of an activated gate and another map. */
    boolean gated() {
      return feedForwardIn.stream().mapToInt(Linear::out).sum() == 2 * feedForwardOut.in();
    }

    /** All linear maps, in computation order. */
    public List<Linear> linears() {
      return Stream.of(queryKeyValue, List.of(attentionOut), feedForwardIn, List.of(feedForwardOut))
          .flatMap(List::stream)
          .toList();
    }
  }

  public DecoderDescription {
    endOfText = List.copyOf(endOfText);
    layers = List.copyOf(layers);
  }

  /** The same decoder with other borders of texts. */
  DecoderDescription withBorders(int newBeginning, List<Integer> newEnds) {
    return with(newBeginning, newEnds, head);
  }

  /** The same decoder with an output projection of its own, by the name that all families use. */
  DecoderDescription withOwnHead() {
    return with(beginningOfText, endOfText, Optional.of(OWN_HEAD));
  }

  private DecoderDescription with(
      int newBeginning, List<Integer> newEnds, Optional<String> newHead) {
    return new DecoderDescription(
        family,
        vocabularySize,
        hiddenSize,
        heads,
        keyValueHeads,
        headDim,
        maxPositions,
        newBeginning,
        newEnds,
        normEpsilon,
        activation,
        scales,
        tokenEmbedding,
        positionEmbedding,
        layers,
        finalNorm,
        newHead);
  }

  /** All linear maps inside the layers, in computation order. */
  public List<Linear> linears() {
    return layers.stream().flatMap(layer -> layer.linears().stream()).toList();
  }

  /** All norms, layer by layer, and the final one. */
  List<Norm> norms() {
    return Stream.concat(
            layers.stream().flatMap(layer -> layer.norms().all().stream()), Stream.of(finalNorm))
        .toList();
  }

  /** Every tensor of a checkpoint of this decoder, as stored. */
  public List<TensorSpec> tensors() {
    List<TensorSpec> all = new ArrayList<>();
    all.add(TensorSpec.of(tokenEmbedding, vocabularySize, hiddenSize));
    positionEmbedding.ifPresent(name -> all.add(TensorSpec.of(name, maxPositions, hiddenSize)));
    for (Layer layer : layers) {
      layer.norms().all().forEach(norm -> addNorm(all, norm));
      for (Linear linear : layer.linears()) {
        all.add(linear.weightSpec());
        if (linear.bias()) {
          all.add(TensorSpec.of(linear.biasName(), linear.out()));
        }
      }
    }
    addNorm(all, finalNorm);
    head.ifPresent(name -> all.add(TensorSpec.of(name, vocabularySize, hiddenSize)));
    return all;
  }

  /**
   * Estimates how many bytes a training pass keeps for each position, for choosing micro-batches:
   * what autograd retains of every layer of {@link Decoder}, and what one layer takes on its way
   * back. Logits come on top: see {@link LanguageModel#backward}.
   *
   * @param positions length of a sequence, for the shares of attention
   * @param inputsKept whether what is multiplied with the inputs of linear maps is trained, so that
   *     they are kept too
   */
  public long activationBytesPerPosition(int positions, boolean inputsKept) {
    long kept = tablesOfRotations(positions);
    long passing = 0;
    for (Layer layer : layers) {
      long joined = layer.attentionOut().in();
      long inner = layer.feedForwardOut().in();
      long groups = (long) keyValueHeads * headDim;
      long normed = normed(layer);
      // shares of attention, and the bounded scores that they come from
      long shares = (long) heads * positions * (scales.scoreCap().isPresent() ? 2 : 1);
      // inputs of norms, queries, keys, values
      long attention = normed + joined + 2 * groups + shares;
      kept += attention + innerArrays(layer) * inner;
      if (inputsKept) {
        // normalized inputs, and what the maps of both parts and those that end them read
        kept += normed + 2L * hiddenSize + joined + inner;
      }
      passing = Math.max(passing, attention + 4 * inner);
    }
    // the last hidden states, those of the targets, and their gradients
    return Float.BYTES * (kept + passing + 4L * hiddenSize);
  }

  /**
   * Sines and cosines of queries and keys where sequences, some shorter and some longer than a
   * border, each have their own; else there is one table for all.
   */
  private long tablesOfRotations(int positions) {
    boolean own =
        layers.stream()
            .flatMap(layer -> layer.rotary().stream())
            .anyMatch(rotary -> positions > rotary.border());
    return own ? 2L * (heads + keyValueHeads) * headDim : 0;
  }

  /** How many numbers of a position the norms of a layer read. */
  private long normed(Layer layer) {
    long normed = 0;
    for (Norm norm : layer.norms().all()) {
      boolean query = layer.norms().query().filter(norm::equals).isPresent();
      boolean key = layer.norms().key().filter(norm::equals).isPresent();
      normed += query ? heads * headDim : key ? keyValueHeads * headDim : hiddenSize;
    }
    return normed;
  }

  /** How many arrays of the inner width autograd keeps of a feed-forward part. */
  private long innerArrays(Layer layer) {
    long activated =
        switch (activation) {
          case SILU -> 2; // x, sigmoid(x)
          case GELU -> 1;
          case GELU_TANH -> 3; // x, the factor in the exponent, its sigmoid
        };
    return layer.gated() ? activated + 2 : activated; // both factors
  }

  private void addNorm(List<TensorSpec> all, Norm norm) {
    all.add(TensorSpec.of(norm.weight(), norm.width()));
    if (norm.kind() == NormKind.LAYER) {
      all.add(TensorSpec.of(norm.biasName(), norm.width()));
    }
  }
}
