package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.planning.RoundDuration.Load;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundDurationTest {

  private static final Duration EXAMPLE = Duration.ofMillis(10);

  private static RoundDuration of(int workers, Duration interval, Load... loads) {
    return new RoundDuration(EXAMPLE, List.of(loads), workers, interval);
  }

  @Test
  void countsTheLargestCohortWithTheLongestExamples() {
    RoundDuration round = of(1, Duration.ofMillis(6_400), new Load("training", 100, 4));

    // 100 + 6·10 users, 4 examples each
    assertThat(round.atMost()).isEqualTo(Duration.ofMillis(6_400));
    assertThat(round.fits()).isTrue();
    assertThat(round)
        .asString()
        .contains("at most 6.40 s on this machine (training: 100.0 units of up to 4")
        .doesNotContain("lengthen");
  }

  @Test
  void saysWhatToDoWhereARoundMayNotFit() {
    RoundDuration round = of(1, Duration.ofMillis(6_399), new Load("training", 100, 4));

    assertThat(round.fits()).isFalse();
    assertThat(round).asString().contains("lengthen privacy.round-interval");
  }

  @Test
  void workersShareARoundByHashesAndTheFullestDecides() {
    RoundDuration round = of(4, Duration.ofSeconds(1), new Load("training", 400, 1));

    // 100 + 6·10 of 400 units at one of four
    assertThat(round.atMost()).isEqualTo(Duration.ofMillis(1_600));
    assertThat(round).asString().contains("on 4 workers, each on a machine like this");
  }

  @Test
  void theHeaviestKindOfRoundDecides() {
    Load training = new Load("training", 100, 1);
    Load norms = new Load("measuring norms", 100, 15);

    assertThat(of(1, Duration.ofSeconds(30), training, norms).atMost())
        .isEqualTo(Duration.ofMillis(24_000));
    assertThat(of(1, Duration.ofSeconds(30), training, norms)).asString().contains("measuring");
  }

  @Test
  void examplesOfAUserThatComeTogetherVaryMore() {
    // 100 + 6·√(4·100)
    assertThat(of(1, Duration.ofSeconds(9), new Load("training", 100, 1, 4)).atMost())
        .isEqualTo(Duration.ofMillis(2_200));
  }

  @Test
  void refusesWhatIsNoNumber() {
    assertThatThrownBy(() -> new Load("training", Double.NaN, 1))
        .isInstanceOf(IllegalArgumentException.class);
    Load load = new Load("training", 1, 1);
    assertThatThrownBy(() -> of(1, Duration.ZERO, load))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> of(0, Duration.ofMillis(1), load))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> of(1, Duration.ofMillis(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
