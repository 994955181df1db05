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
  private final Map<String, float[]> tensors = new HashMap<>();
  private final boolean gpt2;
  private final int hidden;
  private final int layers;
  private final int heads;
  private final int groups;
  private final int headDim;

  PlainDecoder(Path directory) throws IOException {
    config = new ObjectMapper().readTree(directory.resolve("config.json").toFile());
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
      for (TensorSpec spec : file.tensors()) {
        tensors.put(spec.name(), file.read(spec.name()));
      }
    }
    gpt2 = config.path("model_type").asText().equals("gpt2");
    hidden = config.path(gpt2 ? "n_embd" : "hidden_size").asInt();
    layers = config.path(gpt2 ? "n_layer" : "num_hidden_layers").asInt();
    heads = config.path(gpt2 ? "n_head" : "num_attention_heads").asInt();
    groups = gpt2 ? heads : config.path("num_key_value_heads").asInt();
    headDim = config.path("head_dim").asInt(hidden / heads);
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
    }
    for (int layer = 0; layer < layers; layer++) {
      String p = (gpt2 ? "transformer.h." : "model.layers.") + layer + ".";
      double[][] attended = attention(x, p, window(layer, n));
      for (int t = 0; t < n; t++) {
        x[t] = sum(x[t], attended[t]);
        x[t] =
            sum(x[t], feedForward(norm(x[t], p + (gpt2 ? "ln_2" : "post_attention_layernorm")), p));
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
    }
    return logits;
  }

  private int window(int layer, int all) {
    if (config.path("layer_types").isArray()) {
      String type = config.path("layer_types").path(layer).asText();
      return type.equals("sliding_attention") ? config.path("sliding_window").asInt() : all;
    }
    boolean windowed =
        switch (config.path("model_type").asText()) {
          case "mistral" -> true;
          case "qwen2" ->
              config.path("use_sliding_window").asBoolean()
                  && layer >= config.path("max_window_layers").asInt();
          default -> false;
        };
    return windowed ? config.path("sliding_window").asInt(all) : all;
  }

  private double[][] attention(double[][] x, String p, int window) {
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
        double[] normed = norm(x[t], p + "input_layernorm");
        q[t] = rotate(outIn(normed, p + "self_attn.q_proj"), t);
        k[t] = rotate(outIn(normed, p + "self_attn.k_proj"), t);
        v[t] = outIn(normed, p + "self_attn.v_proj");
      }
    }
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
          weight[s] = Math.exp(dot / Math.sqrt(headDim));
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
        double z = inner[i];
        inner[i] =
            0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * Math.pow(z, 3))));
      }
      return inOut(inner, p + "mlp.c_proj");
    }
    double[] gate = outIn(x, p + "mlp.gate_proj");
    double[] up = outIn(x, p + "mlp.up_proj");
    for (int i = 0; i < gate.length; i++) {
      gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    return outIn(gate, p + "mlp.down_proj");
  }

  private double[] norm(double[] x, String module) {
    double epsilon =
        config.path(gpt2 ? "layer_norm_epsilon" : "rms_norm_eps").asDouble(gpt2 ? 1e-5 : 1e-6);
    float[] weight = tensors.get(module + ".weight");
    float[] bias = tensors.get(module + ".bias");
    double mean = 0;
    if (gpt2) {
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
      y[i] = (x[i] - mean) / Math.sqrt(variance + epsilon) * weight[i] + (gpt2 ? bias[i] : 0);
    }
    return y;
  }

  private double[] rotate(double[] x, int position) {
    double[] y = x.clone();
    int half = headDim / 2;
    for (int start = 0; start < x.length; start += headDim) {
      for (int i = 0; i < half; i++) {
        double angle = position * frequency(i);
        double a = x[start + i];
        double b = x[start + half + i];
        y[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
        y[start + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return y;
  }

  private double frequency(int i) {
    JsonNode scaling =
        config.has("rope_parameters")
            ? config.path("rope_parameters")
            : config.path("rope_scaling");
    double theta = scaling.path("rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
    double base = 1 / Math.pow(theta, 2.0 * i / headDim);
    String type = scaling.path("rope_type").asText("default");
    double factor = scaling.path("factor").asDouble();
    if (!type.equals("llama3")) {
      return type.equals("linear") ? base / factor : base;
    }
    double low = scaling.path("low_freq_factor").asDouble();
    double high = scaling.path("high_freq_factor").asDouble();
    double context = scaling.path("original_max_position_embeddings").asDouble();
    double turns = context * base / (2 * Math.PI);
    if (turns > high) {
      return base;
    }
    if (turns < low) {
      return base / factor;
    }
    double share = (turns - low) / (high - low);
    return base * (share + (1 - share) / factor);
  }

  /** Weight stored (out, in). */
  private double[] outIn(double[] x, String module) {
    float[] weight = tensors.get(module + ".weight");
    double[] y = bias(module, weight.length / x.length);
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  /** Weight stored (in, out). */
  private double[] inOut(double[] x, String module) {
    float[] weight = tensors.get(module + ".weight");
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
    float[] bias = tensors.get(module + ".bias");
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
