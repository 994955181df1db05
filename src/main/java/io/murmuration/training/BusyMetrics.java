package io.murmuration.training;

import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.View;

/** Busy time as a gauge. Flink ends the intervals: a view is updated every few seconds. */
record BusyMetrics(BusyTime time) implements Gauge<Long>, View {

  @Override
  public void update() {
    time.update();
  }

  @Override
  public Long getValue() {
    return time.millisPerSecond();
  }
}
