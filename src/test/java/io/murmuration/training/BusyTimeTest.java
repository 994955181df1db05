package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BusyTimeTest {

  private long nanos = -5; // such a clock may start anywhere
  private final BusyTime busy = new BusyTime(() -> nanos);

  @Test
  void isTheShareOfTheLastInterval() {
    pass(2);
    busy.begin();
    pass(1);
    busy.end();
    pass(2);
    assertThat(busy.millisPerSecond()).isZero();
    busy.update();
    assertThat(busy.millisPerSecond()).isEqualTo(200);
    pass(5);
    busy.update();
    assertThat(busy.millisPerSecond()).isZero();
  }

  @Test
  void aRoundThatOutlastsIntervalsCountsInEachOfThem() {
    pass(4);
    busy.begin();
    pass(1);
    busy.update();
    assertThat(busy.millisPerSecond()).isEqualTo(200);
    pass(5);
    busy.update();
    assertThat(busy.millisPerSecond()).isEqualTo(1_000);
    pass(2);
    busy.end();
    pass(2);
    busy.begin();
    pass(1);
    busy.update();
    assertThat(busy.millisPerSecond()).isEqualTo(600);
  }

  private void pass(long seconds) {
    nanos += TimeUnit.SECONDS.toNanos(seconds);
  }
}
