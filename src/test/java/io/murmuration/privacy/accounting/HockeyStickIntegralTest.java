package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The grid and FFT path against direct integration of one round. */
class HockeyStickIntegralTest {

  @ParameterizedTest
  @CsvSource({
    "0.01, 1, 1",
    "0.5, 1, 0.5",
    "1, 1, 2",
    "0.001, 1, 0.4",
    "0.1, 10, 1",
    "0.5, 30, 3",
  })
  void singleRound_gridIsAboveTheIntegralAndWithinItsPrecision(double p, int group, double sigma) {
    Mechanism mechanism = Mechanism.els(p, group, sigma);
    for (double epsilon : new double[] {0, 0.01, 0.1, 1, 3}) {
      double exact = HockeyStickIntegral.delta(mechanism, epsilon);
      double grid = new PldAccountant().delta(mechanism, 1, epsilon);

      assertThat(grid).as("epsilon %s", epsilon).isBetween(exact * (1 - 1e-8), exact * 1.002);
    }
  }
}
