package io.murmuration.planning;

import java.time.Duration;
import java.util.Locale;

/**
 * How long a round may take, against its interval; arithmetic on public numbers and on the speed of
 * a machine. A round that does not fit its interval shows, see docs/guarantee.md, "Times".
 *
 * <p>The number of units in a round is random with the expected cohort as its mean, and at most a
 * root of it as its deviation: {@link #DEVIATIONS} of them above it are passed once in a billion
 * rounds. Each counts with as many examples as it may have, each as long as may be, one at a time.
 * So this is more than a round takes, by as much as texts are shorter and passes are shared.
 *
 * @param example of the longest example's gradient on this machine
 * @param expectedUnits M or B &gt; 0
 * @param examplesPerUnit G where units are users, 1 where they are examples
 * @param interval the round interval, positive
 */
public record RoundDuration(
    Duration example, double expectedUnits, int examplesPerUnit, Duration interval) {

  private static final int DEVIATIONS = 6;

  public RoundDuration {
    if (example.isNegative()
        || !(expectedUnits > 0)
        || examplesPerUnit < 1
        || interval.isNegative()
        || interval.isZero()) {
      throw new IllegalArgumentException(
          "a duration that is not negative, positive units and examples, and a positive interval are required but given are %s, %s, %d, %s"
              .formatted(example, expectedUnits, examplesPerUnit, interval));
    }
  }

  /** What a round takes at most. */
  public Duration atMost() {
    double units = expectedUnits + DEVIATIONS * Math.sqrt(expectedUnits);
    return Duration.ofMillis(
        (long) Math.ceil(units * examplesPerUnit * example.toNanos() / 1_000_000.0));
  }

  /** Whether it fits for certain. */
  public boolean fits() {
    return atMost().compareTo(interval) <= 0;
  }

  /** What it is, and where it may not fit what to do. */
  @Override
  public String toString() {
    String said =
        String.format(
            Locale.ROOT,
            "A round takes at most %.3g s on this machine (%.4g units of up to %d examples, %.3g s for"
                + " the longest); its interval is %.4g s.",
            seconds(atMost()),
            expectedUnits,
            examplesPerUnit,
            seconds(example),
            seconds(interval));
    return fits()
        ? said
        : said
            + " Rounds that do not fit, their checkpoint included, are named in the public ledger, since"
            + " that tells of their size: lengthen privacy.round-interval, or compare private.roundMillis"
            + " of a trial on public text.";
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }
}
