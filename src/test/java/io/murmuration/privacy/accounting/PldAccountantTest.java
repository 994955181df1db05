package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PldAccountantTest {

  /**
   * Expected values of both samplers are by a program of its own: the losses of a round on a grid
   * of 1e-5 to 1e-4, each rounded to the nearest point, to the power of T by NumPy's FFT, and the ε
   * at which the larger direction has δ by root finding. They have four or five digits, so that the
   * true one may be half of the last below.
   */
  private static final double PRINTED = 5e-5;

  private final PldAccountant accountant = new PldAccountant();

  @ParameterizedTest
  @CsvSource({
    "0.001, 0.6, 10000, 1e-8, 4.5189",
    "0.01, 0.8, 500, 1e-6, 2.9251",
    "0.01, 1, 1000, 1e-6, 2.1245",
    "0.1, 4, 5000, 1e-5, 8.7979",
    "1, 20, 100, 1e-6, 2.2541",
    "0.05, 2, 500, 1e-6, 2.8726",
  })
  void epsilonOfUserLevelSampling_isAtMostATenthOfAPercentAboveTheTruth(
      double q, double sigma, long rounds, double delta, double expected) {
    assertThat(accountant.epsilon(Mechanism.uls(q, sigma), rounds, delta))
        .isBetween(expected - PRINTED, expected * 1.001);
  }

  @ParameterizedTest
  @CsvSource({"0.1, 3, 512, 1e-6, 3.7697", "0.001, 1, 5000, 1e-7, 0.44797"})
  void epsilonOfUserLevelSampling_valuesPrintedWithFewDigits(
      double q, double sigma, long rounds, double delta, double expected) {
    assertThat(accountant.epsilon(Mechanism.uls(q, sigma), rounds, delta))
        .isBetween(expected - PRINTED, expected * 1.001);
  }

  @ParameterizedTest
  @CsvSource({
    "0.01, 1, 2, 1000, 1e-6, 0.7209",
    "0.01, 2, 2, 1000, 1e-6, 1.5250",
    "0.01, 4, 2, 1000, 1e-6, 3.2699",
    "0.01, 8, 1, 1000, 1e-6, 23.082",
  })
  void epsilonOfExampleLevelSampling_isAtMostATenthOfAPercentAboveTheTruth(
      double p, int group, double sigma, long rounds, double delta, double expected) {
    assertThat(accountant.epsilon(Mechanism.els(p, group, sigma), rounds, delta))
        .isBetween(expected - 5e-4, expected * 1.001);
  }

  @ParameterizedTest
  @CsvSource({"20, 100, 1e-6", "1, 1, 1e-12", "50, 10000, 1e-9", "1000, 1000000, 1e-12"})
  void epsilonOfTheGaussian_isAtOrJustAboveTheClosedForm(double sigma, long rounds, double delta) {
    double mu = Math.sqrt(rounds) / sigma;
    double epsilon = accountant.epsilon(Mechanism.gaussian(sigma), rounds, delta);

    assertThat(gaussianDelta(mu, epsilon)).isLessThanOrEqualTo(delta);
    assertThat(gaussianDelta(mu, epsilon * (1 - 3e-4))).isGreaterThan(delta);
  }

  /** Balle and Wang, ICML 2018, Theorem 8. */
  private static double gaussianDelta(double mu, double epsilon) {
    NormalDistribution normal = NormalDistribution.of(0, 1);
    double a = normal.cumulativeProbability(mu / 2 - epsilon / mu);
    double b = normal.cumulativeProbability(-mu / 2 - epsilon / mu);
    return a - Math.exp(epsilon) * b;
  }

  @ParameterizedTest
  @CsvSource({
    "0.00001, 1, 0.6, 1000000, 1e-12",
    "0.001, 1, 3, 1000000, 1e-12",
    "0.00390625, 256, 30, 10000, 1e-12",
  })
  void epsilon_hardRegimes_coarseAndFineGridsAgree(
      double p, int group, double sigma, long rounds, double delta) {
    Mechanism mechanism = Mechanism.els(p, group, sigma);
    double coarse = new PldAccountant(1e-3).epsilon(mechanism, rounds, delta);
    double fine = new PldAccountant(2e-4).epsilon(mechanism, rounds, delta);

    assertThat(fine).isBetween(coarse * (1 - 2e-3), coarse * (1 + 1e-5));
  }

  @Test
  void epsilon_groupOfOne_equalsUserLevelSampling() {
    assertThat(accountant.epsilon(Mechanism.els(0.01, 1, 1), 1000, 1e-6))
        .isEqualTo(accountant.epsilon(Mechanism.uls(0.01, 1), 1000, 1e-6));
  }

  @Test
  void epsilon_everyExampleInEveryRound_equalsAGaussianOfSensitivityG() {
    assertThat(accountant.epsilon(Mechanism.els(1, 4, 40), 100, 1e-6))
        .isCloseTo(accountant.epsilon(Mechanism.gaussian(10), 100, 1e-6), within(1e-9));
  }

  @Test
  void delta_invertsEpsilon() {
    Mechanism mechanism = Mechanism.uls(0.01, 1);
    double epsilon = accountant.epsilon(mechanism, 1000, 1e-6);

    assertThat(accountant.delta(mechanism, 1000, epsilon)).isBetween(0.99e-6, 1.003e-6);
  }

  @Test
  void epsilon_compositionInAnyOrderAndGrouping_isTheSame() {
    Composition a = Composition.of(Mechanism.uls(0.01, 1), 300);
    Composition b = Composition.of(Mechanism.uls(0.02, 1.5), 200);
    Composition c = Composition.of(Mechanism.els(0.01, 3, 2), 100);

    double left = accountant.epsilon(a.and(b).and(c), 1e-6);
    double right = accountant.epsilon(c.and(a.and(b)), 1e-6);

    assertThat(left).isCloseTo(right, within(1e-9 * right));
    assertThat(left).isGreaterThan(accountant.epsilon(a.and(b), 1e-6));
  }

  @Test
  void epsilon_aMechanismSplitInTwoEqualOnes_costsTheSame() {
    Composition whole = Composition.of(Mechanism.uls(0.01, 1), 1000);
    // Not merged, because the mechanisms differ in the last bit.
    Composition split =
        Composition.of(Mechanism.uls(0.01, 1), 500)
            .and(Composition.of(Mechanism.uls(0.01, Math.nextUp(1.0)), 500));

    // One mechanism has a grid that suits the next power of two of its rounds, two have their own.
    assertThat(accountant.epsilon(split, 1e-6))
        .isCloseTo(accountant.epsilon(whole, 1e-6), within(1e-5));
  }

  @Test
  void noRounds_costNothing() {
    assertThat(accountant.epsilon(Mechanism.uls(0.01, 1), 0, 1e-6)).isZero();
    assertThat(accountant.delta(Mechanism.uls(0.01, 1), 0, 0)).isZero();
  }

  @Test
  void epsilon_deltaThatCoversAllLoss_isZero() {
    assertThat(accountant.epsilon(Mechanism.uls(0.01, 5), 1, 0.5)).isZero();
  }

  @Test
  void badInput_isNamedWithItsValueAndRange() {
    Mechanism mechanism = Mechanism.uls(0.01, 1);
    refuses(() -> Mechanism.uls(1.5, 1), "sampling probability must be in (0, 1] but is 1.5");
    refuses(() -> Mechanism.uls(Double.NaN, 1), "sampling probability", "NaN");
    refuses(
        () -> Mechanism.uls(0.1, 0), "noise multiplier must be in [0.01, 1000000.0] but is 0.0");
    refuses(() -> Mechanism.uls(0.1, Double.POSITIVE_INFINITY), "noise multiplier", "Infinity");
    refuses(() -> Mechanism.els(0.1, 0, 1), "group size must be in [1, 4096] but is 0");
    refuses(() -> Mechanism.els(0.1, 1_000_000, 1), "group size", "1000000");
    refuses(() -> accountant.epsilon(mechanism, 10, 1), "delta", "1.0");
    refuses(() -> accountant.epsilon(mechanism, 10, Double.NaN), "delta", "NaN");
    refuses(() -> accountant.epsilon(mechanism, -1, 1e-6), "rounds", "-1");
    refuses(() -> accountant.epsilon(mechanism, Long.MAX_VALUE, 1e-6), "rounds", "1000000000");
    refuses(() -> accountant.delta(mechanism, 10, -0.1), "epsilon", "-0.1");
    refuses(() -> new PldAccountant(0), "precision", "0.0");
  }

  @Test
  void epsilon_gridBeyondMemory_isRefusedWithAdvice() {
    Mechanism mechanism = Mechanism.uls(0.5, 0.01);

    refuses(
        () -> new PldAccountant(1e-7).epsilon(mechanism, 1_000_000_000, 1e-12),
        "grid",
        "coarser precision");
  }

  @Test
  void epsilon_gridBeyondMemoryAtThePrecision_isThatOfTheNextCoarserOne() {
    Mechanism mechanism = Mechanism.uls(0.01, 0.3);
    double epsilon = new PldAccountant(1e-7).epsilon(mechanism, 100_000, 1e-6);

    assertThat(epsilon).isEqualTo(new PldAccountant(1e-6).epsilon(mechanism, 100_000, 1e-6));
    assertThat(epsilon)
        .isBetween(
            new PldAccountant(1e-5).epsilon(mechanism, 100_000, 1e-6) * (1 - 2e-5),
            new PldAccountant(1e-5).epsilon(mechanism, 100_000, 1e-6));
  }

  @Test
  void delta_gridBeyondMemoryAtThePrecision_isCoarserAndStillAnUpperBound() {
    Mechanism mechanism = Mechanism.uls(0.0672, 0.12);
    double fine = new PldAccountant(1e-5).delta(mechanism, 80, /* epsilon= */ 500);
    double coarse = new PldAccountant(1e-3).delta(mechanism, 80, /* epsilon= */ 500);

    assertThat(new PldAccountant(1e-7).delta(mechanism, 80, /* epsilon= */ 500))
        .isLessThanOrEqualTo(fine)
        .isGreaterThan(0.98 * coarse);
  }

  private static void refuses(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String... parts) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void epsilonIsZero_whereDeltaCoversEveryParticipation() {
    Mechanism rare = Mechanism.uls(1e-9, 1);
    assertThat(accountant.epsilon(rare, 900, /* delta= */ 1e-6)).isZero();
    assertThat(accountant.epsilon(rare, 1_000_000, /* delta= */ 1e-8)).isPositive();
    assertThat(accountant.epsilon(Mechanism.uls(1e-3, 1), 1_000, 1e-6)).isPositive();
  }

  @Test
  void rareLargeLosses_areAsTightAsOthers() {
    Mechanism rare = Mechanism.uls(1e-5, 0.6);
    double fine = new PldAccountant(1e-5).epsilon(rare, 1_000_000, 1e-6);
    assertThat(accountant.epsilon(rare, 1_000_000, 1e-6)).isBetween(fine * 0.9999, fine * 1.001);
  }
}
