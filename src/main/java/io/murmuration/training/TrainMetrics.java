package io.murmuration.training;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;

/**
 * What the trainer reports. Whatever is a function of a round's cohort, its size and how long its
 * gradients took among it, is in the group {@code private} and registered only on request. The
 * others depend on public settings, on what was granted and on the machine.
 */
final class TrainMetrics {

  private final BusyTime busy = new BusyTime();
  private final Counter stalePartials;
  private final Counter slicesFailed;
  private volatile long round;
  private volatile long roundMillis;
  private volatile long gradientMillis;
  private volatile long noiseMillis;
  private volatile long updateMillis;
  private volatile long trialMillis;
  private volatile double tokensPerSecond;
  private volatile long cohort;
  private volatile double clippedFraction = Double.NaN;
  private volatile double loss = Double.NaN;

  TrainMetrics(MetricGroup group, boolean privateMetrics) {
    stalePartials = group.counter("stalePartials");
    group.gauge("roundTrained", (Gauge<Long>) () -> round);
    group.gauge("noiseMillis", (Gauge<Long>) () -> noiseMillis);
    group.gauge("updateMillis", (Gauge<Long>) () -> updateMillis);
    if (privateMetrics) {
      MetricGroup privateGroup = group.addGroup("private");
      slicesFailed = privateGroup.counter("slicesFailed");
      privateGroup.gauge("roundMillis", (Gauge<Long>) () -> roundMillis);
      privateGroup.gauge("busyMillisPerSecond", new BusyMetrics(busy));
      privateGroup.gauge("gradientMillis", (Gauge<Long>) () -> gradientMillis);
      privateGroup.gauge("trialMillis", (Gauge<Long>) () -> trialMillis);
      privateGroup.gauge("tokensPerSecond", (Gauge<Double>) () -> tokensPerSecond);
      privateGroup.gauge("cohort", (Gauge<Long>) () -> cohort);
      privateGroup.gauge("clippedFraction", (Gauge<Double>) () -> clippedFraction);
      privateGroup.gauge("trainingLoss", (Gauge<Double>) () -> loss);
    } else {
      slicesFailed = new SimpleCounter();
    }
  }

  /** A round begins on the worker. */
  void begins() {
    busy.begin();
  }

  /** It has ended there, whether executed or not. */
  void ends() {
    busy.end();
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
    RoundOutcome.Timing timing = outcome.timing();
    noiseMillis = timing.noiseNanos() / 1_000_000;
    updateMillis = timing.updateNanos() / 1_000_000;
    trialMillis = (nanos - gradientNanos - timing.noiseNanos() - timing.updateNanos()) / 1_000_000;
    RoundOutcome.Statistics statistics = outcome.statistics();
    tokensPerSecond = statistics.tokens() * 1e9 / Math.max(1, gradientNanos);
    cohort = statistics.slices();
    slicesFailed.inc(statistics.zeroed());
    long contributing = statistics.slices() - statistics.zeroed();
    clippedFraction = (double) statistics.clipped() / statistics.slices();
    loss = statistics.lossSum() / contributing;
  }
}
