package io.murmuration.job;

import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/**
 * Keeps a stream from ever moving the clock: it is idle from the first moment and emits no {@link
 * Watermark}, whatever its records say. Ticks come from the privacy budget alone, so that no
 * timestamp that a user sends makes another user's event late.
 *
 * <p>Works only with a positive auto-watermark interval, which {@link MurmurationJob} checks.
 */
final class SilentWatermarks<T> implements WatermarkGenerator<T> {

  static <T> WatermarkStrategy<T> strategy() {
    return WatermarkStrategy.forGenerator(context -> new SilentWatermarks<T>());
  }

  @Override
  public void onEvent(T event, long eventTimestamp, WatermarkOutput output) {
    // a record is no reason to leave idleness
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {
    output.markIdle();
  }
}
