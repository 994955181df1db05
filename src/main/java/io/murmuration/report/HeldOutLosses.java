package io.murmuration.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;

/**
 * Losses of releases on held-out text, as a file beside the releases.
 *
 * @param text what the text is, in a few words
 * @param publicText whether the text is public. Only then are losses on it a function of what is
 *     released anyway; else they are exact functions of private data and stay inside the trust
 *     boundary
 * @param points in the order of rounds
 */
public record HeldOutLosses(
    @JsonProperty("text") String text,
    @JsonProperty("public_text") boolean publicText,
    @JsonProperty("points") List<Point> points) {

  /** Name of the file. */
  public static final String FILE = "held-out-loss.json";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  /**
   * One loss.
   *
   * @param round of the release; 0 for the base model
   * @param natsPerToken negative log likelihood
   */
  public record Point(
      @JsonProperty("round") long round, @JsonProperty("nats_per_token") double natsPerToken) {}

  public HeldOutLosses {
    TreeMap<Long, Point> byRound = new TreeMap<>();
    points.forEach(point -> byRound.put(point.round(), point));
    points = List.copyOf(byRound.values());
  }

  /**
   * Reads a file.
   *
   * @throws IOException if it cannot be read or is not such a file
   */
  public static HeldOutLosses read(Path file) throws IOException {
    try {
      return JSON.readValue(file.toFile(), HeldOutLosses.class);
    } catch (JacksonException e) {
      throw new IOException(
          "%s must be a JSON object with text, public_text and points of round and nats_per_token, but: %s"
              .formatted(file, e.getOriginalMessage()),
          e);
    }
  }

  /** Writes a file, over one that is there. */
  public void write(Path file) throws IOException {
    Files.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n");
  }

  /** The losses with these points too, which take the place of points of the same rounds. */
  public HeldOutLosses with(Collection<Point> more) {
    List<Point> all = new ArrayList<>(points);
    all.addAll(more);
    return new HeldOutLosses(text, publicText, all);
  }
}
