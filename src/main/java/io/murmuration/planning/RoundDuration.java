package io.murmuration.planning;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * How long a round may take, against its interval; arithmetic on public numbers and on the speed of
 * a machine. A round that does not fit its interval shows, see docs/guarantee.md, "Times".
 *
 * <p>The number of units that come to a worker in a round is random. {@link #DEVIATIONS} deviations
 * above its mean are passed once in a billion rounds. Each unit counts with as many examples as it
 * may have, each as long as may be, one at a time. So this is more than a round takes, by as much
 * as texts are shorter and passes are shared.
 *
 * <p>Workers share a round's users by hashes of their ids, and are counted as if each had a machine
 * like this one to itself.
 *
 * @param example of the longest example's gradient on this machine
 * @param loads of the kinds of rounds that there may be; at least one
 * @param workers that take gradients, at least 1
 * @param interval the round interval, positive
 */
public record RoundDuration(Duration example, List<Load> loads, int workers, Duration interval) {

  /** A normal quantity is more than 6 deviations above its mean with probability 1e-9. */
  private static final int DEVIATIONS = 6;

  /**
   * What a kind of round has to do.
   *
   * @param round of what kind, for people
   * @param expectedUnits on average, &gt; 0
   * @param examplesPerUnit the most gradients that a unit takes, at least 1
   * @param variancePerUnit of the number of units, as a multiple of its mean: 1 where units are
   *     drawn independently of each other, 1 + G·p at most where they are examples and a user's
   *     come to one worker
   */
  public record Load(
      String round, double expectedUnits, int examplesPerUnit, double variancePerUnit) {

    public Load {
      if (!(expectedUnits > 0 && variancePerUnit >= 1) || examplesPerUnit < 1) {
        throw new IllegalArgumentException(
            "positive units and examples and a variance of at least 1 are required but %s has %s, %d, %s"
                .formatted(round, expectedUnits, examplesPerUnit, variancePerUnit));
      }
    }

    /** Users as units, or whatever else is drawn independently of each other. */
    public Load(String round, double expectedUnits, int examplesPerUnit) {
      this(round, expectedUnits, examplesPerUnit, /* variancePerUnit= */ 1);
    }

    /** The most gradients of one of so many workers. */
    private double examples(int workers) {
      double mean = expectedUnits / workers;
      return examplesPerUnit * (mean + DEVIATIONS * Math.sqrt(variancePerUnit * mean));
    }
  }

  public RoundDuration {
    if (example.isNegative()
        || loads.isEmpty()
        || workers < 1
        || interval.isNegative()
        || interval.isZero()) {
      throw new IllegalArgumentException(
          "a duration that is not negative, a kind of round, a worker and a positive interval are required but given are %s, %s, %d, %s"
              .formatted(example, loads, workers, interval));
    }
    loads = List.copyOf(loads);
  }

  /** The kind of round that may take longest. */
  private Load heaviest() {
    return loads.stream()
        .max(Comparator.comparingDouble(load -> load.examples(workers)))
        .orElseThrow();
  }

  /** What a round takes at most. */
  public Duration atMost() {
    return Duration.ofMillis(
        (long) Math.ceil(heaviest().examples(workers) * example.toNanos() / 1_000_000.0));
  }

  /** Whether it fits for certain. */
  public boolean fits() {
    return atMost().compareTo(interval) <= 0;
  }

  /** What it is, and where it may not fit what to do. */
  @Override
  public String toString() {
    Load load = heaviest();
    String said =
        String.format(
            Locale.ROOT,
            "A round takes at most %.3g s on %s (%s: %.4g units of up to %d examples, %.3g s for"
                + " the longest); its interval is %.4g s.",
            seconds(atMost()),
            workers == 1 ? "this machine" : workers + " workers, each on a machine like this",
            load.round(),
            load.expectedUnits(),
            load.examplesPerUnit(),
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
