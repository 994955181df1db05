package io.murmuration.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.event.avro.Interaction;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * Reads events from JSON lines: {@code user_id}, {@code event_time} (ISO 8601), {@code text}, and
 * optionally {@code event_id}, {@code prompt} and {@code bot}. Blank lines are passed over; the
 * rules for what the job accepts, such as lengths, are the job's. Not thread-safe.
 */
public final class EventFile implements AutoCloseable {
  private final ObjectMapper json = new ObjectMapper();
  private final BufferedReader lines;
  private final String name;
  private long number;

  /** A line of the file, counted from 1. */
  public sealed interface Line permits Event, Fault {
    /** The number of the line. */
    long number();
  }

  /** A line that holds an event. */
  public record Event(long number, Interaction interaction, boolean bot) implements Line {}

  /** A line that does not, with the reason. */
  public record Fault(long number, String reason) implements Line {}

  /**
   * @param in uncompressed; closed with this reader
   * @param name prefix of the ids of events that have none of their own
   */
  public EventFile(InputStream in, String name) {
    this.lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    this.name = name;
  }

  /**
   * Opens a file, decompressing it if its name ends in {@code .gz}.
   *
   * @throws IOException when it cannot be read
   */
  public static EventFile open(Path file) throws IOException {
    InputStream raw = Files.newInputStream(file);
    try {
      boolean compressed = file.toString().endsWith(".gz");
      InputStream in = compressed ? new GZIPInputStream(raw, 1 << 16) : raw;
      return new EventFile(in, file.getFileName().toString());
    } catch (IOException | RuntimeException e) {
      raw.close();
      throw e;
    }
  }

  /** The next line that is not blank, or nothing at the end. */
  public Optional<Line> next() throws IOException {
    String line = lines.readLine();
    while (line != null) {
      number++;
      if (!line.isBlank()) {
        return Optional.of(parse(line));
      }
      line = lines.readLine();
    }
    return Optional.empty();
  }

  private Line parse(String line) {
    try {
      JsonNode node = json.readTree(line);
      Interaction interaction =
          Interaction.newBuilder()
              .setEventId(node.path("event_id").asText(name + ":" + number))
              .setUserId(required(node, "user_id"))
              .setEventTime(Instant.parse(required(node, "event_time")))
              .setPrompt(node.path("prompt").textValue())
              .setText(required(node, "text"))
              .build();
      return new Event(number, interaction, node.path("bot").asBoolean());
    } catch (JsonProcessingException e) {
      return new Fault(number, "not JSON: " + e.getOriginalMessage());
    } catch (DateTimeParseException e) {
      return new Fault(number, "event_time is not an ISO 8601 instant");
    } catch (IllegalArgumentException e) {
      return new Fault(number, e.getMessage());
    }
  }

  private static String required(JsonNode node, String field) {
    String value = node.path(field).textValue();
    if (value == null) {
      throw new IllegalArgumentException("a string %s is required".formatted(field));
    }
    return value;
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
