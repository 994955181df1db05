package io.murmuration.model;

import io.murmuration.model.DecoderDescription.Activation;
import io.murmuration.model.DecoderDescription.Layer;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.DecoderDescription.Norm;
import io.murmuration.model.DecoderDescription.NormKind;
import io.murmuration.model.DecoderDescription.Norms;
import io.murmuration.model.DecoderDescription.Scales;
import io.murmuration.model.LayerAttention.LayerTypes;
import io.murmuration.model.LayerAttention.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The description of a family that grew out of Llama: keys, tensor names and layers that they
 * share, and the settings in which one differs from the others.
 *
 * <p>Without settings it is Llama's without biases. Each setting returns this.
 */
final class RotaryDecoder {

  /** Where the norms of a layer stand: before its two parts, after them, or both. */
  enum NormPlaces {
    BEFORE,
    AFTER,
    AROUND
  }

  /** Which queries, and which keys, are normalized together. */
  enum QueryKeyNorms {
    NONE,
    EACH_HEAD,
    ALL_HEADS
  }

  /** The rotary embedding of a layer, by how far back it reaches; empty: none. */
  interface Rotary {
    Optional<RotaryEmbedding> of(int layer, Optional<Integer> window);
  }

  private static final double DEFAULT_THETA = 10_000;

  private final ModelConfig config;
  private final int hidden;
  private final int heads;
  private final int count;
  private boolean queryKeyValueBiases;
  private boolean attentionOutBias;
  private boolean feedForwardBiases;
  private boolean fused;
  private Window window = LayerAttention::none;
  private LayerTypes layerTypes = LayerTypes.MUST_AGREE;
  private OptionalInt defaultKeyValueHeads = OptionalInt.empty();
  private OptionalInt defaultHeadDim = OptionalInt.empty();
  private OptionalInt defaultBeginning = OptionalInt.empty();
  private OptionalInt defaultEnd = OptionalInt.empty();
  private String normEpsilonKey = "rms_norm_eps";
  private double defaultNormEpsilon = 1e-6;
  private boolean tiedByDefault;
  private NormPlaces normPlaces = NormPlaces.BEFORE;
  private NormKind normKind = NormKind.RMS;
  private QueryKeyNorms queryKeyNorms = QueryKeyNorms.NONE;
  private Optional<Rotary> rotary = Optional.empty();
  private Optional<Activation> activation = Optional.empty();
  private Optional<Scales> scales = Optional.empty();

  RotaryDecoder(ModelConfig config) {
    this.config = config;
    this.hidden = config.positive("hidden_size");
    this.heads = config.positive("num_attention_heads");
    this.count = config.positive("num_hidden_layers");
  }

  int layers() {
    return count;
  }

  RotaryDecoder biases(boolean queryKeyValue, boolean attentionOut, boolean feedForward) {
    queryKeyValueBiases = queryKeyValue;
    attentionOutBias = attentionOut;
    feedForwardBiases = feedForward;
    return this;
  }

  /** Biases of all four maps of attention, and of the feed-forward part, where the keys say so. */
  RotaryDecoder attentionBiases(boolean feedForward) {
    boolean attention = config.flag("attention_bias", false);
    return biases(attention, attention, feedForward);
  }

  /** One map for queries, keys and values, and one for both inputs of the feed-forward part. */
  RotaryDecoder fused() {
    fused = true;
    return this;
  }

  RotaryDecoder windows(Window rule, LayerTypes types) {
    window = rule;
    layerTypes = types;
    return this;
  }

  RotaryDecoder defaultKeyValueHeads(int standard) {
    defaultKeyValueHeads = OptionalInt.of(standard);
    return this;
  }

  /** A width of heads that does not follow from others. */
  RotaryDecoder defaultHeadDim(int standard) {
    config.require(!config.isNull("head_dim"), "head_dim", "a positive integer", "null");
    defaultHeadDim = OptionalInt.of(standard);
    return this;
  }

  RotaryDecoder defaultBorders(int beginning, int end) {
    defaultBeginning = OptionalInt.of(beginning);
    return defaultEnd(end);
  }

  RotaryDecoder defaultEnd(int end) {
    defaultEnd = OptionalInt.of(end);
    return this;
  }

  RotaryDecoder defaultNormEpsilon(double standard) {
    defaultNormEpsilon = standard;
    return this;
  }

  RotaryDecoder normEpsilon(String key, double standard) {
    normEpsilonKey = key;
    return defaultNormEpsilon(standard);
  }

  RotaryDecoder tiedByDefault() {
    tiedByDefault = true;
    return this;
  }

  RotaryDecoder norms(NormPlaces places, NormKind kind, QueryKeyNorms queryKey) {
    normPlaces = places;
    normKind = kind;
    queryKeyNorms = queryKey;
    return this;
  }

  RotaryDecoder rotary(Rotary each) {
    rotary = Optional.of(each);
    return this;
  }

  RotaryDecoder activation(Activation named) {
    activation = Optional.of(named);
    return this;
  }

  RotaryDecoder scales(Scales given) {
    scales = Optional.of(given);
    return this;
  }

