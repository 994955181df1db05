package io.murmuration.model;

import io.murmuration.model.DecoderDescription.Activation;
import io.murmuration.model.DecoderDescription.Layer;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.DecoderDescription.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The supported families: how each one's {@code config.json} becomes a description.
 *
 * <p>Long because it lists for each family every key of a configuration, once.
 */
enum ModelFamily {
  LLAMA(
      "llama",
      Set.of("LlamaForCausalLM", "LlamaModel"),
      Keys.rotary("attention_bias", "mlp_bias"),
      config ->
          rotary(
              config,
              Biases.fromConfig(config),
              ModelFamily::noWindow,
              LayerTypes.MUST_AGREE,
              RotaryDefaults.of(1, 2))),
  MISTRAL(
      "mistral",
      Set.of("MistralForCausalLM", "MistralModel"),
      Keys.rotary("sliding_window"),
      config ->
          rotary(
              config,
              Biases.NONE,
              ModelFamily::window,
              LayerTypes.MUST_AGREE,
              RotaryDefaults.of(1, 2).withKeyValueHeads(8))),
  QWEN2(
      "qwen2",
      Set.of("Qwen2ForCausalLM", "Qwen2Model"),
      Keys.rotary("max_window_layers", "sliding_window", "use_sliding_window"),
      config ->
          rotary(
              config,
              Biases.QUERY_KEY_VALUE,
              ModelFamily::upperLayersWindow,
              LayerTypes.DECIDE,
              RotaryDefaults.NONE.withKeyValueHeads(32))),
  GPT2("gpt2", Set.of("GPT2LMHeadModel", "GPT2Model"), Keys.GPT2, ModelFamily::gpt2);

  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";

  /** A layer above every {@code max_window_layers}. */
  private static final int BEYOND_ANY_SWITCH = Integer.MAX_VALUE;

  /** The defaults of transformers' configurations of these families. */
  private static final int DEFAULT_WINDOW = 4096;

  private static final double DEFAULT_THETA = 10_000;

  /** GPT-2's own {@code <|endoftext|>}, before and behind a text. */
  private static final int GPT2_TEXT_BORDER = 50_256;

  /** The understood keys of each kind of rotary embedding. */
  private static final SortedMap<String, Set<String>> ROPE_TYPES =
      new TreeMap<>(
          Map.of(
              "default",
              Keys.rope(),
              "linear",
              Keys.rope("factor"),
              "llama3",
              Keys.rope(
                  "factor",
                  "high_freq_factor",
                  "low_freq_factor",
                  "original_max_position_embeddings")));

  /** How far back the attention of a layer reaches; empty: all the way. */
  private interface Window {
    Optional<Integer> of(ModelConfig config, int layer);
  }

  /** What a list of attention types, layer by layer, does. */
  private enum LayerTypes {
    /** It is passed over by the family's own implementation, so it must say the same. */
    MUST_AGREE,
    /** It wins over where the family would put windows, but not over a switch that is off. */
    DECIDE
  }

  /** The understood keys. */
  private static final class Keys {

    private static final Set<String> EVERYWHERE =
        Set.of(
            "architectures",
            "bos_token_id",
            "eos_token_id",
            "is_causal",
            "model_type",
            "tie_word_embeddings",
            "vocab_size");

    private static final Set<String> ROTARY =
        Set.of(
            "head_dim",
            "hidden_act",
            "hidden_size",
            "intermediate_size",
            "layer_types",
            "max_position_embeddings",
            "num_attention_heads",
            "num_hidden_layers",
            "num_key_value_heads",
            "rms_norm_eps",
            "rope_parameters",
            "rope_scaling",
            "rope_theta");

    private static final Set<String> GPT2 =
        union(
            EVERYWHERE,
            Set.of(
                "activation_function",
                "layer_norm_epsilon",
                "n_embd",
                "n_head",
                "n_inner",
                "n_layer",
                "n_positions",
                "scale_attn_by_inverse_layer_idx",
                "scale_attn_weights"));

    private static Set<String> rope(String... more) {
      return union(Set.of("rope_theta", "rope_type", "type"), Set.of(more));
    }

    private static Set<String> rotary(String... more) {
      return union(union(EVERYWHERE, ROTARY), Set.of(more));
    }

    private static Set<String> union(Set<String> one, Set<String> other) {
      Set<String> all = new TreeSet<>(one);
      all.addAll(other);
      return Collections.unmodifiableSet(all);
    }
  }

