package io.murmuration.contribution;

import java.util.Objects;
import java.util.Optional;

/**
 * How much one user's state holds: numbers alone, neither the id nor a word of the texts.
 *
 * @param windows windows with examples, those not yet cleaned up included
 * @param examples examples kept
 * @param eventsSeen events that these windows have been offered
 * @param waiting whether events wait for the first tick to be known
 * @param schedule what the due ticks were drawn with, or empty for none
 * @param bytes serialized pool and examples, without keys and before any compression
 */
public record UserFootprint(
    int windows,
    int examples,
    long eventsSeen,
    boolean waiting,
    Optional<SamplingSchedule> schedule,
    long bytes) {

  public UserFootprint {
    Objects.requireNonNull(schedule, "schedule");
  }

  /** Measures a pool; pool and examples have {@code bytes} in all. */
  static UserFootprint of(UserPool pool, long bytes) {
    return new UserFootprint(
        pool.windowCount(),
        pool.size(),
        pool.eventsSeen(),
        pool.hasProvisional(),
        pool.schedule(),
        bytes);
  }
}
