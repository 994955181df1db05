package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Mechanism;
import org.junit.jupiter.api.Test;

class LikelihoodScoreTest {

  @Test
  void isTheLossOfTheDominatingPair() {
    double q = 0.067;
    double sigma = 0.9;
    LikelihoodScore uls = LikelihoodScore.of(Mechanism.uls(q, sigma));
    for (double y : new double[] {-3, 0, 0.5, 1, 4}) {
      assertThat(uls.of(y))
          .isEqualTo(
              Math.log(1 + q * (Math.exp((2 * y - 1) / (2 * sigma * sigma)) - 1)), within(1e-12));
    }
    assertThat(LikelihoodScore.of(Mechanism.gaussian(2)).of(3))
        .isEqualTo((2 * 3 - 1) / 8.0, within(1e-12));
  }

  @Test
  void ofOneExampleIsThatOfOneUser() {
    LikelihoodScore uls = LikelihoodScore.of(Mechanism.uls(0.1, 1.5));
    LikelihoodScore els = LikelihoodScore.of(Mechanism.els(0.1, 1, 1.5));
    for (double y = -5; y < 5; y += 0.5) {
      assertThat(els.of(y)).isEqualTo(uls.of(y), within(1e-12));
    }
  }

  @Test
  void countsAllUnitsThatAUserMayHave() {
    // two coins of ½ under noise 1: ¼ + ½·e^(y − ½) + ¼·e^(2y − 2)
    LikelihoodScore els = LikelihoodScore.of(Mechanism.els(0.5, 2, 1));
    double y = 1.3;
    assertThat(els.of(y))
        .isEqualTo(
            Math.log(0.25 + 0.5 * Math.exp(y - 0.5) + 0.25 * Math.exp(2 * y - 2)), within(1e-12));
  }

  @Test
  void doesNotOverflow() {
    assertThat(LikelihoodScore.of(Mechanism.uls(0.01, 0.05)).of(100)).isFinite().isPositive();
    assertThat(LikelihoodScore.of(Mechanism.uls(0.01, 0.05)).of(-100))
        .isEqualTo(Math.log(0.99), within(1e-12));
    assertThat(LikelihoodScore.of(Mechanism.els(1, 4, 0.05)).of(-100)).isFinite().isNegative();
  }
}