  /** What keys that are missing stand for; a key that is null stands for none. */
  private record RotaryDefaults(
      OptionalInt keyValueHeads, OptionalInt beginningOfText, OptionalInt endOfText) {

    static final RotaryDefaults NONE =
        new RotaryDefaults(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());

    static RotaryDefaults of(int beginningOfText, int endOfText) {
      return new RotaryDefaults(
          OptionalInt.empty(), OptionalInt.of(beginningOfText), OptionalInt.of(endOfText));
    }

    RotaryDefaults withKeyValueHeads(int count) {
      return new RotaryDefaults(OptionalInt.of(count), beginningOfText, endOfText);
    }
  }

  /** Which linear maps carry a bias. */
  private record Biases(boolean queryKeyValue, boolean attentionOut, boolean feedForward) {

    static final Biases NONE = new Biases(false, false, false);
    static final Biases QUERY_KEY_VALUE = new Biases(true, false, false);

    static Biases fromConfig(ModelConfig config) {
      boolean attention = config.flag("attention_bias", false);
      return new Biases(attention, attention, config.flag("mlp_bias", false));
    }
  }

  private final String modelType;
  private final Set<String> architectures;
  private final Set<String> understood;
  private final Function<ModelConfig, DecoderDescription> describe;

  ModelFamily(
      String modelType,
      Set<String> architectures,
      Set<String> understood,
      Function<ModelConfig, DecoderDescription> describe) {
    this.modelType = modelType;
    this.architectures = architectures;
    this.understood = understood;
    this.describe = describe;
  }

  /** {@code model_type} of the configuration. */
  String modelType() {
    return modelType;
  }

  /** The keys of {@code config.json} that are read. */
  Set<String> understood() {
    return understood;
  }

  /** The keys that are read of each kind of rotary embedding. */
  static SortedMap<String, Set<String>> ropeTypes() {
    return Collections.unmodifiableSortedMap(ROPE_TYPES);
  }

  /**
   * The description that a configuration asks for. Ids of beginning and end of text are those of
   * the configuration alone: {@link DecoderDescription#NO_TOKEN} and none where it has none.
   *
   * @throws ModelFormatException for unknown families and unsupported settings
   */
  static DecoderDescription describe(ModelConfig config) {
    String type = config.text("model_type");
    for (ModelFamily family : values()) {
      if (family.modelType.equals(type)) {
        return family.checked(config);
      }
    }
    throw config.unsupported(
        "model_type",
        Arrays.stream(values()).map(ModelFamily::modelType).collect(Collectors.joining(", ")),
        type);
  }

  private DecoderDescription checked(ModelConfig config) {
    for (String architecture : config.texts("architectures")) {
      config.require(
          architectures.contains(architecture),
          "architectures",
          "one of " + new TreeSet<>(architectures),
          architecture);
    }
    config.require(config.flag("is_causal", true), "is_causal", "true", false);
    DecoderDescription description = describe.apply(config);
    config.requireNothingElse(ConfigKeys.MODEL, understood);
    return description;
  }

