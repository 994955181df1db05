package io.murmuration.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
 * @param rotary rotary position embedding; empty with learned positions
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
    Optional<RotaryEmbedding> rotary,
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
   * A norm over the hidden dimension.
   *
   * @param module full module name
   * @param centred true: LayerNorm with bias; false: RMSNorm
   */
  public record Norm(String module, boolean centred) {

    String weight() {
      return module + ".weight";
    }

    String biasName() {
      return module + ".bias";
    }
  }

  /**
   * One decoder layer: norm, attention, norm, feed-forward, with residual connections.
   *
   * @param queryKeyValue three maps, or one that holds all three side by side
   * @param feedForwardIn gate and up (gated), or one map
   * @param slidingWindow how many positions back attention reaches, itself included; empty: all
   */
  public record Layer(
      Norm attentionNorm,
      List<Linear> queryKeyValue,
      Linear attentionOut,
      Norm feedForwardNorm,
      List<Linear> feedForwardIn,
      Linear feedForwardOut,
      Optional<Integer> slidingWindow) {

    public Layer {
      queryKeyValue = List.copyOf(queryKeyValue);
      feedForwardIn = List.copyOf(feedForwardIn);
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
        rotary,
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

  /** Every tensor of a checkpoint of this decoder, as stored. */
  public List<TensorSpec> tensors() {
    List<TensorSpec> all = new ArrayList<>();
    all.add(TensorSpec.of(tokenEmbedding, vocabularySize, hiddenSize));
    positionEmbedding.ifPresent(name -> all.add(TensorSpec.of(name, maxPositions, hiddenSize)));
    for (Layer layer : layers) {
      addNorm(all, layer.attentionNorm());
      addNorm(all, layer.feedForwardNorm());
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
    long kept = 0;
    long passing = 0;
    for (Layer layer : layers) {
      long joined = layer.attentionOut().in();
      long inner = layer.feedForwardOut().in();
      // both norms' inputs, queries, keys, values, shares of attention
      long attention =
          2L * hiddenSize + joined + 2L * keyValueHeads * headDim + (long) heads * positions;
      kept += attention + innerArrays(layer) * inner;
      if (inputsKept) {
        kept += 4L * hiddenSize + joined + inner;
      }
      passing = Math.max(passing, attention + 4 * inner);
    }
    // the last hidden states, those of the targets, and their gradients
    return Float.BYTES * (kept + passing + 4L * hiddenSize);
  }

  /** How many arrays of the inner width autograd keeps of a feed-forward part. */
  private long innerArrays(Layer layer) {
    long activated =
        switch (activation) {
          case SILU -> 2; // x, sigmoid(x)
          case GELU -> 1;
          case GELU_TANH -> 3; // x, the factor in the exponent, its sigmoid
        };
    return layer.feedForwardIn().size() == 1 ? activated : activated + 2; // both factors
  }

  private void addNorm(List<TensorSpec> all, Norm norm) {
    all.add(TensorSpec.of(norm.weight(), hiddenSize));
    if (norm.centred()) {
      all.add(TensorSpec.of(norm.biasName(), hiddenSize));
    }
  }
}
