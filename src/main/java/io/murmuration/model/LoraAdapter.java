package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A PEFT LoRA adapter directory, read into memory. What PEFT computes is computed here too, or the
 * adapter is refused by the key that asks for it.
 */
public final class LoraAdapter {

  private static final String WEIGHTS_FILE = "adapter_model.safetensors";
  private static final String CONFIG_FILE = "adapter_config.json";

  /** The keys of {@code adapter_config.json} that are read. */
  static final Set<String> UNDERSTOOD =
      Set.of(
          "bias",
          "exclude_modules",
          "init_lora_weights",
          "layers_pattern",
          "layers_to_transform",
          "lora_alpha",
          "peft_type",
          "r",
          "target_modules",
          "use_rslora");

  /** Starts that leave the base as it is; others put part of it into the adapter. */
  private static final Set<String> PLAIN_STARTS = Set.of("gaussian", "eva", "orthogonal");

  private record Tensor(TensorSpec spec, float[] values) {}

  private final Path directory;
  private final int rank;
  private final double alpha;
  private final LoraTargets targets;
  private final Map<String, Tensor> tensors;

  private LoraAdapter(Path directory, ModelConfig config, Map<String, Tensor> tensors) {
    this.directory = directory;
    this.rank = config.positive("r");
    double stated = config.number("lora_alpha");
    config.require(stated > 0, "lora_alpha", "a positive number", stated);
    // rank-stabilised: the update is scaled by alpha / √r instead of alpha / r
    this.alpha = config.flag("use_rslora", false) ? stated * Math.sqrt(rank) : stated;
    this.targets = LoraTargets.of(config);
    this.tensors = tensors;
  }

  /**
   * Reads {@code adapter_config.json} and {@code adapter_model.safetensors}.
   *
   * @throws ModelFormatException for adapters that are not plain LoRA
   */
  public static LoraAdapter read(Path directory) throws IOException {
    if (!Files.exists(directory.resolve(CONFIG_FILE))) {
      throw new ModelFormatException(
          directory.resolve(CONFIG_FILE)
              + ": expected a PEFT adapter, found "
              + (Files.exists(directory.resolve("config.json"))
                  ? "a whole model: give its directory as the model, without an adapter"
                  : "no such file"));
    }
    ModelConfig config = ModelConfig.read(directory.resolve(CONFIG_FILE));
    requirePlain(config);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(WEIGHTS_FILE))) {
      for (TensorSpec spec : file.tensors()) {
        tensors.put(spec.name(), new Tensor(spec, file.readFinite(spec.name())));
      }
    }
    return new LoraAdapter(directory, config, tensors);
  }

  private static void requirePlain(ModelConfig config) {
    String type = config.text("peft_type", "LORA");
    config.require(type.equals("LORA"), "peft_type", "LORA", type);
    String bias = config.text("bias", "none");
    config.require(bias.equals("none"), "bias", "none", bias);
    JsonNode start = config.get("init_lora_weights");
    config.require(
        start == null || start.isBoolean() || PLAIN_STARTS.contains(start.asText()),
        "init_lora_weights",
        "true, false, gaussian, eva or orthogonal, which leave the base as it is",
        start);
    config.requireNothingElse(ConfigKeys.ADAPTER, UNDERSTOOD);
  }

  /**
   * Rank, alpha and targets on a model; the mode is always {@link Mode#BOTH}, PEFT does not record
   * it. Alpha is such that alpha / rank is the scale, also of a rank-stabilised adapter.
   *
   * @throws ModelFormatException if a target names no linear map of the model
   */
  public LoraConfig config(DecoderDescription model) {
    return new LoraConfig(rank, alpha, targets.on(model), Mode.BOTH);
  }

  /** Values of a tensor that must be there in that shape. */
  float[] require(String name, long... shape) {
    TensorSpec expected = TensorSpec.of(name, shape);
    Tensor found = tensors.get(name);
    if (found == null || !found.spec().equals(expected)) {
      throw new ModelFormatException(
          String.format(
              "%s: tensor %s: expected shape %s, found %s",
              directory.resolve(WEIGHTS_FILE),
              name,
              expected.shape(),
              found == null ? "no such tensor" : found.spec().shape()));
    }
    return found.values().clone();
  }

  /** Refuses an adapter with more tensors than were asked for: they would be ignored silently. */
  void requireNothingBeyond(Set<String> names) {
    for (String name : tensors.keySet()) {
      if (!names.contains(name)) {
        throw new ModelFormatException(
            String.format(
                "%s: tensor %s: expected only LoRA factors of %s",
                directory.resolve(WEIGHTS_FILE), name, targets));
      }
    }
  }
}
