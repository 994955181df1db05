package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CanaryScoresTest {

  private final CanaryScores scores =
      new CanaryScores(
          new double[] {3, 1, 2, 2, 0}, new boolean[] {true, false, false, true, true});

  @Test
  void countsThoseAtAThresholdOrAbove() {
    assertThat(scores.canaries()).isEqualTo(5);
    assertThat(scores.in()).isEqualTo(3);
    assertThat(scores.out()).isEqualTo(2);
    assertThat(scores.inAtLeast(2)).isEqualTo(2);
    assertThat(scores.inAtLeast(2.1)).isEqualTo(1);
    assertThat(scores.inAtLeast(-1)).isEqualTo(3);
    assertThat(scores.outAtLeast(2)).isEqualTo(1);
    assertThat(scores.outAtLeast(4)).isZero();
  }

  @Test
  void guessesTheHighestInAndTheLowestOut() {
    assertThat(scores.guess(0)).isEqualTo(new Guesses(5, 0, 0));
    assertThat(scores.guess(1)).isEqualTo(new Guesses(5, 1, 1));
    // the lowest was in all the same
    assertThat(scores.guess(2)).isEqualTo(new Guesses(5, 2, 1));
    // of two equal scores the earlier canary
    assertThat(scores.guess(3)).isEqualTo(new Guesses(5, 3, 1));
    assertThat(scores.guess(5)).isEqualTo(new Guesses(5, 5, 3));
  }

  @Test
  void saysWhatIsWrong() {
    assertThatThrownBy(() -> new CanaryScores(new double[] {1, 2}, new boolean[] {true}))
        .hasMessage("canaries need one score and one coin each but there are 2 scores and 1 coins");
    assertThatThrownBy(() -> new CanaryScores(new double[] {Double.NaN}, new boolean[] {true}))
        .hasMessage("the score of canary 0 must not be NaN");
    assertThatThrownBy(() -> scores.guess(6))
        .hasMessage("guesses must be between 0 and the 5 canaries but are 6");
    assertThatThrownBy(() -> new Guesses(10, 11, 1))
        .hasMessage("guesses must be between 0 and the 10 canaries but are 11");
    assertThatThrownBy(() -> new Guesses(10, 5, 6))
        .hasMessage("correct guesses must be between 0 and the 5 guesses but are 6");
    assertThatThrownBy(() -> new Guesses(0, 0, 0))
        .hasMessage("canaries must be at least 1 but are 0");
  }
}
