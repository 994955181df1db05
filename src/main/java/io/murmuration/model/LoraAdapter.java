package io.murmuration.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A PEFT LoRA adapter directory, read into memory. */
public final class LoraAdapter {

  private static final String WEIGHTS_FILE = "adapter_model.safetensors";
  private static final String CONFIG_FILE = "adapter_config.json";

  private record Tensor(TensorSpec spec, float[] values) {}

  private final Path directory;
  private final LoraConfig config;
  private final Map<String, Tensor> tensors;

  private LoraAdapter(Path directory, LoraConfig config, Map<String, Tensor> tensors) {
    this.directory = directory;
    this.config = config;
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
    LoraConfig config = config(directory.resolve(CONFIG_FILE));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(WEIGHTS_FILE))) {
      for (TensorSpec spec : file.tensors()) {
        tensors.put(spec.name(), new Tensor(spec, file.read(spec.name())));
      }
    }
    return new LoraAdapter(directory, config, tensors);
  }

  private static LoraConfig config(Path path) throws IOException {
    ModelConfig fields = ModelConfig.read(path);
    String type = fields.text("peft_type", "LORA");
    fields.require(type.equals("LORA"), "peft_type", "LORA", type);
    String bias = fields.text("bias", "none");
    fields.require(bias.equals("none"), "bias", "none", bias);
    for (String flag : List.of("use_dora", "use_rslora", "lora_bias")) {
      fields.require(!fields.flag(flag, false), flag, "false", true);
    }
    JsonNode tree = new ObjectMapper().readTree(path.toFile());
    for (String key : List.of("rank_pattern", "alpha_pattern", "modules_to_save")) {
      fields.require(tree.path(key).isEmpty(), key, "nothing", tree.path(key));
    }
    List<String> targets = new ArrayList<>();
    JsonNode names = tree.path("target_modules");
    if (names.isTextual()) {
      targets.add(names.asText());
    }
    names.forEach(name -> targets.add(name.asText()));
    return new LoraConfig(fields.positive("r"), fields.number("lora_alpha"), targets, Mode.BOTH);
  }

  /** Rank, alpha and targets; the mode is always {@link Mode#BOTH}, PEFT does not record it. */
  public LoraConfig config() {
    return config;
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
                directory.resolve(WEIGHTS_FILE), name, config.targets()));
      }
    }
  }
}
