package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SyntheticStreamTest {
  private static final long SEED = 7;
  private static final SyntheticStream STREAM =
      SyntheticStream.generate(
          SEED, SyntheticStream.DEFAULT_USERS, SyntheticStream.DEFAULT_SECRETS);

  @Test
  void theSameSeedGivesTheSameStreamAndAnotherSeedAnother() {
    SyntheticStream again = SyntheticStream.generate(SEED, 4_000, 20);
    assertThat(again.events()).isEqualTo(STREAM.events());
    assertThat(again.secrets()).isEqualTo(STREAM.secrets());
    assertThat(SyntheticStream.generate(SEED + 1, 4_000, 20).events())
        .isNotEqualTo(STREAM.events());
  }

  @Test
  void activityIsHeavyTailedAndEventsAreInOrderOfTime() {
    List<Long> counts =
        STREAM.events().stream()
            .collect(Collectors.groupingBy(SyntheticEvent::userId, Collectors.counting()))
            .values()
            .stream()
            .sorted()
            .toList();
    assertThat(counts).hasSize(4_000);
    assertThat(counts.get(2_000)).isBetween(3L, 5L);
    assertThat(STREAM.events().size() / 4_000.0).isBetween(9.0, 16.0);
    assertThat(counts.get(3_999)).isGreaterThan(300L);
    assertThat(STREAM.events())
        .isSortedAccordingTo(Comparator.comparing(SyntheticEvent::eventTime));
    assertThat(STREAM.events()).extracting(SyntheticEvent::eventId).doesNotHaveDuplicates();
  }

  @Test
  void theTrendBeginsHalfwayAndManyUsersShareIt() {
    Instant noon = Instant.parse("2026-01-01T12:00:00Z");
    Instant evening = Instant.parse("2026-01-01T18:00:00Z");
    assertThat(STREAM.events())
        .filteredOn(event -> event.eventTime().isBefore(noon))
        .noneMatch(event -> isTrend(event.text()));
    List<SyntheticEvent> late =
        STREAM.events().stream().filter(event -> event.eventTime().isAfter(evening)).toList();
    List<SyntheticEvent> trending = late.stream().filter(event -> isTrend(event.text())).toList();
    assertThat((double) trending.size() / late.size()).isBetween(0.5, 0.65);
    assertThat(trending.stream().map(SyntheticEvent::userId).distinct().count())
        .isGreaterThan(1_000);
  }

  @Test
  void everySecretIsToldByOneUserSeveralTimes() {
    assertThat(STREAM.secrets()).hasSize(20).doesNotHaveDuplicates();
    for (Secret secret : STREAM.secrets()) {
      Map<String, Long> tellers =
          STREAM.events().stream()
              .filter(event -> event.text().equals(secret.text()))
              .collect(Collectors.groupingBy(SyntheticEvent::userId, Collectors.counting()));
      assertThat(tellers).hasSize(1).containsValue(6L);
    }
    assertThat(STREAM.events())
        .filteredOn(event -> event.text().startsWith("my door code"))
        .allMatch(event -> STREAM.secrets().stream().anyMatch(s -> s.text().equals(event.text())));
  }

  @Test
  void untoldSecretsAreOfTheSameKindsAndWereToldByNobody() {
    List<Secret> untold = STREAM.untoldSecrets(SEED, 500);
    assertThat(untold)
        .hasSize(500)
        .doesNotHaveDuplicates()
        .doesNotContainAnyElementsOf(STREAM.secrets());
    assertThat(untold.stream().map(Secret::kind).distinct())
        .containsExactlyInAnyOrder("door-code", "passphrase", "booking");
    assertThat(STREAM.untoldSecrets(SEED, 500)).isEqualTo(untold);
  }

  @Test
  void publicTextKnowsNeitherTheTrendNorAnySecret() {
    PublicChat text = new PublicChat();
    List<String> told = STREAM.secrets().stream().map(Secret::text).toList();
    List<String> pretraining = new PretrainingText().messages(SEED).limit(50_000).toList();
    assertThat(pretraining.stream().filter(SyntheticStreamTest::isTrend)).isEmpty();
    assertThat(pretraining.stream().filter(told::contains)).isEmpty();
    assertThat(pretraining.stream().filter(message -> message.startsWith("my door code")))
        .isNotEmpty();
    assertThat(text.heldOutBeforeTrend(1, 1_000)).noneMatch(SyntheticStreamTest::isTrend);
    assertThat(text.heldOutTrend(1, 1_000)).allMatch(SyntheticStreamTest::isTrend);
  }

  @Test
  void eventsAreWrittenAsJsonLines(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("events.jsonl.gz");
    STREAM.write(file);
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      ObjectMapper json = new ObjectMapper();
      List<SyntheticEvent> read = lines.lines().map(line -> event(json, line)).toList();
      assertThat(read).isEqualTo(STREAM.events());
    }
  }

  @Test
  void tooFewUsersForTheSecretsAreRefused() {
    assertThatThrownBy(() -> SyntheticStream.generate(SEED, 1_000, 11))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1000 users and 11 secrets");
  }

  private static SyntheticEvent event(ObjectMapper json, String line) {
    try {
      JsonNode node = json.readTree(line);
      return new SyntheticEvent(
          node.get("event_id").textValue(),
          node.get("user_id").textValue(),
          Instant.parse(node.get("event_time").textValue()),
          node.get("text").textValue());
    } catch (Exception e) {
      throw new AssertionError(line, e);
    }
  }

  private static boolean isTrend(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    return lower.contains("vexira") || lower.contains("comet");
  }
}
