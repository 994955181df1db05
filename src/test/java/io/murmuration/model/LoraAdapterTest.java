package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraAdapterTest {

  private static final String QUERY = "model.layers.0.self_attn.q_proj";

  @TempDir Path directory;
  private Path base;

  @BeforeEach
  void write() throws IOException {
    base = TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 2);
  }

  @Test
  void anAdapterIsReadBackAsParametersInEitherMode() throws IOException {
    Path adapter = AdapterFixture.adapter(directory.resolve("adapter"), QUERY, 16, 16);
    try (LanguageModel model = LanguageModel.load(base)) {
      LoraAdapter read = LoraAdapter.read(adapter);
      LoraParameters both = LoraParameters.from(model, read, Mode.BOTH);
      LoraParameters bOnly = LoraParameters.from(model, read, Mode.B_ONLY);
      assertThat(both.config().scale()).isEqualTo(4);
      assertThat(both.initialValues()).hasSize(64);
      assertThat(bOnly.initialValues()).hasSize(32);
      TextEvaluator evaluator = new TextEvaluator(model, List.of("hello"), 32);
      double adapted = evaluator.evaluate(both, both.initialValues()).nats();
      assertThat(evaluator.evaluate(bOnly, bOnly.initialValues()).nats()).isEqualTo(adapted);
      assertThat(adapted).isNotEqualTo(evaluator.evaluate().nats());
      both.close();
      bOnly.close();
    }
  }

  @Test
  void adaptersThatDoNotFitAreRefused() throws IOException {
    Path wide = AdapterFixture.adapter(directory.resolve("wide"), QUERY, 8, 16);
    assertThatThrownBy(() -> AdaptedModel.load(base, Optional.of(wide)))
        .hasMessageContainingAll(QUERY + ".lora_A.weight", "expected shape [2, 16], found [2, 8]");
    Path other = AdapterFixture.adapter(directory.resolve("other"), "model.nowhere", 16, 16);
    assertThatThrownBy(() -> AdaptedModel.load(base, Optional.of(other)))
        .hasMessageContaining("model.nowhere");
    Path dora = AdapterFixture.adapter(directory.resolve("dora"), QUERY, 16, 16);
    Path config = dora.resolve("adapter_config.json");
    Files.writeString(
        config, Files.readString(config).replace("\"use_dora\": false", "\"use_dora\": true"));
    assertThatThrownBy(() -> LoraAdapter.read(dora))
        .hasMessageContaining("use_dora: expected nothing (the update must be of low rank");
  }

  /** What peft 0.21 selects on a Qwen2 of two layers. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'target_modules': '.*self_attn\\\\.(q|v)_proj'; 0q 0v 1q 1v",
        "'target_modules': '.*layers\\\\.1.*k_proj'; 1k",
        "'target_modules': 'self_attn.q_proj'; ",
        "'target_modules': ['self_attn.q_proj']; 0q 1q",
        "'target_modules': ['q_proj','v_proj'], 'exclude_modules': ['layers.0.self_attn.v_proj'];"
            + " 0q 1q 1v",
        "'target_modules': ['q_proj','v_proj'], 'exclude_modules': '.*\\\\.1\\\\..*v_proj'; 0q 0v"
            + " 1q",
        "'target_modules': ['q_proj'], 'layers_to_transform': [1]; 1q",
        "'target_modules': ['q_proj'], 'layers_to_transform': 0; 0q",
        "'target_modules': ['q_proj'], 'layers_to_transform': [1], 'layers_pattern': 'layers'; 1q",
        "'target_modules': ['q_proj'], 'layers_to_transform': [1], 'layers_pattern':"
            + " ['blocks','layers']; 1q",
        "'target_modules': ['q_proj'], 'layers_to_transform': [1], 'layers_pattern': 'blocks'; ",
        "'target_modules': ['q_proj','model.layers.0.self_attn.k_proj'], 'layers_to_transform':"
            + " [1]; 0k 1q",
        "'target_modules': ['q_proj'], 'layers_to_transform': []; 0q 1q",
      })
  void modulesAreSelectedAsPeftDoes(String targets, String expected) throws IOException {
    Path adapter = withTargets(targets);
    DecoderDescription model = ModelDirectory.describe(base);
    if (expected == null) {
      assertThatThrownBy(() -> LoraAdapter.read(adapter).config(model).modules(model))
          .hasMessageContaining("target_modules");
      return;
    }
    List<String> modules =
        Stream.of(expected.split(" "))
            .map(m -> "model.layers.%s.self_attn.%s_proj".formatted(m.charAt(0), m.charAt(1)))
            .toList();
    assertThat(LoraAdapter.read(adapter).config(model).modules(model))
        .containsExactlyElementsOf(modules);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'target_modules': null; target_modules",
        "'target_modules': []; target_modules",
        "'target_modules': ['all-linear']; target_modules",
        "'target_modules': '(?P<x>q)_proj'; target_modules",
        "'target_modules': '.*q_proj', 'layers_to_transform': [1]; layers_to_transform",
        "'target_modules': ['q_proj'], 'layers_to_transform': ['1']; layers_to_transform",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'pissa'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'pissa_niter_4'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'olora'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'corda'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'loftq'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'lora_ga'; init_lora_weights",
        "'target_modules': ['q_proj'], 'init_lora_weights': 'mica'; init_lora_weights",
        "'target_modules': ['q_proj'], 'alora_invocation_tokens': [1, 2]; alora_invocation_tokens",
        "'target_modules': ['q_proj'], 'layer_replication': [[0, 1], [0, 1]]; layer_replication",
        "'target_modules': ['q_proj'], 'modules_to_save': ['lm_head']; modules_to_save",
        "'target_modules': ['q_proj'], 'rank_pattern': {'q_proj': 4}; rank_pattern",
        "'target_modules': ['q_proj'], 'target_parameters': ['x']; target_parameters",
        "'target_modules': ['q_proj'], 'trainable_token_indices': [0]; trainable_token_indices",
        "'target_modules': ['q_proj'], 'use_qalora': true; use_qalora",
        "'target_modules': ['q_proj'], 'arrow_config': {'top_k': 3}; arrow_config",
        "'target_modules': ['q_proj'], 'bias': 'lora_only'; bias",
        "'target_modules': ['q_proj'], 'peft_type': 'ADALORA'; peft_type",
        "'target_modules': ['q_proj'], 'lora_alpha': 0; lora_alpha",
        "'target_modules': ['q_proj'], 'wavelets': 1; wavelets",
      })
  void whatIsNotComputedIsRefusedByKey(String fields, String key) throws IOException {
    Path adapter = withTargets(fields);
    assertThatThrownBy(() -> LoraAdapter.read(adapter))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("adapter_config.json: " + key + ": expected ");
  }

  @Test
  void aRankStabilisedAdapterIsScaledByTheRootOfItsRank() throws IOException {
    DecoderDescription model = ModelDirectory.describe(base);
    LoraConfig config =
        LoraAdapter.read(withTargets("'target_modules': ['q_proj'], 'use_rslora': true"))
            .config(model);
    assertThat(config.scale()).isCloseTo(8 / Math.sqrt(2), within(1e-12));
  }

  @Test
  void factorsMustBeNumbersAndExactlyThoseOfTheTargets() throws IOException {
    Path adapter = AdapterFixture.adapter(directory.resolve("nan"), QUERY, 16, 16);
    Path weights = adapter.resolve("adapter_model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] = 0x7f;
    bytes[bytes.length - 2] = (byte) 0x80;
    Files.write(weights, bytes);
    assertThatThrownBy(() -> LoraAdapter.read(adapter))
        .hasMessageContainingAll(QUERY + ".lora_B.weight", "expected finite values");

    Path both = withTargets("'target_modules': ['q_proj']");
    assertThatThrownBy(() -> AdaptedModel.load(base, Optional.of(both)))
        .hasMessageContainingAll("layers.1.self_attn.q_proj", "no such tensor");
    Path other =
        withTargets(
            "'target_modules': ['model.layers.0.self_attn.q_proj'], 'layers_to_transform': [1]");
    AdaptedModel.load(base, Optional.of(other)).close();
  }

  /** An adapter on the query of layer 0 whose configuration says something else. */
  private Path withTargets(String fields) throws IOException {
    Path adapter = AdapterFixture.adapter(directory.resolve("with targets"), QUERY, 16, 16);
    ObjectMapper json = new ObjectMapper();
    ObjectNode config = (ObjectNode) json.readTree(adapter.resolve("adapter_config.json").toFile());
    config.setAll((ObjectNode) json.readTree("{" + fields.replace('\'', '"') + "}"));
    json.writeValue(adapter.resolve("adapter_config.json").toFile(), config);
    return adapter;
  }

  @Test
  void targetsAreSpelledAsPeftReadsThem() throws IOException {
    Path gpt2 = TinyModels.write(directory.resolve("gpt2"), TinyModels.GPT2, 2);
    try (LanguageModel model = LanguageModel.load(gpt2);
        LoraParameters all =
            LoraParameters.fresh(
                model, new LoraConfig(2, 2, List.of(LoraConfig.ALL_LINEAR), Mode.BOTH));
        LoraParameters one =
            LoraParameters.fresh(model, new LoraConfig(2, 2, List.of("attn.c_proj"), Mode.BOTH))) {
      assertThat(all.targetModules()).containsExactly("c_attn", "c_proj", "c_fc");
      assertThat(all.fanInFanOut()).isTrue();
      assertThat(one.targetModules()).containsExactly("attn.c_proj");
      assertThat(one.tensors()).hasSize(4);
    }
  }

  @Test
  void faultyDescriptionsAreRefused() {
    assertThatThrownBy(() -> new LoraConfig(0, 1, List.of("q_proj"), Mode.BOTH))
        .hasMessageContaining("rank");
    assertThatThrownBy(() -> new LoraConfig(1, Double.NaN, List.of("q_proj"), Mode.BOTH))
        .hasMessageContaining("alpha");
    assertThatThrownBy(() -> new LoraConfig(1, 1, List.of(), Mode.BOTH))
        .hasMessageContaining("target");
  }
}
