package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.contribution.SamplerIdentity;
import io.murmuration.privacy.budget.HorizonTerms;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfiguredLifetimesTest {

  private static final InputTopic TWO_PARTITIONS =
      () ->
          new InputTopic.Connection() {
            @Override
            public InputOffsets read() {
              return new InputOffsets("cluster", "topic", List.of(0L, 0L), List.of(0L, 0L));
            }

            @Override
            public void close() {
              // nothing to close
            }
          };

  @TempDir private Path directory;
  private Path key;

  @BeforeEach
  void writeKey() throws Exception {
    key = Files.write(directory.resolve("id.key"), new byte[32]);
  }

  private JobConfigs config() {
    return JobConfigs.in(directory)
        .with("horizon.enabled", "true")
        .with("horizon.generations", "3")
        .with("horizon.id-key-file", key.toString());
  }

  private static ConfiguredLifetimes of(JobConfigs config) {
    return ConfiguredLifetimes.of(config.config(), TWO_PARTITIONS);
  }

  @Test
  void areNone_whereTheBudgetIsTheDomains() {
    assertThat(ConfiguredLifetimes.of(JobConfigs.in(directory).config())).isEmpty();
  }

  @Test
  void holdStateAndLedgerToTheSame() {
    ConfiguredLifetimes lifetimes = of(config());
    SamplerIdentity identity = lifetimes.identity();
    HorizonTerms terms = lifetimes.terms(config().config().privacy().horizon());
    assertThat(identity.partitions()).isEqualTo(2);
    assertThat(terms.generations()).isEqualTo(3);
    assertThat(terms.identity())
        .isEqualTo(
            Map.of(
                "id-key", identity.idKey(),
                "event-rules", identity.eventRules(),
                "partitions", "2"));
  }

  @ParameterizedTest
  @CsvSource({
    "events.max-text-chars, 70000",
    "events.max-user-id-bytes, 100",
    "events.max-record-bytes, 2000000",
    "events.format, JSON",
    "kafka.properties.isolation.level, read_uncommitted",
    "events.truncation, CHARACTERS",
    "events.kept-text-chars, 4000",
    "training.max-tokens, 33"
  })
  void anotherRuleForEvents_isAnotherFingerprint(String option, String value) {
    assertThat(of(config().with(option, value)).eventRules())
        .isNotEqualTo(of(config()).eventRules());
  }

  @Test
  void anotherTokenizer_isAnotherRule() throws Exception {
    String before = of(config()).eventRules();
    Path tokenizer = directory.resolve("base-model").resolve("tokenizer.json");
    JobConfigs other = config();
    Files.writeString(tokenizer, Files.readString(tokenizer) + " ");
    assertThat(of(other).eventRules()).isNotEqualTo(before);
  }

  @Test
  void theSameModelByItsUri_isNoOtherRule() {
    String uri = directory.resolve("base-model").toUri().toString();
    assertThat(of(config().with("training.model", uri)).eventRules())
        .isEqualTo(of(config()).eventRules());
  }

  @ParameterizedTest
  @CsvSource({
    "contribution.window-ticks, 77",
    "privacy.round-interval, 7 s",
    "job.checkpoint-interval, 7 s"
  })
  void whatDecidesAboutNoRecord_isNoRule(String option, String value) {
    assertThat(of(config().with(option, value)).eventRules()).isEqualTo(of(config()).eventRules());
  }

  @Test
  void needAKeyThatNobodyGuesses() throws Exception {
    Files.write(key, new byte[8]);
    assertThatThrownBy(() -> of(config())).hasMessageContaining("at least 32 bytes");
  }
}
