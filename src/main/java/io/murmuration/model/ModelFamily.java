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
import io.murmuration.model.RotaryDecoder.NormPlaces;
import io.murmuration.model.RotaryDecoder.QueryKeyNorms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.IntPredicate;
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
          new RotaryDecoder(config)
              .attentionBiases(config.flag("mlp_bias", false))
              .defaultBorders(1, 2)
              .describe()),
  MISTRAL(
      "mistral",
      Set.of("MistralForCausalLM", "MistralModel"),
      Keys.rotary("sliding_window"),
      config ->
          new RotaryDecoder(config)
              .windows(LayerAttention::everywhere, LayerTypes.MUST_AGREE)
              .defaultKeyValueHeads(8)
              .defaultBorders(1, 2)
              .describe()),
  QWEN2(
      "qwen2",
      Set.of("Qwen2ForCausalLM", "Qwen2Model"),
      Keys.rotary("max_window_layers", "sliding_window", "use_sliding_window"),
      config ->
          new RotaryDecoder(config)
              .biases(/* queryKeyValue= */ true, false, false)
              .windows(LayerAttention::upperLayers, LayerTypes.DECIDE)
              .defaultKeyValueHeads(32)
              .describe()),
  QWEN3(
      "qwen3",
      Set.of("Qwen3ForCausalLM", "Qwen3Model"),
      Keys.rotary("attention_bias", "max_window_layers", "sliding_window", "use_sliding_window"),
      config ->
          new RotaryDecoder(config)
              .attentionBiases(/* feedForward= */ false)
              .norms(NormPlaces.BEFORE, NormKind.RMS, QueryKeyNorms.EACH_HEAD)
              .windows(LayerAttention::upperLayers, LayerTypes.DECIDE)
              .defaultKeyValueHeads(32)
              .defaultHeadDim(128)
              .describe()),
  OLMO2(
      "olmo2",
      Set.of("Olmo2ForCausalLM", "Olmo2Model"),
      Keys.rotary("attention_bias"),
      config ->
          new RotaryDecoder(config)
              .attentionBiases(/* feedForward= */ false)
              .norms(NormPlaces.AFTER, NormKind.RMS, QueryKeyNorms.ALL_HEADS)
              .defaultEnd(50_279)
              .defaultNormEpsilon(1e-5)
              .describe()),
  SMOLLM3(
      "smollm3",
      Set.of("SmolLM3ForCausalLM", "SmolLM3Model"),
      Keys.rotary(
          "attention_bias",
          "max_window_layers",
          "mlp_bias",
          "no_rope_layer_interval",
          "no_rope_layers",
          "sliding_window",
          "use_sliding_window"),
      ModelFamily::smolLm3),
  PHI3(
      "phi3",
      Set.of("Phi3ForCausalLM", "Phi3Model"),
      Keys.rotary("original_max_position_embeddings", "partial_rotary_factor", "sliding_window"),
      ModelFamily::phi3),
  STABLELM(
      "stablelm",
      Set.of("StableLmForCausalLM", "StableLmModel"),
      Keys.layerNormed(
          "partial_rotary_factor", "qk_layernorm", "use_parallel_residual", "use_qkv_bias"),
      ModelFamily::stableLm),
  GEMMA2(
      "gemma2",
      Set.of("Gemma2ForCausalLM", "Gemma2Model"),
      Keys.rotary(
          "attention_bias",
          "attn_logit_softcapping",
          "final_logit_softcapping",
          "hidden_activation",
          "query_pre_attn_scalar",
          "sliding_window"),
      ModelFamily::gemma2),
  GEMMA3(
      "gemma3_text",
      Set.of("Gemma3ForCausalLM", "Gemma3TextModel"),
      Keys.rotary(
          "_sliding_window_pattern",
          "attention_bias",
          "attn_logit_softcapping",
          "final_logit_softcapping",
          "hidden_activation",
          "query_pre_attn_scalar",
          "rope_local_base_freq",
          "sliding_window",
          "sliding_window_pattern"),
      ModelFamily::gemma3),
  GPT2("gpt2", Set.of("GPT2LMHeadModel", "GPT2Model"), Keys.GPT2, ModelFamily::gpt2);

  /** GPT-2's own {@code <|endoftext|>}, before and behind a text. */
  private static final int GPT2_TEXT_BORDER = 50_256;

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

    private static Set<String> rotary(String... more) {
      return union(union(EVERYWHERE, ROTARY), Set.of(more));
    }

    /** With layer norms in the place of norms by the root of the mean square. */
    private static Set<String> layerNormed(String... more) {
      Set<String> keys = new TreeSet<>(rotary(more));
      keys.remove("rms_norm_eps");
      keys.add("layer_norm_eps");
      return Collections.unmodifiableSet(keys);
    }

    private static Set<String> union(Set<String> one, Set<String> other) {
      Set<String> all = new TreeSet<>(one);
      all.addAll(other);
      return Collections.unmodifiableSet(all);
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

  /** Some layers have no positions at all; where windows are on, those have them. */
  private static DecoderDescription smolLm3(ModelConfig config) {
    RotaryDecoder decoder = new RotaryDecoder(config);
    boolean windows = config.flag("use_sliding_window", false);
    config.require(
        !windows || !config.present("max_window_layers"),
        "max_window_layers",
        "nothing where windows are on: the layers without positions have them",
        config.get("max_window_layers"));
    int interval = config.positive("no_rope_layer_interval", 4);
    List<Integer> listed = config.tokenIds("no_rope_layers");
    if (config.present("no_rope_layers")) {
      config.require(
          listed.size() >= decoder.layers() && listed.stream().allMatch(each -> each <= 1),
          "no_rope_layers",
          "%d of 0 (without) and 1 (with positions), one a layer".formatted(decoder.layers()),
          listed);
    }
    IntPredicate rotated =
        layer -> listed.isEmpty() ? (layer + 1) % interval != 0 : listed.get(layer) == 1;
    RotaryEmbedding embedding = RotarySettings.of(config, /* theta= */ 2_000_000);
    Window window =
        (same, layer) ->
            windows && (layer == LayerAttention.ANY_WITH_A_WINDOW || !rotated.test(layer))
                ? LayerAttention.whereGiven(same, layer)
                : Optional.empty();
    return decoder
        .attentionBiases(config.flag("mlp_bias", false))
        .windows(window, LayerTypes.DECIDE)
        .rotary((layer, reach) -> Optional.of(embedding).filter(e -> rotated.test(layer)))
        .defaultKeyValueHeads(4)
        .defaultBorders(128_000, 128_001)
        .tiedByDefault()
        .describe();
  }

  private static DecoderDescription phi3(ModelConfig config) {
    RotaryEmbedding embedding = RotarySettings.ofPhi3(config);
    return new RotaryDecoder(config)
        .fused()
        .rotary((layer, reach) -> Optional.of(embedding))
        .windows(LayerAttention::whereGiven, LayerTypes.MUST_AGREE)
        .defaultBorders(1, 32_000)
        .defaultNormEpsilon(1e-5)
        .describe();
  }

  private static DecoderDescription stableLm(ModelConfig config) {
    int headDim = config.positive("hidden_size") / config.positive("num_attention_heads");
    if (config.present("head_dim")) {
      config.requireAgreement(
          "head_dim", config.positive("head_dim"), headDim, "hidden_size over heads");
    }
    for (String key : List.of("qk_layernorm", "use_parallel_residual")) {
      config.require(!config.flag(key, false), key, "false", true);
    }
    RotaryEmbedding embedding =
        RotarySettings.ofAShare(config, /* theta= */ 10_000, /* share= */ 0.25);
    return new RotaryDecoder(config)
        .biases(config.flag("use_qkv_bias", false), false, false)
        .norms(NormPlaces.BEFORE, NormKind.LAYER, QueryKeyNorms.NONE)
        .normEpsilon("layer_norm_eps", 1e-5)
        .rotary((layer, reach) -> Optional.of(embedding))
        .defaultKeyValueHeads(32)
        .defaultBorders(0, 0)
        .describe();
  }

  private static DecoderDescription gemma2(ModelConfig config) {
    return gemma(config)
        .norms(NormPlaces.AROUND, NormKind.RMS_ONE_PLUS, QueryKeyNorms.NONE)
        .windows(
            (same, layer) ->
                layer == LayerAttention.ANY_WITH_A_WINDOW || layer % 2 == 0
                    ? LayerAttention.everywhere(same, layer)
                    : Optional.empty(),
            LayerTypes.DECIDE)
        .scales(
            gemmaScales(
                config,
                RotaryDecoder.cap(config, "attn_logit_softcapping", OptionalDouble.of(50)),
                RotaryDecoder.cap(config, "final_logit_softcapping", OptionalDouble.of(30))))
        .describe();
  }

  /** Layers with a window have a rotary embedding of their own. */
  private static DecoderDescription gemma3(ModelConfig config) {
    config.require(
        !config.present("attn_logit_softcapping"),
        "attn_logit_softcapping",
        "nothing: the family has query and key norms instead",
        config.get("attn_logit_softcapping"));
    int pattern = config.positive("sliding_window_pattern", 6);
    if (config.present("_sliding_window_pattern")) {
      config.requireAgreement(
          "_sliding_window_pattern",
          config.positive("_sliding_window_pattern"),
          pattern,
          "sliding_window_pattern");
    }
    RotaryEmbedding full =
        RotarySettings.of(config, LayerAttention.FULL, "rope_theta", true, 1_000_000);
    RotaryEmbedding sliding =
        RotarySettings.of(config, LayerAttention.SLIDING, "rope_local_base_freq", false, 10_000);
    return gemma(config)
        .norms(NormPlaces.AROUND, NormKind.RMS_ONE_PLUS, QueryKeyNorms.EACH_HEAD)
        .windows(
            (same, layer) ->
                layer == LayerAttention.ANY_WITH_A_WINDOW || (layer + 1) % pattern != 0
                    ? LayerAttention.everywhere(same, layer)
                    : Optional.empty(),
            LayerTypes.DECIDE)
        .rotary((layer, reach) -> Optional.of(reach.isPresent() ? sliding : full))
        .scales(
            gemmaScales(
                config,
                OptionalDouble.empty(),
                RotaryDecoder.cap(config, "final_logit_softcapping", OptionalDouble.empty())))
        .describe();
  }

  private static RotaryDecoder gemma(ModelConfig config) {
    Activation activation = activation(config, "hidden_activation", "gelu_pytorch_tanh");
    if (config.present("hidden_act")) {
      config.requireAgreement(
          "hidden_act",
          activation(config, "hidden_act", "gelu_pytorch_tanh"),
          activation,
          "hidden_activation");
    }
    return new RotaryDecoder(config)
        .attentionBiases(/* feedForward= */ false)
        .activation(activation)
        .defaultKeyValueHeads(4)
        .defaultHeadDim(256)
        .defaultBorders(2, 1)
        .tiedByDefault();
  }

  private static Scales gemmaScales(
      ModelConfig config, OptionalDouble scoreCap, OptionalDouble logitCap) {
    double scalar = config.number("query_pre_attn_scalar", 256);
    config.require(scalar > 0, "query_pre_attn_scalar", "a positive number", scalar);
    return new Scales(
        Math.sqrt(config.positive("hidden_size")), 1 / Math.sqrt(scalar), scoreCap, logitCap);
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
              Norms.before(
                  new Norm(prefix + "ln_1", NormKind.LAYER, hidden),
                  new Norm(prefix + "ln_2", NormKind.LAYER, hidden)),
              List.of(new Linear(prefix + "attn.c_attn", hidden, 3 * hidden, true, true)),
              new Linear(prefix + "attn.c_proj", hidden, hidden, true, true),
              List.of(new Linear(prefix + "mlp.c_fc", hidden, inner, true, true)),
              new Linear(prefix + "mlp.c_proj", inner, hidden, true, true),
              Optional.empty(),
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
        Scales.ofHeads(hidden / heads),
        "transformer.wte.weight",
        Optional.of("transformer.wpe.weight"),
        layers,
        new Norm("transformer.ln_f", NormKind.LAYER, hidden),
        config.flag("tie_word_embeddings", true)
            ? Optional.empty()
            : Optional.of(DecoderDescription.OWN_HEAD));
  }

  /** The token before every text. */
  static int beginningOfText(ModelConfig config, OptionalInt standard) {
    List<Integer> ids = config.tokenIds("bos_token_id");
    config.require(ids.size() <= 1, "bos_token_id", "one token id", ids);
    if (!ids.isEmpty()) {
      return ids.get(0);
    }
    return config.isNull("bos_token_id")
        ? DecoderDescription.NO_TOKEN
        : standard.orElse(DecoderDescription.NO_TOKEN);
  }

  /** The tokens that end one. */
  static List<Integer> endOfText(ModelConfig config, OptionalInt standard) {
    return config.present("eos_token_id") || config.isNull("eos_token_id") || standard.isEmpty()
        ? config.tokenIds("eos_token_id")
        : List.of(standard.getAsInt());
  }

  /** The nonlinearity that a key names. */
  static Activation activation(ModelConfig config, String key, String standard) {
    String name = config.text(key, standard);
    return switch (name) {
      case "silu", "swish" -> Activation.SILU;
      case "gelu" -> Activation.GELU;
      case "gelu_new", "gelu_pytorch_tanh" -> Activation.GELU_TANH;
      default -> throw config.unsupported(key, "silu, gelu, gelu_new or gelu_pytorch_tanh", name);
    };
  }
}
