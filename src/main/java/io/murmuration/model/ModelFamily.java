package io.murmuration.model;

import io.murmuration.model.DecoderDescription.Activation;
import io.murmuration.model.DecoderDescription.Layer;
import io.murmuration.model.DecoderDescription.Linear;
import io.murmuration.model.DecoderDescription.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** The supported families: how each one's {@code config.json} becomes a description. */
enum ModelFamily {
  LLAMA("llama", config -> rotary(config, Biases.fromConfig(config), ModelFamily::noWindow)),
  MISTRAL("mistral", config -> rotary(config, Biases.NONE, ModelFamily::window)),
  QWEN2("qwen2", config -> rotary(config, Biases.QUERY_KEY_VALUE, ModelFamily::upperLayersWindow)),
  GPT2("gpt2", ModelFamily::gpt2);

  /** How far back the attention of a layer reaches; empty: all the way. */
  private interface Window {
    Optional<Integer> of(ModelConfig config, int layer);
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
  private final Function<ModelConfig, DecoderDescription> describe;

  ModelFamily(String modelType, Function<ModelConfig, DecoderDescription> describe) {
    this.modelType = modelType;
    this.describe = describe;
  }

  /**
   * The description that a configuration asks for.
   *
   * @throws ModelFormatException for unknown families and unsupported settings
   */
  static DecoderDescription describe(ModelConfig config) {
    String type = config.text("model_type");
    for (ModelFamily family : values()) {
      if (family.modelType.equals(type)) {
        return family.describe.apply(config);
      }
    }
    throw config.unsupported("model_type", "llama, mistral, qwen2 or gpt2", type);
  }

  private static DecoderDescription rotary(ModelConfig config, Biases biases, Window window) {
    int hidden = config.positive("hidden_size");
    int heads = config.positive("num_attention_heads");
    int kvHeads = config.positive("num_key_value_heads", heads);
    int headDim = config.positive("head_dim", hidden / heads);
    int inner = config.positive("intermediate_size");
    config.require(heads % kvHeads == 0, "num_key_value_heads", "a divisor of " + heads, kvHeads);
    config.require(headDim % 2 == 0, "head_dim", "an even number", headDim);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.positive("num_hidden_layers"); i++) {
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
              window.of(config, i)));
    }
    return new DecoderDescription(
        config.text("model_type"),
        config.positive("vocab_size"),
        hidden,
        heads,
        kvHeads,
        headDim,
        config.positive("max_position_embeddings"),
        config.beginningOfText(),
        config.endOfText(),
        config.number("rms_norm_eps", 1e-6),
        activation(config, "hidden_act", "silu"),
        Optional.of(rotaryEmbedding(config)),
        "model.embed_tokens.weight",
        Optional.empty(),
        layers,
        new Norm("model.norm", false),
        config.flag("tie_word_embeddings", false)
            ? Optional.empty()
            : Optional.of("lm_head.weight"));
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
        config.beginningOfText(),
        config.endOfText(),
        config.number("layer_norm_epsilon", 1e-5),
        activation(config, "activation_function", "gelu_new"),
        Optional.empty(),
        "transformer.wte.weight",
        Optional.of("transformer.wpe.weight"),
        layers,
        new Norm("transformer.ln_f", true),
        config.flag("tie_word_embeddings", true)
            ? Optional.empty()
            : Optional.of("lm_head.weight"));
  }

  private static Optional<Integer> noWindow(ModelConfig config, int layer) {
    return Optional.empty();
  }

  private static Optional<Integer> window(ModelConfig config, int layer) {
    return config.present("sliding_window")
        ? Optional.of(config.positive("sliding_window"))
        : Optional.empty();
  }

  /** Qwen2's, where it is switched on: in the layers from {@code max_window_layers} on. */
  private static Optional<Integer> upperLayersWindow(ModelConfig config, int layer) {
    return config.flag("use_sliding_window", false)
            && layer >= config.wholeNumber("max_window_layers", 28)
        ? Optional.of(config.positive("sliding_window", 4096))
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

  private static RotaryEmbedding rotaryEmbedding(ModelConfig config) {
    // older configurations: rope_theta beside rope_scaling; newer ones: both in rope_parameters
    ModelConfig rope = config.present("rope_parameters") ? config.child("rope_parameters") : config;
    double theta = rope.number("rope_theta", config.number("rope_theta", 10_000));
    if (rope == config) {
      if (!config.present("rope_scaling")) {
        return new RotaryEmbedding(theta, Optional.empty());
      }
      rope = config.child("rope_scaling");
    }
    String type = rope.text("rope_type", rope.text("type", "default"));
    return switch (type) {
      case "default" -> new RotaryEmbedding(theta, Optional.empty());
      case "linear" ->
          new RotaryEmbedding(
              theta, Optional.of(new RotaryEmbedding.LinearScaling(rope.number("factor"))));
      case "llama3" ->
          new RotaryEmbedding(
              theta,
              Optional.of(
                  new RotaryEmbedding.Llama3Scaling(
                      rope.number("factor"),
                      rope.number("low_freq_factor"),
                      rope.number("high_freq_factor"),
                      rope.number("original_max_position_embeddings"))));
      default -> throw rope.unsupported("rope_type", "default, linear or llama3", type);
    };
  }
}
