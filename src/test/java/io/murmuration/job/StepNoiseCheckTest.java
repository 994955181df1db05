package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.model.AllParameters;
import io.murmuration.model.LanguageModel;
import io.murmuration.model.LoraParameters;
import io.murmuration.model.TensorSpec;
import io.murmuration.model.TrainableParameters;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepNoiseCheckTest {

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"ALL", "B_ONLY", "BOTH"})
  void parameters_areThoseThatTheTrainerTrains(String trained) throws Exception {
    JobConfigs configs = JobConfigs.in(directory);
    MurmurationConfig config =
        (trained.equals("ALL")
                ? configs.with("training.parameters", "ALL")
                : configs.with("training.parameters", "LORA").with("training.lora.mode", trained))
            .config();
    try (TrainableParameters parameters = trainable(config, trained)) {
      assertThat(StepNoiseCheck.trainedParameters(config.training()))
          .isEqualTo(parameters.tensors().stream().mapToLong(TensorSpec::size).sum());
      parameters.model().close();
    }
  }

  private static TrainableParameters trainable(MurmurationConfig config, String trained)
      throws Exception {
    LanguageModel model = LanguageModel.load(Path.of(config.training().model()));
    return trained.equals("ALL")
        ? new AllParameters(model)
        : LoraParameters.fresh(model, config.training().lora());
  }

  @Test
  void aModelElsewhere_isNotSpokenOf() throws Exception {
    MurmurationConfig config =
        JobConfigs.in(directory).with("training.model", "/models/on-the-workers").config();

    assertThat(StepNoiseCheck.of(config)).isEmpty();
  }

  @Test
  void noise_isThatOfTheConfiguredMechanism() throws Exception {
    MurmurationConfig config = JobConfigs.in(directory).with("privacy.rounds", "30").config();

    assertThat(StepNoiseCheck.of(config))
        .hasValueSatisfying(
            noise -> {
              assertThat(noise.noiseMultiplier()).isEqualTo(1);
              assertThat(noise.expectedUnits()).isEqualTo(20);
              assertThat(noise.rounds()).isEqualTo(30);
            });
  }
}
