package io.murmuration.cli;

import io.murmuration.planning.HorizonPlan;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Option;

/** What commands ask and answer about a lifetime of ε for each user. */
final class LifetimeOptions {

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

  @Option(
      names = "--generations",
      paramLabel = "N",
      description =
          "With --horizon: lifetimes that the budget is divided for, equally. Default: 1.")
  private Integer generations;

  /** Whether something that needs {@code --horizon} was given. */
  boolean isSpecified() {
    return roundInterval != null || generations != null;
  }

  int generations() {
    return generations == null ? 1 : generations;
  }

  /**
   * What a lifetime costs at most: an equal part of the budget.
   *
   * @throws IllegalArgumentException naming what is out of range
   */
  PrivacyLoss share(double epsilon, double delta) {
    if (generations() < 1) {
      throw new IllegalArgumentException(
          "--generations must be at least 1 but is " + generations());
    }
    return Genesis.shareOf(PrivacyLoss.budget("budget", epsilon, delta), generations());
  }

  boolean isAsked() {
    return asked;
  }

  /**
   * Adds how long a horizon lasts and how many new users a round it needs, where they can be told.
   *
   * @param expectedUnits null if unknown
   */
  void describe(HorizonPlan horizon, Double expectedUnits, Map<String, Object> answer) {
    if (roundInterval != null) {
      answer.put("horizon_seconds", horizon.lasts(roundInterval).toMillis() / 1000.0);
    }
    if (expectedUnits != null) {
      answer.put("new_users_per_round", horizon.newUsersPerRound(expectedUnits));
    }
  }
}
