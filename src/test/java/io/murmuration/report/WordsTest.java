package io.murmuration.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WordsTest {

  @Test
  void epsilon_isWholeOrRoundedUp() {
    assertThat(Words.epsilon(8)).isEqualTo("8");
    assertThat(Words.epsilon(7.99991)).isEqualTo("8.0000");
    assertThat(Words.epsilon(2.00001)).isEqualTo("2.0001");
    assertThat(Words.epsilon(2.125)).isEqualTo("2.1250");
  }
}
