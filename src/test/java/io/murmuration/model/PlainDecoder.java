package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * An independent forward pass in plain Java and float64, written from the families' published
 * definitions: one sequence, one position at a time, no batching, no shared code with {@link
 * Decoder} but the file reader.
 */
final class PlainDecoder {

  private final JsonNode config;
  private final Map<String, double[]> tensors = new HashMap<>();
  private final String family;
  private final boolean gpt2;
  private final boolean gemma;
  private final int hidden;
  private final int layers;
  private final int heads;
  private final int groups;
  private final int headDim;

  PlainDecoder(Path directory) throws IOException {
    config = new ObjectMapper().readTree(directory.resolve("config.json").toFile());
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
      for (TensorSpec spec : file.tensors()) {
        float[] values = file.read(spec.name());
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = values[i];
        }
        tensors.put(spec.name(), wide);
      }
    }
    family = config.path("model_type").asText();
    gpt2 = family.equals("gpt2");
    gemma = family.startsWith("gemma");
    hidden = config.path(gpt2 ? "n_embd" : "hidden_size").asInt();
    layers = config.path(gpt2 ? "n_layer" : "num_hidden_layers").asInt();
    heads = config.path(gpt2 ? "n_head" : "num_attention_heads").asInt();
    groups = gpt2 ? heads : config.path("num_key_value_heads").asInt();
    headDim = config.path("head_dim").asInt(gemma ? 256 : hidden / heads);
  }

  /** The tensors that it computes with; to be changed in place. */
  Map<String, double[]> tensors() {
    return tensors;
  }

  /** Logits at every position. */
  double[][] logits(long[] ids) {
    int n = ids.length;
    double[][] x = new double[n][];
    for (int t = 0; t < n; t++) {
      x[t] = row(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight", (int) ids[t]);
      if (gpt2) {
        x[t] = sum(x[t], row("transformer.wpe.weight", t));
      }
      for (int i = 0; gemma && i < hidden; i++) {
        x[t][i] *= Math.sqrt(hidden);
      }
    }
    for (int layer = 0; layer < layers; layer++) {
      String p = (gpt2 ? "transformer.h." : "model.layers.") + layer + ".";
      double[][] attended = attention(x, layer, p, window(layer, n));
      for (int t = 0; t < n; t++) {
        x[t] = sum(x[t], afterAttention(attended[t], p));
        x[t] = sum(x[t], feedForwardBlock(x[t], p));
      }
    }
    double[][] logits = new double[n][];
    String head =
        tensors.containsKey("lm_head.weight")
            ? "lm_head"
            : gpt2 ? "transformer.wte" : "model.embed_tokens";
    for (int t = 0; t < n; t++) {
      double[] last = norm(x[t], gpt2 ? "transformer.ln_f" : "model.norm");
      logits[t] = outIn(last, head);
      double cap = cap("final_logit_softcapping", 30);
      for (int i = 0; cap > 0 && i < logits[t].length; i++) {
        logits[t][i] = cap * Math.tanh(logits[t][i] / cap);
      }
    }
    return logits;
  }

  /** The bound of scores under a key; 0 for none. */
  private double cap(String key, double gemma2) {
    return !gemma || (config.has(key) && config.get(key).isNull())
        ? 0
        : config.path(key).asDouble(family.equals("gemma2") ? gemma2 : 0);
  }

  private double[] afterAttention(double[] x, String p) {
    return gemma || family.equals("olmo2") ? norm(x, p + "post_attention_layernorm") : x;
  }

  private double[] feedForwardBlock(double[] x, String p) {
    if (family.equals("olmo2")) {
      return norm(feedForward(x, p), p + "post_feedforward_layernorm");
    }
    if (gemma) {
      double[] out = feedForward(norm(x, p + "pre_feedforward_layernorm"), p);
      return norm(out, p + "post_feedforward_layernorm");
    }
    return feedForward(norm(x, p + (gpt2 ? "ln_2" : "post_attention_layernorm")), p);
  }

  private int window(int layer, int all) {
    if (config.path("layer_types").isArray()) {
      String type = config.path("layer_types").path(layer).asText();
      return type.equals("sliding_attention") ? config.path("sliding_window").asInt() : all;
    }
    boolean windowed =
        switch (config.path("model_type").asText()) {
          case "mistral", "phi3" -> true;
          case "gemma2" -> layer % 2 == 0;
          case "gemma3_text" -> (layer + 1) % config.path("sliding_window_pattern").asInt(6) > 0;
          case "smollm3" -> config.path("use_sliding_window").asBoolean() && !positions(layer);
          case "qwen2", "qwen3" ->
              config.path("use_sliding_window").asBoolean()
                  && layer >= config.path("max_window_layers").asInt();
          default -> false;
        };
    return windowed ? config.path("sliding_window").asInt(all) : all;
  }

  /** Whether a layer rotates queries and keys. */
  private boolean positions(int layer) {
    if (!family.equals("smollm3")) {
      return true;
    }
    return config.path("no_rope_layers").isArray()
        ? config.path("no_rope_layers").path(layer).asInt() == 1
        : (layer + 1) % config.path("no_rope_layer_interval").asInt(4) > 0;
  }

  private double[][] attention(double[][] x, int layer, String p, int window) {
    int n = x.length;
    double[][] q = new double[n][];
    double[][] k = new double[n][];
    double[][] v = new double[n][];
    for (int t = 0; t < n; t++) {
      if (gpt2) {
        double[] fused = inOut(norm(x[t], p + "ln_1"), p + "attn.c_attn");
        q[t] = Arrays.copyOfRange(fused, 0, hidden);
        k[t] = Arrays.copyOfRange(fused, hidden, 2 * hidden);
        v[t] = Arrays.copyOfRange(fused, 2 * hidden, 3 * hidden);
      } else {
        double[] read = family.equals("olmo2") ? x[t] : norm(x[t], p + "input_layernorm");
        if (family.equals("phi3")) {
          double[] fused = outIn(read, p + "self_attn.qkv_proj");
          int keys = heads * headDim;
          int values = keys + groups * headDim;
          q[t] = Arrays.copyOfRange(fused, 0, keys);
          k[t] = Arrays.copyOfRange(fused, keys, values);
          v[t] = Arrays.copyOfRange(fused, values, fused.length);
        } else {
          q[t] = outIn(read, p + "self_attn.q_proj");
          k[t] = outIn(read, p + "self_attn.k_proj");
          v[t] = outIn(read, p + "self_attn.v_proj");
        }
        switch (family) {
          case "olmo2" -> {
            q[t] = norm(q[t], p + "self_attn.q_norm");
            k[t] = norm(k[t], p + "self_attn.k_norm");
          }
          case "qwen3", "gemma3_text" -> {
            q[t] = normOfHeads(q[t], p + "self_attn.q_norm");
            k[t] = normOfHeads(k[t], p + "self_attn.k_norm");
          }
          default -> {}
        }
        if (positions(layer)) {
          boolean local = family.equals("gemma3_text") && window < n;
          q[t] = rotate(q[t], t, n, local);
          k[t] = rotate(k[t], t, n, local);
        }
      }
    }
    double scale =
        gemma
            ? 1 / Math.sqrt(config.path("query_pre_attn_scalar").asDouble(256))
            : 1 / Math.sqrt(headDim);
    double cap = cap("attn_logit_softcapping", 50);
    double[][] out = new double[n][];
    for (int t = 0; t < n; t++) {
      double[] joined = new double[heads * headDim];
      for (int h = 0; h < heads; h++) {
        int g = h / (heads / groups);
        int first = Math.max(0, t - window + 1);
        double[] weight = new double[t + 1];
        double total = 0;
        for (int s = first; s <= t; s++) {
          double dot = 0;
          for (int i = 0; i < headDim; i++) {
            dot += q[t][h * headDim + i] * k[s][g * headDim + i];
          }
          double score = scale * dot;
          weight[s] = Math.exp(cap > 0 ? cap * Math.tanh(score / cap) : score);
          total += weight[s];
        }
        for (int s = first; s <= t; s++) {
          for (int i = 0; i < headDim; i++) {
            joined[h * headDim + i] += weight[s] / total * v[s][g * headDim + i];
          }
        }
      }
      out[t] = gpt2 ? inOut(joined, p + "attn.c_proj") : outIn(joined, p + "self_attn.o_proj");
    }
    return out;
  }

  private double[] feedForward(double[] x, String p) {
    if (gpt2) {
      double[] inner = inOut(x, p + "mlp.c_fc");
      for (int i = 0; i < inner.length; i++) {
        inner[i] = geluTanh(inner[i]);
      }
      return inOut(inner, p + "mlp.c_proj");
    }
    double[] gate;
    double[] up;
    if (family.equals("phi3")) {
      double[] fused = outIn(x, p + "mlp.gate_up_proj");
      gate = Arrays.copyOfRange(fused, 0, fused.length / 2);
      up = Arrays.copyOfRange(fused, fused.length / 2, fused.length);
    } else {
      gate = outIn(x, p + "mlp.gate_proj");
      up = outIn(x, p + "mlp.up_proj");
    }
    for (int i = 0; i < gate.length; i++) {
      gate[i] = (gemma ? geluTanh(gate[i]) : gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
    }
    return outIn(gate, p + "mlp.down_proj");
  }

  private static double geluTanh(double z) {
    return 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * Math.pow(z, 3))));
  }

  private double[] normOfHeads(double[] x, String module) {
    double[] y = new double[x.length];
    for (int start = 0; start < x.length; start += headDim) {
      double[] head = norm(Arrays.copyOfRange(x, start, start + headDim), module);
      System.arraycopy(head, 0, y, start, headDim);
    }
    return y;
  }

  private double[] norm(double[] x, String module) {
    boolean centred = gpt2 || family.equals("stablelm");
    boolean wide = centred || family.equals("olmo2") || family.equals("phi3");
    String key = gpt2 ? "layer_norm_epsilon" : centred ? "layer_norm_eps" : "rms_norm_eps";
    double epsilon = config.path(key).asDouble(wide ? 1e-5 : 1e-6);
    double[] weight = tensors.get(module + ".weight");
    double[] bias = tensors.get(module + ".bias");
    double mean = 0;
    if (centred) {
      for (double value : x) {
        mean += value / x.length;
      }
    }
    double variance = 0;
    for (double value : x) {
      variance += (value - mean) * (value - mean) / x.length;
    }
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] =
          (x[i] - mean) / Math.sqrt(variance + epsilon) * (gemma ? 1 + weight[i] : weight[i])
              + (centred ? bias[i] : 0);
    }
    return y;
  }

  private double[] rotate(double[] x, int position, int all, boolean local) {
    double[] y = x.clone();
    int half = rotated() / 2;
    JsonNode rope = rope(local);
    for (int start = 0; start < x.length; start += headDim) {
      for (int i = 0; i < half; i++) {
        double angle = position * frequency(rope, theta(rope, local), i, all);
        double a = x[start + i];
        double b = x[start + half + i];
        double length = length(rope);
        y[start + i] = length * (a * Math.cos(angle) - b * Math.sin(angle));
        y[start + half + i] = length * (b * Math.cos(angle) + a * Math.sin(angle));
      }
    }
    return y;
  }

  /** Dimensions of a head that know where they are; the others follow them. */
  private int rotated() {
    double share =
        config.path("partial_rotary_factor").asDouble(family.equals("stablelm") ? 0.25 : 1);
    return (int) (headDim * rope(false).path("partial_rotary_factor").asDouble(share));
  }

  private JsonNode rope(boolean local) {
    JsonNode both = config.path("rope_parameters");
    if (both.has("full_attention")) {
      return both.path(local ? "sliding_attention" : "full_attention");
    }
    return config.has("rope_parameters") ? both : local ? both : config.path("rope_scaling");
  }

  private double theta(JsonNode rope, boolean local) {
    double standard =
        switch (family) {
          case "smollm3" -> 2_000_000;
          case "gemma3_text" -> local ? 10_000 : 1_000_000;
          default -> 10_000;
        };
    String key = local ? "rope_local_base_freq" : "rope_theta";
    return rope.path("rope_theta").asDouble(config.path(key).asDouble(standard));
  }

  /** YaRN's and LongRoPE's "temperature", applied to both queries and keys. */
  private double length(JsonNode rope) {
    return switch (type(rope)) {
      case "yarn" ->
          rope.path("attention_factor")
              .asDouble(0.1 * Math.log(rope.path("factor").asDouble()) + 1);
      case "longrope" -> {
        double first = config.path("original_max_position_embeddings").asDouble(4096);
        double all = config.path("max_position_embeddings").asDouble();
        double square = 1 + Math.log(Math.max(1, all / first)) / Math.log(first);
        yield rope.path("attention_factor").asDouble(Math.sqrt(square));
      }
      default -> 1;
    };
  }

  private static String type(JsonNode rope) {
    String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
    return type.equals("su") ? "longrope" : type;
  }

  private double frequency(JsonNode scaling, double theta, int i, int all) {
    double base = Math.exp(-2.0 * i / rotated() * Math.log(theta));
    double factor = scaling.path("factor").asDouble();
    double positions = config.path("max_position_embeddings").asDouble();
    double context = scaling.path("original_max_position_embeddings").asDouble(positions);
    switch (type(scaling)) {
      case "longrope":
        double first = config.path("original_max_position_embeddings").asDouble(4096);
        String factors = all > first ? "long_factor" : "short_factor";
        return base / scaling.path(factors).path(i).asDouble();
      case "linear":
        return base / factor;
      case "dynamic":
        double length = Math.max(all, positions);
        double power = headDim / (headDim - 2.0);
        double longer = theta * Math.pow(factor * length / positions - (factor - 1), power);
        return Math.pow(longer, -2.0 * i / headDim);
      case "yarn":
        double from = yarnDimension(scaling.path("beta_fast").asDouble(32), context, theta);
        double to = yarnDimension(scaling.path("beta_slow").asDouble(1), context, theta);
        if (scaling.path("truncate").asBoolean(true)) {
          from = Math.floor(from);
          to = Math.ceil(to);
        }
        from = Math.max(from, 0);
        to = Math.min(to, headDim - 1);
        double slow = i <= from ? 0 : i >= to ? 1 : (i - from) / (to - from);
        return slow * base / factor + (1 - slow) * base;
      case "llama3":
        double low = scaling.path("low_freq_factor").asDouble();
        double high = scaling.path("high_freq_factor").asDouble();
        double turns = context * base / (2 * Math.PI);
        if (turns > high) {
          return base;
        }
        if (turns < low) {
          return base / factor;
        }
        double share = (turns - low) / (high - low);
        return base * (share + (1 - share) / factor);
      default:
        return base;
    }
  }

  /** Where theta^(2 i / d) · 2π · turns is the context. */
  private double yarnDimension(double turns, double context, double theta) {
    return headDim / 2.0 * Math.log(context / (2 * Math.PI * turns)) / Math.log(theta);
  }

  /** Applies a map whose weight is stored as (out, in). */
  private double[] outIn(double[] x, String module) {
    double[] weight = tensors.get(module + ".weight");
    double[] y = bias(module, weight.length / x.length);
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  /** Applies a map whose weight is stored as (in, out). */
  private double[] inOut(double[] x, String module) {
    double[] weight = tensors.get(module + ".weight");
    double[] y = bias(module, weight.length / x.length);
    for (int i = 0; i < x.length; i++) {
      for (int o = 0; o < y.length; o++) {
        y[o] += weight[i * y.length + o] * x[i];
      }
    }
    return y;
  }

  private double[] bias(String module, int size) {
    double[] y = new double[size];
    double[] bias = tensors.get(module + ".bias");
    for (int i = 0; bias != null && i < size; i++) {
      y[i] = bias[i];
    }
    return y;
  }

  private double[] row(String tensor, int row) {
    double[] values = new double[hidden];
    for (int i = 0; i < hidden; i++) {
      values[i] = tensors.get(tensor)[row * hidden + i];
    }
    return values;
  }

  private static double[] sum(double[] a, double[] b) {
    double[] c = a.clone();
    for (int i = 0; i < c.length; i++) {
      c[i] += b[i];
    }
    return c;
  }
}
