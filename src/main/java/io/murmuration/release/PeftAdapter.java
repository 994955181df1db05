package io.murmuration.release;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * A LoRA adapter in the layout that Hugging Face PEFT loads: {@code adapter_config.json} and {@code
 * adapter_model.safetensors}.
 *
 * @param rank r ≥ 1
 * @param alpha LoRA's alpha; the factors' product is scaled by alpha / r
 * @param targetModules last parts of the names of the linear layers that carry factors, or {@code
 *     all-linear} alone
 * @param baseModel name or path under which a consumer finds the base model
 * @param fanInFanOut whether the target layers store their weight transposed (GPT-2's Conv1D)
 */
public record PeftAdapter(
    int rank, double alpha, List<String> targetModules, String baseModel, boolean fanInFanOut) {

  /** Name of the weights' file in a release. */
  public static final String WEIGHTS_FILE = "adapter_model.safetensors";

  /** Name of the configuration's file in a release. */
  public static final String CONFIG_FILE = "adapter_config.json";

  private static final String ALL_LINEAR = "all-linear";

  public PeftAdapter {
    if (rank < 1) {
      throw new IllegalArgumentException("LoRA rank must be at least 1 but is " + rank);
    }
    if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("LoRA alpha must be positive and finite but is " + alpha);
    }
    targetModules = List.copyOf(targetModules);
    if (targetModules.isEmpty()) {
      throw new IllegalArgumentException("LoRA needs at least one target module");
    }
  }

  /** Text of the configuration's file. */
  public String config() {
    ObjectNode config = JsonNodeFactory.instance.objectNode();
    config.put("base_model_name_or_path", baseModel);
    config.put("bias", "none");
    config.put("fan_in_fan_out", fanInFanOut);
    config.put("inference_mode", true);
    if (alpha == Math.rint(alpha)) {
      config.put("lora_alpha", (long) alpha);
    } else {
      config.put("lora_alpha", alpha);
    }
    config.put("lora_dropout", 0.0);
    config.putNull("modules_to_save");
    config.put("peft_type", "LORA");
    config.put("r", rank);
    if (targetModules.equals(List.of(ALL_LINEAR))) {
      config.put("target_modules", ALL_LINEAR); // in a list PEFT takes it for a module's name
    } else {
      targetModules.forEach(config.putArray("target_modules")::add);
    }
    config.put("task_type", "CAUSAL_LM");
    return PrettyJson.text(config);
  }
}
