package io.murmuration.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MurmurationConfigTest {

  private static Map<String, String> valid() {
    return new HashMap<>(
        Map.of(
            "privacy.domain", "chat",
            "privacy.epsilon", "8",
            "privacy.delta", "1e-6",
            "privacy.sampling-probability", "0.01",
            "privacy.expected-units", "1000",
            "privacy.rounds", "150",
            "training.model", "/models/base",
            "kafka.bootstrap-servers", "localhost:9092",
            "releases.directory", "/releases"));
  }

  @Test
  void whatIsNotSaidHasADefault() {
    MurmurationConfig config = MurmurationConfig.of(valid());
    assertThat(config.privacy().clipNorm()).isEqualTo(1.0);
    assertThat(config.io().groupId()).isEqualTo("murmuration-chat");
    assertThat(config.io().topics().ledger()).isEqualTo("murmuration-ledger-chat");
    assertThat(config.privacy().noiseMultiplier()).isEmpty();
  }

  @Test
  void theSettingsItAmountsToMakeTheSameConfiguration() {
    Map<String, String> given = valid();
    given.put("kafka.properties.security.protocol", "SSL");
    MurmurationConfig config = MurmurationConfig.of(given);
    assertThat(config.settings()).containsAllEntriesOf(given);
    assertThat(MurmurationConfig.of(config.settings())).isEqualTo(config);
  }

  @ParameterizedTest
  @CsvSource({
    "privacy.epsilon, NaN",
    "privacy.epsilon, 0",
    "privacy.epsilon, Infinity",
    "privacy.delta, 1",
    "privacy.delta, 0",
    "privacy.sampling-probability, 1.0001",
    "privacy.sampling-probability, NaN",
    "privacy.clip-norm, -1",
    "privacy.group-size, 0",
    "privacy.expected-units, Infinity",
    "privacy.rounds, 0",
    "privacy.rounds, many",
    "privacy.noise-multiplier, 0",
    "privacy.domain, a b",
    "privacy.round-interval, 0 s",
    "privacy.sampler, other",
    "contribution.windows, 0",
    "training.learning-rate, NaN",
    "training.learning-rate-floor, 1.5",
    "training.average-decay, 1",
    "training.max-tokens, 1",
    "job.parallelism, 1000",
  })
  void aBadValueIsNamed(String key, String value) {
    Map<String, String> settings = valid();
    settings.put(key, value);
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .asInstanceOf(type(InvalidConfigurationException.class))
        .satisfies(e -> assertThat(e.faults()).anyMatch(fault -> fault.startsWith(key + " ")));
  }

  @Test
  void allFaultsAreReportedAtOnce() {
    Map<String, String> settings = valid();
    settings.put("privacy.delta", "2");
    settings.put("training.lora.rank", "0");
    settings.put("kafka.topic.releases", "typo");
    settings.remove("releases.directory");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .asInstanceOf(type(InvalidConfigurationException.class))
        .satisfies(e -> assertThat(e.faults()).hasSize(4))
        .satisfies(
            e ->
                assertThat(e.faults())
                    .anyMatch(fault -> fault.contains("did you mean kafka.topics.releases?")));
  }

  @Test
  void placementNeedsWorkersInSlotsOfTheirOwn() {
    Map<String, String> settings = valid();
    assertThat(MurmurationConfig.of(settings).placement()).isNull();
    settings.put("placement.worker-resource", "worker");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("name a training.slot-sharing-group other than default");
    settings.put("training.slot-sharing-group", "gradients");
    PlacementConfig placement = MurmurationConfig.of(settings).placement();
    assertThat(placement.workerResource()).isEqualTo("worker");
    assertThat(placement.workerOffHeap()).isEqualTo(MemorySize.ofMebiBytes(1024));
  }

  @Test
  void noiseNeedsRoundsToBeCalibratedTo() {
    Map<String, String> settings = valid();
    settings.remove("privacy.rounds");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("privacy.noise-multiplier or privacy.rounds is required");
    settings.put("privacy.noise-multiplier", "1");
    assertThat(MurmurationConfig.of(settings).privacy().rounds()).isEmpty();
  }

  @Test
  void theRateFallsAndTheLastWeightsAreReleasedWhereTheRoundsAreKnownElseAnAverage() {
    Map<String, String> settings = valid();
    TrainingConfig planned = MurmurationConfig.of(settings).training();
    assertThat(planned.schedule()).isEqualTo(TrainingOptions.ScheduleKind.COSINE);
    assertThat(planned.releasedWeights()).isEqualTo(TrainingOptions.ReleasedWeights.LAST);
    assertThat(planned.learningRate()).isEqualTo(0.012);
    settings.remove("privacy.rounds");
    settings.put("privacy.noise-multiplier", "1");
    MurmurationConfig endless = MurmurationConfig.of(settings);
    assertThat(endless.training().schedule()).isEqualTo(TrainingOptions.ScheduleKind.CONSTANT);
    assertThat(endless.training().releasedWeights())
        .isEqualTo(TrainingOptions.ReleasedWeights.AVERAGE);
    assertThat(endless.training().learningRate()).isEqualTo(0.006);
    assertThat(endless.settings())
        .containsEntry("training.learning-rate", "0.006")
        .containsEntry("training.learning-rate-schedule", "CONSTANT")
        .containsEntry("training.released-weights", "AVERAGE");
    settings.put("training.parameters", "ALL");
    assertThat(MurmurationConfig.of(settings).training().learningRate()).isEqualTo(0.0015);
    settings.put("training.learning-rate-schedule", "COSINE");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("training.learning-rate-schedule is COSINE, which needs");
  }

  /** As far to go in fewer rounds, within what was tried. */
  @ParameterizedTest
  @CsvSource({"10, 0.006", "75, 0.006", "100, 0.0045", "150, 0.003", "1000, 0.003"})
  void theRateOfAllParametersFollowsTheRounds(String rounds, double expected) {
    Map<String, String> settings = valid();
    settings.put("training.parameters", "ALL");
    settings.put("privacy.rounds", rounds);
    assertThat(MurmurationConfig.of(settings).training().learningRate())
        .isCloseTo(expected, within(1e-12));
    settings.put("training.learning-rate", "0.001");
    assertThat(MurmurationConfig.of(settings).training().learningRate()).isEqualTo(0.001);
  }

  @Test
  void whatIsCalibratedIsNotConfigured() {
    Map<String, String> settings = valid();
    settings.put("calibration.enabled", "true");
    settings.put("calibration.population", "10000");
    settings.put("calibration.compute", "1024");
    settings.put("privacy.group-size", "4");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining(
            "privacy.sampling-probability must not be given where calibration.enabled is true")
        .hasMessageContaining("privacy.group-size must not be given")
        .hasMessageContaining("privacy.expected-units must not be given");
    settings.remove("privacy.sampling-probability");
    settings.remove("privacy.group-size");
    settings.remove("privacy.expected-units");
    MurmurationConfig config = MurmurationConfig.of(settings);
    assertThat(config.privacy().calibrated()).isTrue();
    assertThat(config.calibration().candidates()).containsExactly(1, 2, 4, 8, 16, 32);
    settings.put("privacy.sampler", "ELS");
    settings.put("contribution.windows", "1");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("must be at least 2 where ELS is calibrated");
    settings.put("calibration.candidates", "4;2");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("calibration.candidates must be ascending numbers");
  }

  @Test
  void fieldsOfRecordsAreOfFormatsThatHaveThem() {
    Map<String, String> settings = valid();
    settings.put("events.fields.text", "body.text");
    settings.put("events.time-format", "MILLIS");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("events.fields.text must not be given where events.format is AVRO")
        .hasMessageContaining("events.time-format must not be given");
    settings.put("events.format", "JSON");
    MurmurationConfig json = MurmurationConfig.of(settings);
    assertThat(json.events().paths().text()).hasToString("body.text");
    assertThat(json.events().paths().userId()).hasToString("user_id");
    assertThat(MurmurationConfig.of(json.settings())).isEqualTo(json);
    settings.put("events.fields.text", "body..text");
    settings.put("events.time-format", "WEEKS");
    settings.put("events.schema-directory", "/schemas");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("events.fields.text cannot be read: a path must be names with dots")
        .hasMessageContaining("events.time-format cannot be read")
        .hasMessageContaining("events.schema-directory must not be given");
  }

  @Test
  void aRegistryIsOfOneFormatOnly_andItsSecretsAreNotTold() {
    Map<String, String> settings = valid();
    settings.put("events.registry.url", "http://ann:hunter2@registry");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("events.registry.url must not be given where events.format is AVRO");
    settings.put("events.format", "AVRO_REGISTRY");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("must not hold credentials")
        .hasMessageNotContaining("hunter2");
    settings.put("events.registry.url", "http://ann:hunter2@a b");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("events.registry.url must be a URL")
        .hasMessageNotContaining("hunter2");
    settings.remove("events.registry.url");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("events.registry.url is required");
    settings.put("events.registry.url", "http://a:8081;http://b:8081/path");
    settings.put("events.registry.user", "ann");
    settings.put("events.registry.password", "hunter2");
    MurmurationConfig config = MurmurationConfig.of(settings);
    assertThat(config.events().registry().urls()).hasSize(2);
    assertThat(config.events().toString()).doesNotContain("hunter2");
    assertThat(MurmurationConfig.of(config.settings())).isEqualTo(config);
    settings.put("events.registry.trust-store-password", "changeit");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("is a password of events.registry.trust-store, which is not given");
  }

  @Test
  void adaptiveClippingIsOffUnlessAQuantileIsGiven() {
    Map<String, String> settings = valid();
    assertThat(MurmurationConfig.of(settings).privacy().adaptiveClipping()).isNull();
    settings.put("privacy.adaptive-clipping.quantile", "0.5");
    assertThat(MurmurationConfig.of(settings).privacy().adaptiveClipping().rate()).isEqualTo(0.2);
    settings.put("privacy.adaptive-clipping.quantile", "1");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("privacy.adaptive-clipping.quantile must be in (0, 1)");
  }

  @Test
  void underElsThePoolMustFitTheBoundThatIsAccountedFor() {
    Map<String, String> settings = valid();
    settings.put("privacy.sampler", "ELS");
    settings.put("privacy.group-size", "8");
    settings.put("contribution.examples-per-window", "3");
    settings.put("contribution.windows", "3");
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .hasMessageContaining("must be at most privacy.group-size, 8, under ELS but is 9");
    settings.put("contribution.windows", "2");
    assertThat(MurmurationConfig.of(settings).privacy().groupSize()).isEqualTo(8);
  }

  @Test
  void kafkaSettingsPassThrough() {
    Map<String, String> settings = valid();
    settings.put("kafka.properties.security.protocol", "SASL_SSL");
    assertThat(MurmurationConfig.of(settings).io().clientProperties())
        .containsEntry("security.protocol", "SASL_SSL")
        .containsEntry("bootstrap.servers", "localhost:9092");
  }

  @Test
  void aFileMayNestOrDotItsKeys(@TempDir Path dir) throws Exception {
    Path file = dir.resolve("murmuration.yaml");
    Files.writeString(
        file,
        """
        privacy:
          domain: chat
          epsilon: 8
        privacy.delta: 1e-6
        training.lora.target-modules: [q_proj, v_proj]
        """);
    assertThat(ConfigFile.read(file))
        .containsEntry("privacy.domain", "chat")
        .containsEntry("privacy.epsilon", "8")
        .containsEntry("privacy.delta", "1.0E-6")
        .containsEntry("training.lora.target-modules", "q_proj;v_proj");
  }

  @Test
  void aFileThatIsNoMappingIsRefused(@TempDir Path dir) throws Exception {
    Path file = Files.writeString(dir.resolve("bad.yaml"), "- 1\n- 2\n");
    assertThatThrownBy(() -> ConfigFile.read(file)).hasMessageContaining("must be a YAML mapping");
    assertThatThrownBy(() -> ConfigFile.read(dir.resolve("none.yaml")))
        .hasMessageContaining("There is no configuration file");
  }

  /** Run with {@code MURMURATION_WRITE_DOCS=true} in the environment to write the table anew. */
  @Test
  void theDocumentedOptionsAreTheOptions() throws Exception {
    Path docs = Path.of("docs/configuration.md");
    String expected =
        """
        # Configuration

        `murmuration run --config FILE --set key=value` reads a YAML file; keys may be nested or dotted.
        Settings below `kafka.properties.` are passed on to every Kafka client.
        The page *Configuration* of the job in Flink's web UI shows what a job runs with, by these keys: defaults and derived names included, secrets
        masked; the mechanism that follows is below `mechanism.`.

        """
            + OptionDocs.markdownTable();
    if ("true".equals(System.getenv("MURMURATION_WRITE_DOCS"))) {
      Files.writeString(docs, expected);
    }
    assertThat(docs).hasContent(expected);
  }

  private static Map<String, String> withLifetimes() {
    Map<String, String> settings = valid();
    settings.remove("privacy.rounds");
    settings.put("privacy.noise-multiplier", "1");
    settings.put("horizon.enabled", "true");
    settings.put("horizon.id-key-file", "/keys/ids");
    return settings;
  }

  @Test
  void lifetimesAreOffUnlessTheyAreAskedFor() {
    assertThat(MurmurationConfig.of(valid()).privacy().horizon()).isEqualTo(HorizonConfig.OFF);
    Map<String, String> settings = withLifetimes();
    settings.put("horizon.generations", "3");
    settings.put("horizon.new-generation", "2");
    MurmurationConfig config = MurmurationConfig.of(settings);
    assertThat(config.privacy().horizon()).isEqualTo(new HorizonConfig(true, 3, 2, "/keys/ids"));
    assertThat(MurmurationConfig.of(config.settings())).isEqualTo(config);
  }

  /** Training that never ends can neither fall to an end nor average up to one. */
  @Test
  void withLifetimesTheRateStaysAndAnAverageIsReleased() {
    for (Map<String, String> settings : List.of(withLifetimes(), withRoundsOfALifetime())) {
      TrainingConfig training = MurmurationConfig.of(settings).training();
      assertThat(training.schedule()).isEqualTo(TrainingOptions.ScheduleKind.CONSTANT);
      assertThat(training.releasedWeights()).isEqualTo(TrainingOptions.ReleasedWeights.AVERAGE);
      assertThat(training.learningRate()).isEqualTo(0.006);
      settings.put("training.released-weights", "LAST");
      assertThat(MurmurationConfig.of(settings).training().releasedWeights())
          .isEqualTo(TrainingOptions.ReleasedWeights.LAST);
      settings.put("training.learning-rate-schedule", "COSINE");
      refused(settings, "training.learning-rate-schedule must be CONSTANT", "horizon.enabled");
    }
  }

  private static Map<String, String> withRoundsOfALifetime() {
    Map<String, String> settings = withLifetimes();
    settings.remove("privacy.noise-multiplier");
    settings.put("privacy.rounds", "500");
    return settings;
  }

  @Test
  void whatLifetimesRuleOutIsRefused() {
    Map<String, String> settings = withLifetimes();
    settings.remove("horizon.id-key-file");
    settings.put("privacy.rounds", "500");
    settings.put("privacy.raise-budget", "true");
    settings.put("horizon.generations", "2");
    settings.put("horizon.new-generation", "3");
    refused(
        settings,
        "horizon.id-key-file is required",
        "privacy.rounds must not be given",
        "privacy.raise-budget must not be given",
        "horizon.new-generation must be at most horizon.generations, 2, but is 3");
    Map<String, String> none = valid();
    none.put("horizon.generations", "2");
    none.put("horizon.id-key-file", "/keys/ids");
    refused(
        none,
        "horizon.generations needs horizon.enabled: true",
        "horizon.id-key-file needs horizon.enabled: true");
  }

  @Test
  void noiseIsIndependentUnlessBandsAreAskedFor() {
    assertThat(MurmurationConfig.of(valid()).privacy().noiseBands()).isEqualTo(1);
    Map<String, String> settings = valid();
    settings.put("privacy.sampling-probability", "0.125");
    settings.put("privacy.noise-bands", "8");
    MurmurationConfig config = MurmurationConfig.of(settings);
    assertThat(config.privacy().noiseBands()).isEqualTo(8);
    assertThat(MurmurationConfig.of(config.settings())).isEqualTo(config);
  }

  @Test
  void bandsThatLeaveNoTurnsOrCannotBeCountedAreRefused() {
    Map<String, String> settings = valid();
    settings.put("privacy.sampling-probability", "0.126");
    settings.put("privacy.noise-bands", "8");
    refused(
        settings,
        "privacy.noise-bands times privacy.sampling-probability, 0.126, must be at most 1 but is 1.008");
    settings.put("privacy.noise-bands", "65");
    refused(settings, "privacy.noise-bands must be at most 64 but is 65");
    settings.put("privacy.noise-bands", "0");
    refused(settings, "privacy.noise-bands must be at least 1 but is 0");
    Map<String, String> lifetimes = withLifetimes();
    lifetimes.put("privacy.noise-bands", "2");
    refused(lifetimes, "privacy.noise-bands must be 1 where horizon.enabled is true but is 2");
    Map<String, String> calibrated = valid();
    calibrated.put("calibration.enabled", "true");
    calibrated.put("privacy.noise-bands", "2");
    refused(calibrated, "privacy.noise-bands must be 1 where calibration.enabled is true but is 2");
  }

  @Test
  void lifetimesAreNotRecalibrated() {
    Map<String, String> settings = withRoundsOfALifetime();
    settings.remove("privacy.sampling-probability");
    settings.remove("privacy.expected-units");
    settings.put("calibration.enabled", "true");
    settings.put("calibration.population", "10000");
    settings.put("calibration.compute", "512");
    assertThat(MurmurationConfig.of(settings).privacy().calibrated()).isTrue();
    settings.put("calibration.recalibrations", "1");
    refused(settings, "calibration.recalibrations must be 0", "another generation");
  }

  private static void refused(Map<String, String> settings, String... faults) {
    assertThatThrownBy(() -> MurmurationConfig.of(settings))
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContainingAll(faults);
  }
}
