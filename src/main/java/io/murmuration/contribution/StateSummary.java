package io.murmuration.contribution;

import java.util.Collections;
import java.util.Comparator;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/**
 * Sizes and distributions over all users of a savepoint. An exact function of private data: it must
 * not leave the trust boundary. Mutable, not thread-safe; its size does not depend on the number of
 * users.
 */
public final class StateSummary {

  /** Precise to a thousandth, in histograms of some ten kilobytes. */
  private static final int SIGNIFICANT_DIGITS = 3;

  private final Histogram examples = new Histogram(SIGNIFICANT_DIGITS);
  private final Histogram windows = new Histogram(SIGNIFICANT_DIGITS);
  private final Histogram eventsSeen = new Histogram(SIGNIFICANT_DIGITS);
  private final Histogram bytes = new Histogram(SIGNIFICANT_DIGITS);
  private final SortedMap<String, Long> usersBySchedule = new TreeMap<>(Comparator.naturalOrder());
  private long totalExamples;
  private long totalBytes;
  private long waiting;
  private final Histogram roundsUsed = new Histogram(SIGNIFICANT_DIGITS);
  private long retired;

  /**
   * One quantity over users; quantiles to three digits.
   *
   * @param mean 0 without users
   */
  public record Distribution(long min, double mean, long median, long p90, long p99, long max) {

    private static Distribution of(Histogram histogram) {
      return new Distribution(
          histogram.getTotalCount() == 0 ? 0 : histogram.getMinValue(),
          histogram.getMean(),
          histogram.getValueAtPercentile(50),
          histogram.getValueAtPercentile(90),
          histogram.getValueAtPercentile(99),
          histogram.getMaxValue());
    }
  }

  /** Counts one more user in. */
  public void add(UserFootprint user) {
    examples.recordValue(user.examples());
    windows.recordValue(user.windows());
    eventsSeen.recordValue(user.eventsSeen());
    bytes.recordValue(user.bytes());
    totalExamples += user.examples();
    totalBytes += user.bytes();
    waiting += user.waiting() ? 1 : 0;
    if (user.count() != null) {
      roundsUsed.recordValue(user.count().rounds());
      retired += user.count().retired() ? 1 : 0;
    }
    boolean isCountAlone = user.count() != null && user.windows() == 0 && !user.waiting();
    if (isCountAlone) {
      return;
    }
    usersBySchedule.merge(name(user.schedule()), 1L, Long::sum);
  }

  private static String name(Optional<SamplingSchedule> schedule) {
    return schedule.map(s -> s.sampler() + " " + s.probability()).orElse("none");
  }

  public long users() {
    return bytes.getTotalCount();
  }

  public long totalExamples() {
    return totalExamples;
  }

  /** Serialized values, without keys and before any compression. */
  public long totalBytes() {
    return totalBytes;
  }

  /** Users of whom events wait for the first tick to be known. */
  public long waiting() {
    return waiting;
  }

  /** Users of whose lifetime something was counted in stretches that have ended. */
  public long counted() {
    return roundsUsed.getTotalCount();
  }

  /** Users who may take part no more. */
  public long retired() {
    return retired;
  }

  /** Rounds that counted, of users whose stretches have ended. */
  public Distribution roundsUsedPerUser() {
    return Distribution.of(roundsUsed);
  }

  /** Users by what their due ticks were drawn with: sampler and probability, or "none". */
  public SortedMap<String, Long> usersBySchedule() {
    return Collections.unmodifiableSortedMap(usersBySchedule);
  }

  public Distribution examplesPerUser() {
    return Distribution.of(examples);
  }

  public Distribution windowsPerUser() {
    return Distribution.of(windows);
  }

  public Distribution eventsSeenPerUser() {
    return Distribution.of(eventsSeen);
  }

  public Distribution bytesPerUser() {
    return Distribution.of(bytes);
  }
}