  DecoderDescription describe() {
    int kvHeads =
        config.positive(
            "num_key_value_heads",
            config.isNull("num_key_value_heads") ? heads : defaultKeyValueHeads.orElse(heads));
    if (!config.present("head_dim") && defaultHeadDim.isEmpty()) {
      config.require(hidden % heads == 0, "num_attention_heads", "a divisor of " + hidden, heads);
    }
    int headDim = config.positive("head_dim", defaultHeadDim.orElse(hidden / heads));
    int inner = config.positive("intermediate_size");
    config.require(heads % kvHeads == 0, "num_key_value_heads", "a divisor of " + heads, kvHeads);
    config.require(headDim % 2 == 0, "head_dim", "an even number", headDim);
    Window windows = LayerAttention.of(config, count, window, layerTypes);
    Rotary rotaries = rotary.orElseGet(this::sameEverywhere);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Optional<Integer> reach = windows.of(config, i);
      Optional<RotaryEmbedding> embedding = rotaries.of(i, reach);
      embedding.ifPresent(each -> RotarySettings.requireFit(config, each, headDim));
      layers.add(layer(i, kvHeads, headDim, inner, reach, embedding));
    }
    return new DecoderDescription(
        config.text("model_type"),
        config.positive("vocab_size"),
        hidden,
        heads,
        kvHeads,
        headDim,
        config.positive("max_position_embeddings"),
        ModelFamily.beginningOfText(config, defaultBeginning),
        ModelFamily.endOfText(config, defaultEnd),
        config.number(normEpsilonKey, defaultNormEpsilon),
        activation.orElseGet(() -> ModelFamily.activation(config, "hidden_act", "silu")),
        scales.orElseGet(() -> Scales.ofHeads(headDim)),
        "model.embed_tokens.weight",
        Optional.empty(),
        layers,
        new Norm("model.norm", normKind, hidden),
        config.flag("tie_word_embeddings", tiedByDefault)
            ? Optional.empty()
            : Optional.of(DecoderDescription.OWN_HEAD));
  }

  private Rotary sameEverywhere() {
    Optional<RotaryEmbedding> embedding = Optional.of(RotarySettings.of(config, DEFAULT_THETA));
    return (layer, reach) -> embedding;
  }

  private Layer layer(
      int index,
      int kvHeads,
      int headDim,
      int inner,
      Optional<Integer> reach,
      Optional<RotaryEmbedding> rotaryEmbedding) {
    String prefix = "model.layers." + index + ".";
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    int queries = heads * headDim;
    int groups = kvHeads * headDim;
    boolean qkv = queryKeyValueBiases;
    boolean ffn = feedForwardBiases;
    return new Layer(
        norms(prefix, queries, groups, headDim),
        fused
            ? List.of(map(attention + "qkv_proj", hidden, queries + 2 * groups, qkv))
            : List.of(
                map(attention + "q_proj", hidden, queries, qkv),
                map(attention + "k_proj", hidden, groups, qkv),
                map(attention + "v_proj", hidden, groups, qkv)),
        map(attention + "o_proj", queries, hidden, attentionOutBias),
        fused
            ? List.of(map(mlp + "gate_up_proj", hidden, 2 * inner, ffn))
            : List.of(
                map(mlp + "gate_proj", hidden, inner, ffn),
                map(mlp + "up_proj", hidden, inner, ffn)),
        map(mlp + "down_proj", inner, hidden, ffn),
        reach,
        rotaryEmbedding);
  }

  private static Linear map(String module, int in, int out, boolean bias) {
    return new Linear(module, in, out, bias, /* fanInFanOut= */ false);
  }

  /** A norm behind attention, and one alone before the feed-forward part, have the same name. */
  private Norms norms(String prefix, int queries, int groups, int headDim) {
    boolean before = normPlaces != NormPlaces.AFTER;
    boolean after = normPlaces != NormPlaces.BEFORE;
    boolean around = normPlaces == NormPlaces.AROUND;
    boolean all = queryKeyNorms == QueryKeyNorms.ALL_HEADS;
    boolean normed = queryKeyNorms != QueryKeyNorms.NONE;
    String feedForward = around ? "pre_feedforward_layernorm" : "post_attention_layernorm";
    return new Norms(
        norm(before, prefix + "input_layernorm", hidden),
        norm(normed, prefix + "self_attn.q_norm", all ? queries : headDim),
        norm(normed, prefix + "self_attn.k_norm", all ? groups : headDim),
        norm(after, prefix + "post_attention_layernorm", hidden),
        norm(before, prefix + feedForward, hidden),
        norm(after, prefix + "post_feedforward_layernorm", hidden));
  }

  private Optional<Norm> norm(boolean there, String module, int width) {
    return there ? Optional.of(new Norm(module, normKind, width)) : Optional.empty();
  }

  /** A bound that is null, or missing where the family has none, is none. */
  static OptionalDouble cap(ModelConfig config, String key, OptionalDouble standard) {
    if (!config.present(key)) {
      return config.isNull(key) ? OptionalDouble.empty() : standard;
    }
    double cap = config.number(key);
    config.require(cap > 0, key, "a positive number", cap);
    return OptionalDouble.of(cap);
  }
}
