package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RoundDurationTest {

  @Test
  void countsTheLargestCohortWithTheLongestExamples() {
    RoundDuration round =
        new RoundDuration(
            Duration.ofMillis(10), /* expectedUnits= */ 100, 4, Duration.ofMillis(6_400));

    // 100 + 6·10 users, 4 examples each
    assertThat(round.atMost()).isEqualTo(Duration.ofMillis(6_400));
    assertThat(round.fits()).isTrue();
    assertThat(round).asString().contains("at most 6.40 s").doesNotContain("lengthen");
  }

  @Test
  void saysWhatToDoWhereARoundMayNotFit() {
    RoundDuration round =
        new RoundDuration(Duration.ofMillis(10), 100, 4, Duration.ofMillis(6_399));

    assertThat(round.fits()).isFalse();
    assertThat(round).asString().contains("lengthen privacy.round-interval");
  }

  @Test
  void refusesWhatIsNoNumber() {
    assertThatThrownBy(() -> new RoundDuration(Duration.ZERO, Double.NaN, 1, Duration.ofMillis(1)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new RoundDuration(Duration.ZERO, 1, 1, Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
