package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.training.ParameterLayout;
import io.murmuration.training.TrainedWeights;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PeftAdapterTest {

  private static final String PREFIX = "base_model.model.model.layers.0.self_attn.q_proj.";
  private static final ParameterLayout B_ONLY =
      ParameterLayout.of(List.of(PREFIX + "lora_B.weight"), List.of(new long[] {3, 2}));

  @Test
  void theConfigurationHasWhatPeftReads() throws Exception {
    JsonNode config =
        new JsonMapper()
            .readTree(
                new PeftAdapter(8, 16, List.of("c_attn"), "openai-community/gpt2", true).config());

    assertThat(config.get("peft_type").asText()).isEqualTo("LORA");
    assertThat(config.get("task_type").asText()).isEqualTo("CAUSAL_LM");
    assertThat(config.get("r").asInt()).isEqualTo(8);
    assertThat(config.get("lora_alpha").isInt()).isTrue();
    assertThat(config.get("lora_alpha").asInt()).isEqualTo(16);
    assertThat(config.get("target_modules"))
        .containsExactly(new JsonMapper().readTree("\"c_attn\""));
    assertThat(config.get("base_model_name_or_path").asText()).isEqualTo("openai-community/gpt2");
    assertThat(config.get("fan_in_fan_out").asBoolean()).isTrue();
    assertThat(config.get("bias").asText()).isEqualTo("none");
    assertThat(config.get("inference_mode").asBoolean()).isTrue();
  }

  @Test
  void allLinearIsAWordAndNotAList() throws Exception {
    JsonNode config =
        new JsonMapper()
            .readTree(new PeftAdapter(8, 16, List.of("all-linear"), "base", false).config());

    assertThat(config.get("target_modules").asText()).isEqualTo("all-linear");
  }

  @Test
  void theWeightsHoldTrainedAndFrozenFactors() {
    NamedTensor a = new NamedTensor(PREFIX + "lora_A.weight", List.of(2L, 1L), new float[] {8, 9});
    NamedTensor b =
        new NamedTensor(PREFIX + "lora_B.weight", List.of(3L, 2L), new float[] {1, 2, 3, 4, 5, 6});

    assertThat(TrainedWeights.write(B_ONLY, new float[] {1, 2, 3, 4, 5, 6}, List.of(a)))
        .isEqualTo(SafetensorsWriter.write(Map.of("format", "pt"), List.of(a, b)));
  }

  @Test
  void refusesParametersOfAnotherLayout() {
    assertThatThrownBy(() -> TrainedWeights.write(B_ONLY, new float[5], List.of()))
        .hasMessage("the layout has 6 parameters but 5 are given");
  }

  @Test
  void refusesAnAlphaThatIsNoNumber() {
    assertThatThrownBy(() -> new PeftAdapter(8, Double.NaN, List.of("q_proj"), "base", false))
        .hasMessageContaining("LoRA alpha must be positive and finite");
  }
}
