package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.EventFile.Event;
import io.murmuration.event.EventFile.Fault;
import io.murmuration.event.EventFile.Line;
import io.murmuration.model.SharedModels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that other programs read wrongly in silence. */
class SharedEventCasesTest {

  /** Which lines are events; all others are faults. */
  @ParameterizedTest
  @CsvSource({
    "two-objects.jsonl, 2, 2",
    "junk-behind.jsonl, 1, 0",
    "latin1.jsonl, 2, 0",
    "half-pairs.jsonl, 2, 0",
    "prompt-list.jsonl, 1, 0",
    "instant-max.jsonl, 3, 1 3",
    "bom.jsonl, 2, 1 2",
    "bad-third-line.jsonl, 3, 1 2",
  })
  void onlyWhatIsCertainIsAnEvent(String file, int lines, String events) throws IOException {
    List<Line> read = read(file);
    assertThat(read).hasSize(lines);
    List<String> numbers =
        read.stream()
            .filter(Event.class::isInstance)
            .map(line -> String.valueOf(line.number()))
            .toList();
    assertThat(String.join(" ", numbers)).isEqualTo(events.equals("0") ? "" : events);
  }

  @Test
  void aFaultNamesFileAndLine() throws IOException {
    Fault third = (Fault) read("bad-third-line.jsonl").get(2);
    assertThat(third.in("bad-third-line.jsonl"))
        .startsWith("line 3 of bad-third-line.jsonl: not one JSON object");
  }

  private static List<Line> read(String file) throws IOException {
    List<Line> lines = new ArrayList<>();
    try (EventFile events = EventFile.open(SharedModels.path("cases/" + file))) {
      for (Optional<Line> line = events.next(); line.isPresent(); line = events.next()) {
        lines.add(line.get());
      }
    }
    return lines;
  }
}
