package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.SplittableRandom;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NoiseGridTest {

  /** R·(z·(1 + m))² ≤ 2⁴⁸ &lt; (R + 1)·(z·(1 + m))², in exact arithmetic. */
  @Test
  void theBoundIsTheLargestThatTheNoiseMultiplierAllows() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 1_000; i++) {
      double z = Math.exp(random.nextDouble(Math.log(0.01), Math.log(1e6)));
      NoiseGrid grid = NoiseGrid.of(z, random.nextDouble(1e-6, 1e6));

      assertLargest(grid.squaredBound(), z);
    }
  }

  private static void assertLargest(long bound, double z) {
    BigDecimal moved = new BigDecimal(z).multiply(new BigDecimal("1.001")).pow(2);
    BigDecimal variance = new BigDecimal(BigInteger.ONE.shiftLeft(48));
    assertThat(moved.multiply(BigDecimal.valueOf(bound))).isLessThanOrEqualTo(variance);
    assertThat(moved.multiply(BigDecimal.valueOf(bound + 1))).isGreaterThan(variance);
  }

  @Test
  void twoSumsOfOneSampleAreBoundedTogetherByTheirCommonNoiseMultiplier() {
    double z = 1.2;
    double bitNoise = 1.5;
    NoiseGrid bits = NoiseGrid.of(2 * bitNoise, 0.5);
    NoiseGrid update = NoiseGrid.beside(bits, z, 1 / Math.sqrt(1 / (z * z) - 1 / 9.0), 6);

    assertLargest(bits.squaredBound(), 3);
    assertLargest(bits.squaredBound() + update.squaredBound(), z);
    assertThat(bits.deviation()).isCloseTo(1.5 * 1.001, within(1e-15));
    // what is left has room for the clip norm, up to the rounding of a double
    assertThat(update.towardsZero(6 * (1 - 1e-7)))
        .isLessThanOrEqualTo(update.largestCoordinate())
        .isGreaterThan((long) (update.largestCoordinate() * (1 - 2e-7)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseGrid.beside(NoiseGrid.of(1, 1), 2, 3, 1))
        .withMessageContaining("one takes all");
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "0.01, 1e-6", "2.32, 1.7320508075688772", "1e6, 0.5", "0.903, 1e6"})
  void theSensitivityFillsTheBoundAndTheDeviationIsNoiseMultiplierTimesSensitivity(
      double z, double sensitivity) {
    NoiseGrid grid = NoiseGrid.of(z, sensitivity);

    assertThat(grid.deviation()).isEqualTo(sensitivity * z * (1 + 1e-3));
    assertThat(grid.towardsZero(sensitivity))
        .isBetween(grid.largestCoordinate() - 1, grid.largestCoordinate() + 1);
  }

  @Test
  void roundsTowardsZero() {
    NoiseGrid grid = new NoiseGrid(/* unit= */ 0.5, /* squaredBound= */ 100);

    assertThat(grid.towardsZero(1.99)).isEqualTo(3);
    assertThat(grid.towardsZero(-1.99)).isEqualTo(-3);
    assertThat(grid.towardsZero(0.49)).isZero();
    assertThat(grid.towardsZero(Double.NaN)).isZero();
    assertThat(grid.towardsZero(Double.NEGATIVE_INFINITY)).isEqualTo(Long.MIN_VALUE);
    assertThat(grid.value(-3)).isEqualTo(-1.5);
    assertThat(grid.largestCoordinate()).isEqualTo(10);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 0.0099, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesANoiseMultiplierThatIsNotAccountedFor(double noiseMultiplier) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseGrid.of(noiseMultiplier, 1))
        .withMessageContaining("noise multiplier must be at least 0.01");
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 1e-307, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesAUnitThatIsNoNormalNumber(double sensitivity) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseGrid.of(1, sensitivity))
        .withMessageContaining("grid unit must be a positive, finite, normal number");
  }

  /**
   * The theorem, where its numbers can be summed up: a discrete Gaussian of variance s² + 9 is a
   * continuous one of variance s², rounded with width 3. The trapezoidal rule is exact here up to
   * exp(−2π²·9·s²/(s² + 9)) and less.
   */
  @ParameterizedTest
  @ValueSource(doubles = {2, 3, 5, 11})
  void theNoiseIsAContinuousGaussianRoundedAtRandom(double s) {
    double variance = s * s + 9;
    double normaliser = 0;
    for (int k = -400; k <= 400; k++) {
      normaliser += Math.exp(-k * k / (2 * variance));
    }
    double step = 1.0 / 16;
    for (int k = -30; k <= 30; k++) {
      double rounded = 0;
      for (double y = -200; y <= 200; y += step) {
        double theta = 0;
        double nearest = Math.rint(y);
        for (double j = nearest - 40; j <= nearest + 40; j++) {
          theta += Math.exp(-(j - y) * (j - y) / 18);
        }
        rounded +=
            step
                * Math.exp(-y * y / (2 * s * s))
                / (s * Math.sqrt(2 * Math.PI))
                * Math.exp(-(k - y) * (k - y) / 18)
                / theta;
      }
      double discrete = Math.exp(-k * k / (2 * variance)) / normaliser;
      assertThat(rounded).isCloseTo(discrete, within(1e-11 * discrete));
    }
  }

  /** Its consequence: at every ε the discrete mechanism's δ is at most the continuous one's. */
  @ParameterizedTest
  @CsvSource({"2, 1", "5, 3", "5, 20", "40, 7", "40, 130"})
  void theDiscreteMechanismCostsAtMostTheContinuousOne(double s, int moved) {
    double variance = s * s + 9;
    int reach = moved + (int) (40 * Math.sqrt(variance));
    double normaliser = 0;
    for (int k = -reach; k <= reach; k++) {
      normaliser += Math.exp(-k * (double) k / (2 * variance));
    }
    NormalDistribution normal = NormalDistribution.of(0, 1);
    double mu = moved / s;
    for (double epsilon = 0; epsilon <= 8; epsilon += 0.25) {
      double discrete = 0;
      for (int k = -reach; k <= reach; k++) {
        double with = Math.exp(-(k - moved) * (double) (k - moved) / (2 * variance)) / normaliser;
        double without = Math.exp(-k * (double) k / (2 * variance)) / normaliser;
        discrete += Math.max(0, with - Math.exp(epsilon) * without);
      }
      double continuous =
          normal.cumulativeProbability(mu / 2 - epsilon / mu)
              - Math.exp(epsilon) * normal.cumulativeProbability(-mu / 2 - epsilon / mu);
      assertThat(discrete).isLessThanOrEqualTo(continuous * (1 + 1e-9) + 1e-15);
    }
  }
}
