package io.murmuration.training;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;

/**
 * What a worker reports. How much it was given and how long it took are functions of private data:
 * they are registered only on request and marked by the group {@code private}.
 */
final class GradientMetrics {

  private final BusyTime busy = new BusyTime();
  private final Counter staleSamples;
  private volatile long round;
  private volatile long samples;
  private volatile long spilledSamples;
  private volatile long busyMillis;
  private volatile double tokensPerSecond;

  GradientMetrics(MetricGroup group, boolean privateMetrics) {
    group.gauge("roundSummed", (Gauge<Long>) () -> round);
    if (privateMetrics) {
      MetricGroup privateGroup = group.addGroup("private");
      staleSamples = privateGroup.counter("staleSamples");
      privateGroup.gauge("samples", (Gauge<Long>) () -> samples);
      privateGroup.gauge("spilledSamples", (Gauge<Long>) () -> spilledSamples);
      privateGroup.gauge("busyMillisPerSecond", new BusyMetrics(busy));
      privateGroup.gauge("busyMillis", (Gauge<Long>) () -> busyMillis);
      privateGroup.gauge("tokensPerSecond", (Gauge<Double>) () -> tokensPerSecond);
    } else {
      staleSamples = new SimpleCounter();
    }
  }

  /** Gradients are being taken. */
  void begins() {
    busy.begin();
  }

  /** They are not any more, one way or the other. */
  void ends() {
    busy.end();
  }

  void staleSample() {
    staleSamples.inc();
  }

  /**
   * A round was summed up.
   *
   * @param nanos spent on gradients, waiting for samples not included
   */
  void summed(long round, long samples, long spilled, long nanos, long tokens) {
    this.round = round;
    this.samples = samples;
    spilledSamples = spilled;
    busyMillis = nanos / 1_000_000;
    tokensPerSecond = tokens * 1e9 / Math.max(1, nanos);
  }
}
