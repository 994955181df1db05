package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NoiseCalibrationTest {

  private final PldAccountant accountant = new PldAccountant();
  private final NoiseCalibration calibration = new NoiseCalibration(accountant);

  @Test
  void noiseMultiplier_isTheSmallestWithinTheBudget() {
    double sigma = calibration.noiseMultiplier(Mechanism.uls(0.1, 1), 512, 1, 1e-6);

    assertThat(sigma).isCloseTo(9.66, within(0.01));
    assertThat(accountant.epsilon(Mechanism.uls(0.1, sigma), 512, 1e-6)).isLessThanOrEqualTo(1);
    assertThat(accountant.epsilon(Mechanism.uls(0.1, sigma * (1 - 2e-5)), 512, 1e-6))
        .isGreaterThan(1);
  }

  @ParameterizedTest
  @CsvSource({
    "0.2, 1, 8, 1e-6",
    "0.001, 30, 2, 1e-4",
    "1, 10, 0.5, 1e-4",
    "0.5, 3, 8, 1e-6",
  })
  void noiseMultiplier_affordsTheRoundsThatItIsFor(
      double q, long rounds, double epsilon, double delta) {
    double sigma = calibration.noiseMultiplier(Mechanism.uls(q, 1), rounds, epsilon, delta);
    PhaseAccountant phase = calibration.phase(Mechanism.uls(q, sigma), epsilon, delta);

    assertThat(phase.affordableRounds()).isGreaterThanOrEqualTo(rounds);
    assertThat(phase.epsilonAfter(rounds))
        .isLessThanOrEqualTo(epsilon)
        .isEqualTo(accountant.epsilon(Mechanism.uls(q, sigma), rounds, delta));
  }

  @Test
  void noiseMultiplier_thatIsNotAdmitted_isRaisedUntilItIs() {
    assertThat(NoiseCalibration.firstThat(noise -> true, 3)).isEqualTo(3);
    assertThat(NoiseCalibration.firstThat(noise -> noise >= 3.0001, 3)).isBetween(3.0001, 3.00011);
    assertThatThrownBy(() -> NoiseCalibration.firstThat(noise -> false, 999_999))
        .hasMessageContaining("does not stay within the budget");
  }

  @Test
  void rounds_areTheMostWithinTheBudget() {
    assertThat(calibration.rounds(Mechanism.uls(0.1, 3), 2, 1e-6)).isEqualTo(155);
    assertThat(calibration.rounds(Mechanism.uls(0.5, 0.5), 0.1, 1e-6)).isZero();
  }

  @Test
  void noiseMultiplier_generousBudget_isTheSmallestAccepted() {
    assertThat(calibration.noiseMultiplier(Mechanism.uls(0.1, 1), 1, 1e5, 1e-6))
        .isEqualTo(Mechanism.MIN_NOISE_MULTIPLIER);
  }

  @Test
  void noiseMultiplier_badInput_isRefused() {
    assertThatThrownBy(() -> calibration.noiseMultiplier(Mechanism.uls(0.1, 1), 0, 1, 1e-6))
        .hasMessageContaining("rounds");
    assertThatThrownBy(() -> calibration.noiseMultiplier(Mechanism.uls(0.1, 1), 10, 0, 1e-6))
        .hasMessageContaining("epsilon");
  }

  @Test
  void groupPrivacy_neverNeedsLessNoiseThanTheTightAccountant() {
    MixtureOfGaussians round = new MixtureOfGaussians(0.1, 16, 6);
    GroupPrivacy groupPrivacy = new GroupPrivacy(accountant);
    double tight = accountant.epsilon(round, 200, 1e-6);

    assertThat(tight).isCloseTo(25.4, within(0.1));
    assertThat(groupPrivacy.epsilon(round, 200, 1e-6)).isBetween(1.3 * tight, 2 * tight);
    assertThat(groupPrivacy.noiseMultiplier(round, 200, tight, 1e-6)).isGreaterThan(6.3);
  }

  @Test
  void groupPrivacy_ofOne_isTheTightAccountant() {
    MixtureOfGaussians round = new MixtureOfGaussians(0.01, 1, 1);
    double tight = accountant.epsilon(round, 1000, 1e-6);

    assertThat(new GroupPrivacy(accountant).epsilon(round, 1000, 1e-6))
        .isCloseTo(tight, within(1e-3 * tight));
  }

  @Test
  void groupPrivacy_vacuous_isInfinite() {
    MixtureOfGaussians round = new MixtureOfGaussians(0.01, 256, 1);

    assertThat(new GroupPrivacy(accountant).noiseMultiplier(round, 1000, 501, 1e-6)).isInfinite();
  }
}
