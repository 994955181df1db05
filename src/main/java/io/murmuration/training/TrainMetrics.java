package io.murmuration.training;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/**
 * What the trainer reports. Cohort size, clip fraction and loss are exact functions of private
 * data, and so is how many slices failed: they are marked by the group {@code private}, and all but
 * the last are registered only on request.
 */
final class TrainMetrics {

  private final Counter stalePartials;
  private final Counter slicesFailed;
  private volatile long round;
  private volatile long roundMillis;
  private volatile long gradientMillis;
  private volatile long noiseMillis;
  private volatile long updateMillis;
  private volatile double tokensPerSecond;
  private volatile long cohort;
  private volatile double clippedFraction = Double.NaN;
  private volatile double loss = Double.NaN;

  TrainMetrics(MetricGroup group, boolean privateMetrics) {
    stalePartials = group.counter("stalePartials");
    group.gauge("roundTrained", (Gauge<Long>) () -> round);
    group.gauge("roundMillis", (Gauge<Long>) () -> roundMillis);
    group.gauge("gradientMillis", (Gauge<Long>) () -> gradientMillis);
    group.gauge("noiseMillis", (Gauge<Long>) () -> noiseMillis);
    group.gauge("updateMillis", (Gauge<Long>) () -> updateMillis);
    MetricGroup privateGroup = group.addGroup("private");
    slicesFailed = privateGroup.counter("slicesFailed");
    if (privateMetrics) {
      privateGroup.gauge("tokensPerSecond", (Gauge<Double>) () -> tokensPerSecond);
      privateGroup.gauge("cohort", (Gauge<Long>) () -> cohort);
      privateGroup.gauge("clippedFraction", (Gauge<Double>) () -> clippedFraction);
      privateGroup.gauge("trainingLoss", (Gauge<Double>) () -> loss);
    }
  }

  void stalePartial() {
    stalePartials.inc();
  }

  /**
   * A round was executed.
   *
   * @param nanos from its grant on
   * @param gradientNanos from its grant until the partial sums of all workers were there
   */
  void completed(long round, long nanos, long gradientNanos, RoundOutcome outcome) {
    this.round = round;
    roundMillis = nanos / 1_000_000;
    gradientMillis = gradientNanos / 1_000_000;
    noiseMillis = outcome.timing().noiseNanos() / 1_000_000;
    updateMillis = outcome.timing().updateNanos() / 1_000_000;
    RoundOutcome.Statistics statistics = outcome.statistics();
    tokensPerSecond = statistics.tokens() * 1e9 / Math.max(1, gradientNanos);
    cohort = statistics.slices();
    slicesFailed.inc(statistics.zeroed());
    long contributing = statistics.slices() - statistics.zeroed();
    clippedFraction = (double) statistics.clipped() / statistics.slices();
    loss = statistics.lossSum() / contributing;
  }
}
