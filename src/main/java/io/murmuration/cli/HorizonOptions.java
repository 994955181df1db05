package io.murmuration.cli;

import io.murmuration.planning.Horizon;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Option;

/** What commands ask and answer about a lifetime of ε for each user. */
final class HorizonOptions {

  @Option(
      names = "--horizon",
      description =
          "Ask for the most rounds that one user's words may influence, for ever, at the budget.")
  private boolean asked;

  @Option(
      names = "--round-interval",
      paramLabel = "DURATION",
      converter = DurationConverter.class,
      description = "With --horizon: the time from round to round; answers how long they last.")
  private Duration roundInterval;

  boolean isAsked() {
    return asked;
  }

  boolean hasInterval() {
    return roundInterval != null;
  }

  /**
   * Adds how long a horizon lasts and how many new users a round it needs, where they can be told.
   *
   * @param expectedUnits null if unknown
   */
  void describe(Horizon horizon, Double expectedUnits, Map<String, Object> answer) {
    if (roundInterval != null) {
      answer.put("horizon_seconds", horizon.lasts(roundInterval).toMillis() / 1000.0);
    }
    if (expectedUnits != null) {
      answer.put("new_users_per_round", horizon.newUsersPerRound(expectedUnits));
    }
  }
}
