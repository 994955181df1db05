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
 * @param count null if no stretch of the user has ended, and where users have no lifetime
 */
public record UserFootprint(
    int windows,
    int examples,
    long eventsSeen,
    boolean waiting,
    Optional<SamplingSchedule> schedule,
    long bytes,
    Count count) {

  /**
   * What counted of a user's lifetime in stretches that have ended.
   *
   * @param rounds that counted, at least 0
   * @param retired whether the user may take part no more
   */
  public record Count(long rounds, boolean retired) {}

  public UserFootprint {
    Objects.requireNonNull(schedule, "schedule");
  }

  /** Measures a user whose pool, examples and count have {@code bytes} in all. */
  static UserFootprint of(UserPool pool, Count count, long bytes) {
    return new UserFootprint(
        pool.windowCount(),
        pool.size(),
        pool.eventsSeen(),
        pool.hasProvisional(),
        pool.schedule(),
        bytes,
        count);
  }

  /** Measures a user of whom nothing is kept but the count. */
  static UserFootprint ofCountAlone(Count count, long bytes) {
    return new UserFootprint(
        /* windows= */ 0,
        /* examples= */ 0,
        /* eventsSeen= */ 0,
        /* waiting= */ false,
        Optional.empty(),
        bytes,
        count);
  }
}
