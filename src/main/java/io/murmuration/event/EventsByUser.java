package io.murmuration.event;

import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Events of a whole file by user, each user's in the order of the file. */
public final class EventsByUser {

  private EventsByUser() {}

  /**
   * Reads a file of {@link EventFile}'s format into memory. An erasure drops what the user said
   * before it.
   *
   * @param bots whether events of known bots count
   * @return in the order of user ids
   * @throws IllegalArgumentException if a line is no event, or no line is one
   */
  public static Map<String, List<Interaction>> read(Path file, boolean bots) throws IOException {
    return read(
        file,
        bots,
        fault -> {
          throw new IllegalArgumentException(fault);
        });
  }

  /**
   * The same, with another answer to lines that are no event.
   *
   * @param faults is told line, file and reason
   */
  public static Map<String, List<Interaction>> read(
      Path file, boolean bots, Consumer<String> faults) throws IOException {
    Map<String, List<Interaction>> users = new TreeMap<>();
    try (EventFile events = EventFile.open(file)) {
      for (Optional<EventFile.Line> next = events.next(); next.isPresent(); next = events.next()) {
        EventFile.Line line = next.get();
        if (line instanceof EventFile.Fault fault) {
          faults.accept(fault.in(file));
          continue;
        }
        EventFile.Event event = (EventFile.Event) line;
        if (event.interaction().getErase()) {
          users.remove(event.interaction().getUserId());
        } else if (bots || !event.bot()) {
          users
              .computeIfAbsent(event.interaction().getUserId(), user -> new ArrayList<>())
              .add(event.interaction());
        }
      }
    }
    if (users.isEmpty()) {
      throw new IllegalArgumentException(file + " must hold at least one event but holds none");
    }
    return Collections.unmodifiableMap(users);
  }
}
