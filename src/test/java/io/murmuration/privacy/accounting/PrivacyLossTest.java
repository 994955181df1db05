package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.math.BigDecimal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrivacyLossTest {

  private static PrivacyLoss loss(double epsilon, double delta) {
    return PrivacyLoss.budget("budget", epsilon, delta);
  }

  @Test
  void sumsAreThoseOfTheDecimals() {
    PrivacyLoss sum = PrivacyLoss.NONE;
    for (int i = 0; i < 10; i++) {
      sum = sum.plus(loss(0.1, 1e-7));
    }
    assertThat(sum).isEqualTo(loss(1, 1e-6));
    assertThat(sum.isWithin(loss(1, 1e-6))).isTrue();
    assertThat(loss(1, 1e-6).minus(sum)).isEqualTo(PrivacyLoss.NONE);
    assertThat(sum.minus(loss(0.3, 1e-7))).isEqualTo(loss(0.7, 9e-7));
  }

  @Test
  void bothNumbersDecideWhatIsWithin() {
    assertThat(loss(1, 2e-6).isWithin(loss(2, 1e-6))).isFalse();
    assertThat(loss(2, 1e-6).isWithin(loss(1, 2e-6))).isFalse();
    assertThat(loss(Math.nextUp(1.0), 1e-6).isWithin(loss(1, 1e-6))).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> loss(1, 1e-6).minus(loss(0.5, 2e-6)))
        .withMessageContaining("at least 0");
  }

  @Test
  void doublesAreNeverBelowAndWhatIsLeftIsNeverAbove() {
    // 17 digits and more: no double has this as its decimal form
    PrivacyLoss fine = loss(0.1, 1e-7).plus(loss(1e-17, 1e-24));
    assertThat(new BigDecimal(Double.toString(fine.epsilon())))
        .isGreaterThanOrEqualTo(fine.exactEpsilon());
    assertThat(new BigDecimal(Double.toString(fine.delta())))
        .isGreaterThanOrEqualTo(fine.exactDelta());
    assertThat(fine.roundedDown().isWithin(fine)).isTrue();
    assertThat(fine.roundedDown()).isEqualTo(loss(0.1, 1e-7));
    assertThat(loss(0.1, 1e-7).epsilon()).isEqualTo(0.1);
  }

  @Test
  void partsNeverExceedTheWhole() {
    for (int parts = 1; parts < 40; parts++) {
      PrivacyLoss part = loss(8, 1e-6).part(new BigDecimal("0.1"), parts);
      PrivacyLoss sum = PrivacyLoss.NONE;
      for (int i = 0; i < parts; i++) {
        sum = sum.plus(part);
      }
      assertThat(sum.isWithin(loss(0.8, 1e-7))).isTrue();
      assertThat(sum.epsilon()).isGreaterThan(0.8 * (1 - 1e-11));
    }
  }

  @Test
  void whatIsUsedBesideItIsRoundedUpAndLimitedByWhatIsReserved() {
    PrivacyLoss earlier = loss(2.5, 1e-7);
    assertThat(earlier.epsilonWith(loss(1, 1e-7), 0.1)).isGreaterThan(2.6).isLessThan(2.6 + 1e-12);
    assertThat(earlier.epsilonWith(loss(1, 1e-7), 1)).isEqualTo(3.5);
    assertThat(PrivacyLoss.NONE.epsilonWith(loss(1, 1e-7), 0.1)).isEqualTo(0.1);
  }

  @ParameterizedTest
  @CsvSource({"0, 1e-6", "-1, 1e-6", "NaN, 1e-6", "Infinity, 1e-6", "1, 0", "1, 1", "1, NaN"})
  void whatCannotBeReservedIsRefused(double epsilon, double delta) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> loss(epsilon, delta))
        .withMessageContaining("of the budget must be");
  }

  @Test
  void theLowerTextIsNeverAbove() {
    assertThat(PrivacyLoss.lowerText(2.12499, 3)).isEqualTo("2.124");
    assertThat(PrivacyLoss.lowerText(2.125, 3)).isEqualTo("2.125");
    assertThat(PrivacyLoss.lowerText(Math.nextDown(2.125), 3)).isEqualTo("2.124");
    assertThat(PrivacyLoss.lowerText(Double.POSITIVE_INFINITY, 3)).isEqualTo("Infinity");
  }

  @Test
  void theTextIsNeverBelow() {
    assertThat(PrivacyLoss.text(2.12401, 3)).isEqualTo("2.125");
    assertThat(PrivacyLoss.text(7.99999, 3)).isEqualTo("8.000");
    assertThat(PrivacyLoss.text(2.125, 3)).isEqualTo("2.125");
    assertThat(PrivacyLoss.text(0, 4)).isEqualTo("0.0000");
    assertThat(PrivacyLoss.text(Math.nextUp(2.125), 3)).isEqualTo("2.126");
    assertThat(loss(2, 1e-6)).hasToString("epsilon 2.0, delta 1.0E-6");
  }

  @Test
  void theTextOfNothingThatCanBePromisedSaysSo() {
    assertThat(PrivacyLoss.text(Double.POSITIVE_INFINITY, 3)).isEqualTo("Infinity");
  }
}