  private static DecoderDescription rotary(
      ModelConfig config,
      Biases biases,
      Window window,
      LayerTypes layerTypes,
      RotaryDefaults defaults) {
    int hidden = config.positive("hidden_size");
    int heads = config.positive("num_attention_heads");
    int kvHeads =
        config.positive(
            "num_key_value_heads",
            config.isNull("num_key_value_heads") ? heads : defaults.keyValueHeads().orElse(heads));
    if (!config.present("head_dim")) {
      config.require(hidden % heads == 0, "num_attention_heads", "a divisor of " + hidden, heads);
    }
    int headDim = config.positive("head_dim", hidden / heads);
    int inner = config.positive("intermediate_size");
    config.require(heads % kvHeads == 0, "num_key_value_heads", "a divisor of " + heads, kvHeads);
    config.require(headDim % 2 == 0, "head_dim", "an even number", headDim);
    int count = config.positive("num_hidden_layers");
    Window windows = perLayer(config, count, window, layerTypes);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String prefix = "model.layers." + i + ".";
      String attention = prefix + "self_attn.";
      String mlp = prefix + "mlp.";
      boolean qkv = biases.queryKeyValue();
      boolean ffn = biases.feedForward();
      layers.add(
          new Layer(
              new Norm(prefix + "input_layernorm", false),
              List.of(
                  new Linear(attention + "q_proj", hidden, heads * headDim, qkv, false),
                  new Linear(attention + "k_proj", hidden, kvHeads * headDim, qkv, false),
                  new Linear(attention + "v_proj", hidden, kvHeads * headDim, qkv, false)),
              new Linear(
                  attention + "o_proj", heads * headDim, hidden, biases.attentionOut(), false),
              new Norm(prefix + "post_attention_layernorm", false),
              List.of(
                  new Linear(mlp + "gate_proj", hidden, inner, ffn, false),
                  new Linear(mlp + "up_proj", hidden, inner, ffn, false)),
              new Linear(mlp + "down_proj", inner, hidden, ffn, false),
              windows.of(config, i)));
    }
    return new DecoderDescription(
        config.text("model_type"),
        config.positive("vocab_size"),
        hidden,
        heads,
        kvHeads,
        headDim,
        config.positive("max_position_embeddings"),
        beginningOfText(config, defaults.beginningOfText()),
        endOfText(config, defaults.endOfText()),
        config.number("rms_norm_eps", 1e-6),
        activation(config, "hidden_act", "silu"),
        Optional.of(rotaryEmbedding(config)),
        "model.embed_tokens.weight",
        Optional.empty(),
        layers,
        new Norm("model.norm", false),
        config.flag("tie_word_embeddings", false)
            ? Optional.empty()
            : Optional.of(DecoderDescription.OWN_HEAD));
  }

  private static DecoderDescription gpt2(ModelConfig config) {
    int hidden = config.positive("n_embd");
    int heads = config.positive("n_head");
    int inner = config.positive("n_inner", 4 * hidden);
    config.require(hidden % heads == 0, "n_head", "a divisor of " + hidden, heads);
    if (!config.flag("scale_attn_weights", true)) {
      throw config.unsupported("scale_attn_weights", "true", false);
    }
    if (config.flag("scale_attn_by_inverse_layer_idx", false)) {
      throw config.unsupported("scale_attn_by_inverse_layer_idx", "false", true);
    }
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.positive("n_layer"); i++) {
      String prefix = "transformer.h." + i + ".";
      layers.add(
          new Layer(
              new Norm(prefix + "ln_1", true),
              List.of(new Linear(prefix + "attn.c_attn", hidden, 3 * hidden, true, true)),
              new Linear(prefix + "attn.c_proj", hidden, hidden, true, true),
              new Norm(prefix + "ln_2", true),
              List.of(new Linear(prefix + "mlp.c_fc", hidden, inner, true, true)),
              new Linear(prefix + "mlp.c_proj", inner, hidden, true, true),
              Optional.empty()));
    }
    return new DecoderDescription(
        config.text("model_type"),
        config.positive("vocab_size"),
        hidden,
        heads,
        heads,
        hidden / heads,
        config.positive("n_positions"),
        beginningOfText(config, OptionalInt.of(GPT2_TEXT_BORDER)),
        endOfText(config, OptionalInt.of(GPT2_TEXT_BORDER)),
        config.number("layer_norm_epsilon", 1e-5),
        activation(config, "activation_function", "gelu_new"),
        Optional.empty(),
        "transformer.wte.weight",
        Optional.of("transformer.wpe.weight"),
        layers,
        new Norm("transformer.ln_f", true),
        config.flag("tie_word_embeddings", true)
            ? Optional.empty()
            : Optional.of(DecoderDescription.OWN_HEAD));
  }

  private static int beginningOfText(ModelConfig config, OptionalInt standard) {
    List<Integer> ids = config.tokenIds("bos_token_id");
    config.require(ids.size() <= 1, "bos_token_id", "one token id", ids);
    if (!ids.isEmpty()) {
      return ids.get(0);
    }
    return config.isNull("bos_token_id")
        ? DecoderDescription.NO_TOKEN
        : standard.orElse(DecoderDescription.NO_TOKEN);
  }

  private static List<Integer> endOfText(ModelConfig config, OptionalInt standard) {
    return config.present("eos_token_id") || config.isNull("eos_token_id") || standard.isEmpty()
        ? config.tokenIds("eos_token_id")
        : List.of(standard.getAsInt());
  }

  private static Optional<Integer> noWindow(ModelConfig config, int layer) {
    return Optional.empty();
  }

  private static Optional<Integer> window(ModelConfig config, int layer) {
    return config.isNull("sliding_window")
        ? Optional.empty()
        : Optional.of(config.positive("sliding_window", DEFAULT_WINDOW));
  }

  /** Qwen2's, where it is switched on: in the layers from {@code max_window_layers} on. */
  private static Optional<Integer> upperLayersWindow(ModelConfig config, int layer) {
    return config.flag("use_sliding_window", false)
            && layer >= config.wholeNumber("max_window_layers", 28)
        ? window(config, layer)
        : Optional.empty();
  }

  /** The windows that newer configurations list layer by layer. */
  private static Window perLayer(
      ModelConfig config, int layers, Window standard, LayerTypes layerTypes) {
    List<String> types = config.texts("layer_types");
    if (types.isEmpty()) {
      return standard;
    }
    config.require(
        types.size() == layers, "layer_types", layers + " of them, one a layer", types.size());
    for (int i = 0; i < layers; i++) {
      String type = types.get(i);
      config.require(
          type.equals(FULL) || type.equals(SLIDING), "layer_types", FULL + " or " + SLIDING, type);
      boolean windowed =
          standard.of(config, layerTypes == LayerTypes.DECIDE ? BEYOND_ANY_SWITCH : i).isPresent();
      boolean fits =
          layerTypes == LayerTypes.DECIDE
              ? windowed || type.equals(FULL)
              : windowed == type.equals(SLIDING);
      config.require(
          fits,
          "layer_types",
          "%s in layer %d, as the settings of the sliding window say"
              .formatted(windowed ? SLIDING : FULL, i),
          type);
    }
    return layerTypes == LayerTypes.MUST_AGREE
        ? standard
        : (same, layer) ->
            types.get(layer).equals(SLIDING)
                ? standard.of(same, BEYOND_ANY_SWITCH)
                : Optional.empty();
  }

  private static Activation activation(ModelConfig config, String key, String standard) {
    String name = config.text(key, standard);
    return switch (name) {
      case "silu", "swish" -> Activation.SILU;
      case "gelu" -> Activation.GELU;
      case "gelu_new", "gelu_pytorch_tanh" -> Activation.GELU_TANH;
      default -> throw config.unsupported(key, "silu, gelu, gelu_new or gelu_pytorch_tanh", name);
    };
  }

  /**
   * Older configurations have {@code rope_theta} beside {@code rope_scaling}; newer ones both in
   * {@code rope_parameters}. Where a file has more than one, they must agree.
   */
  private static RotaryEmbedding rotaryEmbedding(ModelConfig config) {
    Optional<RotaryEmbedding> newer =
        config.hasObject("rope_parameters")
            ? Optional.of(rotaryEmbedding(config, config.child("rope_parameters")))
            : Optional.empty();
    if (newer.isEmpty() || config.hasObject("rope_scaling")) {
      RotaryEmbedding older =
          config.hasObject("rope_scaling")
              ? rotaryEmbedding(config, config.child("rope_scaling"))
              : new RotaryEmbedding(config.number("rope_theta", DEFAULT_THETA), Optional.empty());
      newer.ifPresent(
          rope -> config.requireAgreement("rope_scaling", older, rope, "rope_parameters"));
      return older;
    }
    return newer.get();
  }

  private static RotaryEmbedding rotaryEmbedding(ModelConfig config, ModelConfig rope) {
    double theta = rope.number("rope_theta", config.number("rope_theta", DEFAULT_THETA));
    if (config.present("rope_theta")) {
      rope.requireAgreement(
          "rope_theta", theta, config.number("rope_theta"), "rope_theta beside it");
    }
    String type = rope.text("rope_type", rope.text("type", "default"));
    if (rope.present("type")) {
      rope.requireAgreement("rope_type", type, rope.text("type"), "type");
    }
    Optional<RotaryEmbedding.Scaling> scaling =
        switch (type) {
          case "default" -> Optional.empty();
          case "linear" -> Optional.of(new RotaryEmbedding.LinearScaling(factor(rope)));
          case "llama3" ->
              Optional.of(
                  new RotaryEmbedding.Llama3Scaling(
                      factor(rope),
                      rope.number("low_freq_factor"),
                      rope.number("high_freq_factor"),
                      rope.number("original_max_position_embeddings")));
          default -> throw rope.unsupported("rope_type", "one of " + ROPE_TYPES.keySet(), type);
        };
    rope.requireNothingElse(ConfigKeys.MODEL, ROPE_TYPES.get(type));
    return new RotaryEmbedding(theta, scaling);
  }

  private static double factor(ModelConfig rope) {
    double factor = rope.number("factor");
    rope.require(factor >= 1, "factor", "at least 1", factor);
    return factor;
  }
}
