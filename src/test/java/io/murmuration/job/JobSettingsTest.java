package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.OptionDocs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobSettingsTest {

  private final Configuration flink = new Configuration();

  @Test
  void flinksDefaultsAreAccepted() {
    assertThatCode(() -> JobSettings.check(complete(), /* lifetimes= */ false))
        .doesNotThrowAnyException();
  }

  @Test
  void checkpointsOnTheJobManagersHeapAreRefused() {
    Configuration noDirectory = complete();
    noDirectory.removeConfig(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(noDirectory, /* lifetimes= */ false))
        .withMessageContaining("execution.checkpointing.dir")
        .withMessageContaining("job.checkpoint-directory, must name a directory")
        .withMessageContaining("the job manager's heap");
    Configuration onHeap = complete();
    onHeap.set(CheckpointingOptions.CHECKPOINT_STORAGE, "jobmanager");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(onHeap, /* lifetimes= */ false))
        .withMessageContaining("execution.checkpointing.storage must not be jobmanager");
    // somebody's own storage knows where it stores
    noDirectory.set(CheckpointingOptions.CHECKPOINT_STORAGE, "org.example.OwnStorageFactory");
    assertThatCode(() -> JobSettings.check(noDirectory, /* lifetimes= */ false))
        .doesNotThrowAnyException();
  }

  @Test
  void theJobMayNameTheDirectoryOfItsCheckpoints(@TempDir Path directory) {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
    String uri = directory.resolve("checkpoints").toUri().toString();
    MurmurationJob.addTo(
        env, JobConfigs.in(directory).with("job.checkpoint-directory", uri).config());
    assertThat(env.getConfiguration().get(CheckpointingOptions.CHECKPOINTS_DIRECTORY))
        .isEqualTo(uri);
  }

  @Test
  void unalignedCheckpointsAreRefused() {
    flink.set(CheckpointingOptions.ENABLE_UNALIGNED, true);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(flink, /* lifetimes= */ false))
        .withMessageContaining("execution.checkpointing.unaligned.enabled must be false");
  }

  @Test
  void anAutoWatermarkIntervalOfZeroIsRefused() {
    flink.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, Duration.ZERO);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(flink, /* lifetimes= */ false))
        .withMessageContaining("pipeline.auto-watermark-interval must be positive but is PT0S");
  }

  @Test
  void restartsWithoutALimitNeedNoWord() {
    assertThat(JobSettings.restartsEnd(flink)).isEmpty();
    flink.setString("restart-strategy.type", "exponential-delay");
    assertThat(JobSettings.restartsEnd(flink)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "exponential-delay, exponential-delay.attempts-before-reset-backoff, is exponential-delay with 7",
    "fixed-delay, fixed-delay.attempts, is fixed-delay with 7 attempts",
    "failure-rate, failure-rate.max-failures-per-interval, is failure-rate: a broker",
    "disable, ignored, is disable: a broker or a store that is away for longer ends the job"
  })
  void boundedRestartsAreToldOf(String type, String limit, String told) {
    flink.setString("restart-strategy.type", type);
    flink.setString("restart-strategy." + limit, "7");
    assertThat(JobSettings.restartsEnd(flink)).get().asString().contains(told);
  }

  /** Or an override, a rescaling or the adaptive scheduler could pull source and decoding apart. */
  @Test
  void whereUsersHaveLifetimes_sourceAndDecodingMustBeOneTask() {
    Configuration unchained = complete();
    unchained.set(PipelineOptions.OPERATOR_CHAINING, false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(unchained, /* lifetimes= */ true))
        .withMessageContaining("pipeline.operator-chaining.enabled must be true")
        .withMessageContaining("pipeline.jobvertex-parallelism-overrides");
    assertThatCode(() -> JobSettings.check(unchained, /* lifetimes= */ false))
        .doesNotThrowAnyException();
  }

  @Test
  void allFaultsAreNamedAtOnce() {
    flink.set(CheckpointingOptions.ENABLE_UNALIGNED, true);
    flink.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, Duration.ZERO);
    flink.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.AT_LEAST_ONCE);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(flink, /* lifetimes= */ false))
        .withMessageContaining("execution.checkpointing.unaligned.enabled must be")
        .withMessageContaining("pipeline.auto-watermark-interval must be")
        .withMessageContaining("execution.checkpointing.mode must be EXACTLY_ONCE");
  }

  @Test
  void theJobIsNotBuiltInAnEnvironmentThatIsRefused(@TempDir Path directory) {
    flink.set(CheckpointingOptions.ENABLE_UNALIGNED, true);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, flink);
    MurmurationConfig config = JobConfigs.in(directory).config();
    assertThatIllegalArgumentException().isThrownBy(() -> MurmurationJob.addTo(env, config));
    assertThat(env.getTransformations()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "ssl.keystore.password",
    "SSL.Key.Password",
    "sasl.jaas.config",
    "sasl.oauthbearer.client.credentials.client.secret",
    "ssl.keystore.key",
    "sasl.login.token",
  })
  void secretsNeverReachTheWebUi(String key, @TempDir Path directory) {
    MurmurationConfig config =
        JobConfigs.in(directory).with("kafka.properties." + key, "hunter2").config();
    Map<String, String> visible = JobSettings.visible(config, ConfiguredPhases.of(config)).toMap();
    assertThat(visible).containsEntry("kafka.properties." + key, "******");
    assertThat(visible.values()).noneMatch(value -> value.contains("hunter2"));
  }

  @Test
  void theRegistrysSecretsNeverReachTheWebUi(@TempDir Path directory) {
    MurmurationConfig config =
        JobConfigs.in(directory)
            .with("events.format", "AVRO_REGISTRY")
            .with("events.registry.url", "https://registry:8081")
            .with("events.registry.user", "ann")
            .with("events.registry.password", "hunter2")
            .with("events.registry.trust-store", "/trust.p12")
            .with("events.registry.trust-store-password", "hunter2")
            .with("events.registry.key-store", "/keys.p12")
            .with("events.registry.key-store-password", "hunter2")
            .config();
    Map<String, String> visible = JobSettings.visible(config, ConfiguredPhases.of(config)).toMap();
    assertThat(visible)
        .containsEntry("events.registry.url", "https://registry:8081")
        .containsEntry("events.registry.password", "******");
    assertThat(visible.values()).noneMatch(value -> value.contains("hunter2"));
  }

  @Test
  void theWebUiShowsHowManyRoundsALifetimeHas(@TempDir Path directory) {
    MurmurationConfig config =
        JobConfigs.in(directory)
            .with("horizon.enabled", "true")
            .with("horizon.id-key-file", "/keys/ids")
            .with("privacy.sampling-probability", "0.067")
            .with("privacy.noise-multiplier", "2")
            .with("privacy.epsilon", "2")
            .with("privacy.delta", "1e-6")
            .config();
    assertThat(JobSettings.visible(config, ConfiguredPhases.of(config)).toMap())
        .containsEntry("mechanism.horizon-rounds", "132");
  }

  @Test
  void theWebUiShowsOptionsByTheirKeys_andTheMechanism(@TempDir Path directory) {
    MurmurationConfig config = JobConfigs.in(directory).config();
    Set<String> keys = OptionDocs.all().stream().map(ConfigOption::key).collect(Collectors.toSet());
    assertThat(JobSettings.visible(config, ConfiguredPhases.of(config)).toMap().keySet())
        .allMatch(key -> keys.contains(key) || key.startsWith("mechanism."))
        .noneMatch(key -> key.startsWith("calibration.") && !key.equals("calibration.enabled"));
  }

  @Test
  void theWebUiShowsNoValuesOfWhatACalibrationChooses(@TempDir Path directory) {
    MurmurationConfig config =
        JobConfigs.in(directory)
            .without("privacy.sampling-probability")
            .without("privacy.expected-units")
            .without("privacy.noise-multiplier")
            .with("privacy.rounds", "100")
            .with("calibration.enabled", "true")
            .with("calibration.population", "10000")
            .with("calibration.compute", "1000")
            .config();
    assertThat(JobSettings.visible(config, ConfiguredPhases.of(config)).toMap())
        .containsEntry("calibration.candidates", "1;2;4;8;16;32")
        .containsEntry("calibration.population", "10000")
        .doesNotContainKey("privacy.group-size")
        .allSatisfy((key, value) -> assertThat(key).doesNotStartWith("mechanism."));
  }

  @Test
  void theWebUiShowsTheEffectiveConfiguration(@TempDir Path directory) {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(1, complete());
    MurmurationJob.addTo(
        env,
        JobConfigs.in(directory)
            .with("kafka.properties.security.protocol", "PLAINTEXT")
            .with("privacy.clip-norm", "0.5")
            .config());
    assertThat(env.getConfig().getGlobalJobParameters().toMap())
        .containsEntry("privacy.domain", "chat")
        .containsEntry("privacy.epsilon", "8")
        .containsEntry("privacy.clip-norm", "0.5")
        .containsEntry("privacy.round-interval", "10m")
        .containsEntry("training.max-tokens", "64")
        .containsEntry("kafka.topics.ledger", "murmuration-ledger-chat")
        .containsEntry("ledger.kind", "FILE")
        .containsEntry("mechanism.noise-multiplier", "1.0")
        .containsEntry("mechanism.clip-norm", "0.5")
        .containsEntry("kafka.properties.security.protocol", "PLAINTEXT");
  }

  /** What the job, or whoever deploys it, must set; everything else is Flink's default. */
  private static Configuration complete() {
    Configuration flink = new Configuration();
    flink.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(30));
    flink.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file:///data/checkpoints");
    return flink;
  }

  @Test
  void aMissingCheckpointIntervalIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobSettings.check(new Configuration(), /* lifetimes= */ false))
        .withMessageContaining("execution.checkpointing.interval must be positive");
  }
}
