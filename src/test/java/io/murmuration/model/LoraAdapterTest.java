package io.murmuration.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.model.LoraConfig.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        .hasMessageContaining("use_dora: expected false, found true");
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
