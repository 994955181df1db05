package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.EventFile.Event;
import io.murmuration.event.EventFile.Fault;
import io.murmuration.event.EventFile.Line;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  private static final String GOOD =
      "{\"user_id\":\"ann\",\"event_time\":\"2026-01-01T00:00:00Z\",\"text\":\"h\u00e9\"}";

  @Test
  void linesAreNumberedFromOneAndBlankOnesPassedOver() throws IOException {
    List<Line> lines = read("\n" + GOOD + "\n   \n" + GOOD.replace("}", ",\"bot\":true}"));
    assertThat(lines).extracting(Line::number).containsExactly(2L, 4L);
    Event first = (Event) lines.get(0);
    assertThat(first.bot()).isFalse();
    assertThat(first.interaction().getEventId()).isEqualTo("test:2");
    assertThat(first.interaction().getUserId()).isEqualTo("ann");
    assertThat(first.interaction().getEventTime()).isEqualTo(Instant.parse("2026-01-01T00:00:00Z"));
    assertThat(first.interaction().getPrompt()).isNull();
    assertThat(first.interaction().getText()).isEqualTo("h\u00e9");
    assertThat(((Event) lines.get(1)).bot()).isTrue();
  }

  @Test
  void everyKindOfFaultNamesItsReasonAndReadingGoesOn() throws IOException {
    List<Line> lines =
        read(
            String.join(
                "\n",
                "{\"user_id\":",
                "[1]",
                GOOD.replace("user_id", "user"),
                GOOD.replace("\"ann\"", "7"),
                GOOD.replace("2026-01-01", "yesterday"),
                GOOD.replace("text", "body"),
                GOOD));
    assertThat(lines.subList(0, 6)).allMatch(Fault.class::isInstance);
    assertThat(lines.subList(0, 6))
        .extracting(line -> ((Fault) line).reason())
        .satisfiesExactly(
            reason -> assertThat(reason).startsWith("not one JSON object"),
            reason -> assertThat(reason).contains("a JSON object is required"),
            reason -> assertThat(reason).contains("user_id"),
            reason -> assertThat(reason).contains("user_id"),
            reason -> assertThat(reason).contains("event_time"),
            reason -> assertThat(reason).contains("text"));
    assertThat(lines.get(6)).isInstanceOf(Event.class);
  }

  @Test
  void aFieldOfAnotherTypeIsAFaultAndIsNotMadeToFit() throws IOException {
    List<Line> lines =
        read(
            String.join(
                "\n",
                GOOD.replace("}", ",\"prompt\":[{\"role\":\"user\",\"content\":\"hi\"}]}"),
                GOOD.replace("}", ",\"prompt\":7}"),
                GOOD.replace("}", ",\"bot\":\"true\"}"),
                GOOD.replace("}", ",\"erase\":1}"),
                GOOD.replace("}", ",\"event_id\":{}}"),
                GOOD.replace("\"ann\"", "null"),
                GOOD.replace("ann", "a\\ud83d"),
                GOOD.replace("h\u00e9", "a\\udc00b"),
                GOOD.replace("\"2026-01-01T00:00:00Z\"", "1767225600"),
                GOOD.replace("2026-01-01", "+1000000000-12-31"),
                GOOD.replace("ann", "bob\",\"user_id\":\"ann")));
    assertThat(lines).hasSize(11).allMatch(Fault.class::isInstance);
    assertThat(lines)
        .extracting(line -> ((Fault) line).reason())
        .satisfiesExactly(
            reason -> assertThat(reason).isEqualTo("prompt must be a string, found a list"),
            reason -> assertThat(reason).isEqualTo("prompt must be a string, found a number"),
            reason -> assertThat(reason).isEqualTo("bot must be true or false, found a string"),
            reason -> assertThat(reason).startsWith("erase must be true or false"),
            reason -> assertThat(reason).startsWith("event_id must be a string"),
            reason -> assertThat(reason).isEqualTo("a string user_id is required"),
            reason -> assertThat(reason).isEqualTo("user_id holds half of a surrogate pair"),
            reason -> assertThat(reason).isEqualTo("text holds half of a surrogate pair"),
            reason -> assertThat(reason).startsWith("event_time must be a string"),
            reason -> assertThat(reason).contains("event_time lies further from 1970"),
            reason -> assertThat(reason).contains("Duplicate"));
  }

  @Test
  void whatMayBeMissingMayBeNull() throws IOException {
    Event event =
        (Event)
            read(GOOD.replace("}", ",\"prompt\":null,\"bot\":null,\"erase\":null,\"event_id\":7}"))
                .get(0);
    assertThat(event.bot()).isFalse();
    assertThat(event.interaction().getErase()).isFalse();
    assertThat(event.interaction().getPrompt()).isNull();
    assertThat(event.interaction().getEventId()).isEqualTo("7");
  }

  @Test
  void anErasureNeedsNoText() throws IOException {
    Event event = (Event) read(GOOD.replace("\"text\":\"h\u00e9\"", "\"erase\":true")).get(0);
    assertThat(event.interaction().getErase()).isTrue();
    assertThat(event.interaction().getText()).isEmpty();
  }

  @Test
  void compressedFilesAreReadByTheirName(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("events.jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(GOOD.getBytes(StandardCharsets.UTF_8));
    }
    try (EventFile events = EventFile.open(file)) {
      Event event = (Event) events.next().orElseThrow();
      assertThat(event.interaction().getEventId()).isEqualTo("events.jsonl.gz:1");
      assertThat(events.next()).isEmpty();
    }
  }

  private static List<Line> read(String text) throws IOException {
    List<Line> lines = new ArrayList<>();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    try (EventFile file = new EventFile(new ByteArrayInputStream(bytes), "test")) {
      for (Optional<Line> line = file.next(); line.isPresent(); line = file.next()) {
        lines.add(line.get());
      }
    }
    return lines;
  }
}
