package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Reference values: the paper's recursion in SciPy 1.17 (ndtr, ndtri), bisected there. */
class OneRunTradeOffTest {

  private static double epsilon(int m, int r, int v) {
    return OneRunTradeOff.epsilon(new Guesses(m, r, v), 1e-5, 0.05);
  }

  @Test
  void boundsAreThoseOfTheDefinition() {
    assertThat(epsilon(1000, 300, 260)).isEqualTo(2.635024368856519, within(1e-6));
    assertThat(epsilon(5000, 1500, 1300)).isEqualTo(2.6844600204838187, within(1e-6));
    assertThat(epsilon(1000, 300, 300)).isEqualTo(8.37306396176731, within(1e-6));
    assertThat(epsilon(100, 30, 22)).isEqualTo(0.44829666194521345, within(1e-6));
  }

  @Test
  void chanceFalsifiesNothing() {
    assertThat(epsilon(1000, 300, 150)).isZero();
    assertThat(epsilon(1000, 300, 0)).isZero();
    assertThat(epsilon(1000, 0, 0)).isZero();
  }

  @Test
  void aSmallerSignificanceFalsifiesLess() {
    Guesses guesses = new Guesses(1000, 300, 260);
    TradeOff claim = GaussianTradeOff.of(2.5, 1e-5);
    assertThat(OneRunTradeOff.falsifies(guesses, claim, 0.05)).isTrue();
    assertThat(OneRunTradeOff.falsifies(guesses, claim, 1e-6)).isFalse();
    assertThatThrownBy(() -> OneRunTradeOff.falsifies(guesses, claim, 1))
        .hasMessage("significance must be in (0, 1) but is 1.0");
  }
}
