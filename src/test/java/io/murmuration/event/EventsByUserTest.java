package io.murmuration.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventsByUserTest {

  private static final String EVENT =
      "{\"user_id\": \"%s\", \"event_time\": \"2026-01-01T00:00:00Z\", \"text\": \"%s\", \"bot\":"
          + " %b}";

  @TempDir Path directory;

  @Test
  void eachUsersEventsAreInTheOrderOfTheFile() throws IOException {
    Path file =
        write(
            EVENT.formatted("bea", "one", false),
            EVENT.formatted("al", "two", false),
            "",
            EVENT.formatted("bea", "three", false));

    Map<String, List<Interaction>> users = EventsByUser.read(file, /* bots= */ false);

    assertThat(users.keySet()).containsExactly("al", "bea");
    assertThat(users.get("bea")).extracting(Interaction::getText).containsExactly("one", "three");
  }

  @Test
  void botsCountWhereAskedFor() throws IOException {
    Path file = write(EVENT.formatted("al", "hello", false), EVENT.formatted("bot", "beep", true));

    assertThat(EventsByUser.read(file, /* bots= */ false)).containsOnlyKeys("al");
    assertThat(EventsByUser.read(file, /* bots= */ true)).containsOnlyKeys("al", "bot");
  }

  @Test
  void aFaultIsNamedByItsLine() throws IOException {
    Path file = write(EVENT.formatted("al", "hello", false), "{}");

    assertThatThrownBy(() -> EventsByUser.read(file, /* bots= */ false))
        .hasMessageContaining("line 2 of " + file + ": a string user_id is required");
  }

  @Test
  void noEventAtAllIsRefused() throws IOException {
    Path file = write(EVENT.formatted("bot", "beep", true));

    assertThatThrownBy(() -> EventsByUser.read(file, /* bots= */ false))
        .hasMessageContaining("at least one event");
  }

  private Path write(String... lines) throws IOException {
    return Files.write(directory.resolve("events.jsonl"), List.of(lines));
  }
}
