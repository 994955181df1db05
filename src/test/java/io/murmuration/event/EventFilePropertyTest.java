package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.event.EventFile.Event;
import io.murmuration.event.EventFile.Fault;
import io.murmuration.event.EventFile.Line;
import io.murmuration.event.avro.Interaction;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class EventFilePropertyTest {

  private static final String TIME = "2026-01-01T00:00:00Z";

  /** Any UTF-16 units: pairs, halves, controls. */
  @Provide
  Arbitrary<String> units() {
    Arbitrary<Character> any = Arbitraries.chars().all();
    Arbitrary<Character> surrogates = Arbitraries.chars().range('\ud800', '\udfff');
    return Arbitraries.oneOf(any, surrogates, Arbitraries.chars().ascii())
        .list()
        .ofMinSize(1)
        .ofMaxSize(12)
        .map(
            list -> {
              StringBuilder text = new StringBuilder();
              list.forEach(text::append);
              return text.toString();
            });
  }

  @Property(seed = "20")
  void anIdIsReadAsItWasWrittenOrNotAtAll(@ForAll("units") String id, @ForAll("units") String text)
      throws IOException {
    StringBuilder escaped = new StringBuilder("{\"user_id\":\"");
    for (char unit : id.toCharArray()) {
      escaped.append("\\u%04x".formatted((int) unit));
    }
    ObjectNode rest = new ObjectMapper().createObjectNode().put("event_time", TIME);
    rest.put("text", WellFormed.isWellFormed(text) ? text : "fine");
    escaped.append("\",").append(rest.toString().substring(1));

    List<Line> lines = read(escaped.toString().getBytes(StandardCharsets.UTF_8));

    assertThat(lines).hasSize(1);
    if (WellFormed.isWellFormed(id)) {
      Interaction interaction = ((Event) lines.get(0)).interaction();
      assertThat(interaction.getUserId()).isEqualTo(id);
      assertThat(interaction.getText()).isEqualTo(rest.get("text").textValue());
    } else {
      assertThat(lines.get(0)).isInstanceOf(Fault.class);
    }
  }

  @Property(seed = "20")
  void wellFormedIsWhatUtf8CarriesThereAndBack(@ForAll("units") String text) {
    String back = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    assertThat(WellFormed.isWellFormed(text)).isEqualTo(back.equals(text));
  }

  /**
   * Good lines with some bytes changed: each line is an event or a fault, and nothing is thrown.
   */
  @Property(seed = "20")
  void damagedBytesAreFaultsOrOtherEventsButNeverAnException(
      @ForAll byte[] junk, @ForAll List<Integer> where) throws IOException {
    StringBuilder good = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      good.append(
          "{\"user_id\":\"u%d\",\"event_time\":\"%s\",\"text\":\"t\",\"prompt\":null}\n"
              .formatted(i, TIME));
    }
    byte[] bytes = good.toString().getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < Math.min(junk.length, where.size()); i++) {
      bytes[Math.floorMod(where.get(i), bytes.length)] = junk[i];
    }
    long newlines = 0;
    for (byte b : bytes) {
      newlines += b == '\n' ? 1 : 0;
    }
    if (bytes[0] != 0x1f) {
      assertThat(read(bytes)).hasSizeLessThanOrEqualTo((int) newlines + 1);
    }
    byte[] inFront = Arrays.copyOf(junk, junk.length);
    if (inFront.length < 2 || inFront[0] != 0x1f) {
      read(inFront);
    }
  }

  private static List<Line> read(byte[] bytes) throws IOException {
    List<Line> lines = new ArrayList<>();
    try (EventFile file = new EventFile(new ByteArrayInputStream(bytes), "test")) {
      for (Optional<Line> line = file.next(); line.isPresent(); line = file.next()) {
        lines.add(line.get());
      }
    }
    return lines;
  }
}
