package io.murmuration.job;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.model.DecoderDescription;
import io.murmuration.model.ModelDirectory;
import io.murmuration.model.TensorSpec;
import io.murmuration.planning.NoiseCorrelation;
import io.murmuration.planning.StepNoise;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.rounds.BaseModel;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;

/** Says before anything is spent how noisy the steps of a configured job will be. */
public final class StepNoiseCheck {

  private StepNoiseCheck() {}

  /**
   * The noise of a job's steps.
   *
   * @return empty where the mechanism is chosen from the stream, or the model is not on this
   *     machine
   * @throws IOException if the model is here and cannot be read
   */
  public static Optional<StepNoise> of(MurmurationConfig config) throws IOException {
    Location model = Location.of(config.training().model());
    if (config.calibration() != null || (model.isLocal() && !Files.isDirectory(model.path()))) {
      return Optional.empty();
    }
    RoundMechanism round = ConfiguredMechanism.of(config.privacy());
    long rounds =
        config
            .privacy()
            .rounds()
            .orElseGet(
                () -> {
                  PrivacyLoss share = ConfiguredMechanism.share(config.privacy());
                  return ConfiguredMechanism.accountant(round, share.epsilon(), share.delta())
                      .affordableRounds();
                });
    return rounds < 1
        ? Optional.empty()
        : Optional.of(
            new StepNoise(
                NoiseCorrelation.asIndependent(round, rounds),
                trainedParameters(config.training()),
                round.expectedUnits(),
                rounds));
  }

  /**
   * How many numbers a configuration trains, from the model's description alone.
   *
   * @throws IOException if the model cannot be read
   */
  public static long trainedParameters(TrainingConfig config) throws IOException {
    DecoderDescription description = ModelDirectory.describe(BaseModel.directory(config));
    return config.parameters() == ParametersKind.ALL
        ? description.tensors().stream().mapToLong(TensorSpec::size).sum()
        : config.lora().trainedParameters(description);
  }
}
