package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StatedEpsilonTest {

  @Test
  void text_isNeverBelow() {
    assertThat(StatedEpsilon.text(2.12401, 3)).isEqualTo("2.125");
    assertThat(StatedEpsilon.text(7.99999, 3)).isEqualTo("8.000");
    assertThat(StatedEpsilon.text(2.125, 3)).isEqualTo("2.125");
    assertThat(StatedEpsilon.text(0, 4)).isEqualTo("0.0000");
    assertThat(StatedEpsilon.text(Math.nextUp(2.125), 3)).isEqualTo("2.126");
  }

  @Test
  void text_ofNothingThatCanBePromised_saysSo() {
    assertThat(StatedEpsilon.text(Double.POSITIVE_INFINITY, 3)).isEqualTo("Infinity");
  }
}
