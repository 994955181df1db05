package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CommitRetriesTest {

  @Property(seed = "20")
  void pausesDoubleAndAddUpToTheTotal(
      @ForAll @IntRange(min = 1, max = 30) int retries,
      @ForAll @IntRange(max = 100_000) int totalMillis) {
    CommitRetries pauses = new CommitRetries(retries, Duration.ofMillis(totalMillis), millis -> {});

    Duration sum = Duration.ZERO;
    for (int retry = 1; retry <= retries; retry++) {
      sum = sum.plus(pauses.pause(retry));
    }

    assertThat(sum).isLessThanOrEqualTo(Duration.ofMillis(totalMillis));
    assertThat(Duration.ofMillis(totalMillis).minus(sum)).isLessThan(Duration.ofNanos(retries + 1));
    assertThat(pauses.pause(retries + 5)).isEqualTo(pauses.pause(retries));
  }

  @Test
  void limitsAreNamed() {
    assertThatThrownBy(() -> new CommitRetries(0, Duration.ZERO, millis -> {}))
        .hasMessage("retries must be from 1 to 30 but is 0");
    assertThatThrownBy(() -> new CommitRetries(31, Duration.ZERO, millis -> {}))
        .hasMessage("retries must be from 1 to 30 but is 31");
    assertThatThrownBy(() -> new CommitRetries(1, Duration.ofMillis(-1), millis -> {}))
        .hasMessageContaining("total must not be negative");
  }
}
