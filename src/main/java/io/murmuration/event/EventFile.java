package io.murmuration.event;

import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * Reads events from {@link JsonLines}: {@code user_id}, {@code event_time} (ISO 8601), {@code
 * text}, and optionally {@code event_id}, {@code prompt}, {@code bot} and {@code erase}, which
 * needs no text. A field of another type is a fault, and so is half of a surrogate pair in a
 * string: no Kafka record could carry it. The rules for what the job accepts, such as lengths, are
 * the job's. Not thread-safe.
 */
public final class EventFile implements AutoCloseable {
  private static final FieldPaths PATHS = FieldPaths.DEFAULTS;
  private static final FieldPath BOT = FieldPath.of("bot");

  private final JsonLines lines;
  private final String name;

  /** A line of the file, counted from 1. */
  public sealed interface Line permits Event, Fault {
    /** The number of the line. */
    long number();
  }

  /** A line that holds an event. */
  public record Event(long number, Interaction interaction, boolean bot) implements Line {}

  /** A line that does not, with the reason. */
  public record Fault(long number, String reason) implements Line {

    /** Line, file and reason, for messages. */
    public String in(Object file) {
      return new JsonLines.Fault(number, reason).in(file);
    }
  }

  /**
   * @param in plain or gzip; closed with this reader
   * @param name prefix of the ids of events that have none of their own
   * @throws IOException when not even its beginning can be read
   */
  public EventFile(InputStream in, String name) throws IOException {
    this.lines = new JsonLines(in, name);
    this.name = name;
  }

  /**
   * Opens a file, plain or gzip.
   *
   * @throws IOException when it cannot be read
   */
  public static EventFile open(Path file) throws IOException {
    return new EventFile(Files.newInputStream(file), file.getFileName().toString());
  }

  /**
   * The next line that is not blank, or nothing at the end.
   *
   * @throws IOException naming the file and the line that could not be read
   */
  public Optional<Line> next() throws IOException {
    return lines.next().map(this::event);
  }

  private Line event(JsonLines.Line line) {
    if (line instanceof JsonLines.Fault fault) {
      return new Fault(fault.number(), fault.reason());
    }
    JsonObject value = ((JsonLines.Value) line).object();
    try {
      boolean erase = value.flag(PATHS.erase());
      String id = value.id(PATHS.eventId());
      Interaction interaction =
          Interaction.newBuilder()
              .setUserId(value.requiredText(PATHS.userId()))
              .setEventTime(Instant.ofEpochMilli(value.millis(PATHS.eventTime(), TimeFormat.ISO)))
              .setText(erase ? "" : value.requiredText(PATHS.text()))
              .setPrompt(erase ? null : value.text(PATHS.prompt()))
              .setEventId(id == null ? name + ":" + line.number() : id)
              .setErase(erase)
              .build();
      return new Event(line.number(), interaction, value.flag(BOT));
    } catch (IllegalArgumentException e) {
      return new Fault(line.number(), e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
