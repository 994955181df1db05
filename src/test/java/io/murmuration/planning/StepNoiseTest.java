package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepNoiseTest {

  /** Runs that learned: see docs/bounds.md and docs/utility.md. */
  @ParameterizedTest
  @CsvSource({
    "0.90, 24000, 1024, 150",
    "0.90, 260032, 1024, 150",
    "2.10, 260032, 1024, 150",
    "4.650, 24000, 256, 60",
    "6.153, 24000, 256, 60",
  })
  void whatLearned_isNotWarnedOf(double sigma, long parameters, double units, long rounds) {
    assertThat(new StepNoise(sigma, parameters, units, rounds).isHopeless()).isFalse();
  }

  /**
   * ELS, 60 of the examples of 315 people expected, pools of at most 8, ε 8, 20 rounds: loss rose.
   */
  @ParameterizedTest
  @CsvSource({"2", "4", "8"})
  void aSmallChannel_isWarnedOf(double examplesAPool) {
    double sigma =
        new NoiseCalibration(new PldAccountant())
            .noiseMultiplier(Mechanism.els(60 / (315 * examplesAPool), 8, 1), 20, 8, 1e-6);
    StepNoise noise = new StepNoise(sigma, /* parameters= */ 24_000, /* expectedUnits= */ 60, 20);

    assertThat(noise.isHopeless()).isTrue();
    assertThat(noise.toString()).contains("does not learn", "more epsilon");
  }

  @ParameterizedTest
  @CsvSource({
    "0.90, 260032, 1024, 150, true",
    "2.13, 260032, 1024, 150, true",
    "2.13, 1000000, 1024, 150, false",
    "0.90, 260032, 128, 150, false",
  })
  void allParameters_areBestWhereTheyWereTried(
      double sigma, long parameters, double units, long rounds, boolean expected) {
    assertThat(new StepNoise(sigma, parameters, units, rounds).isBestWithAll()).isEqualTo(expected);
  }

  @Test
  void ratio_isThatOfTheNormsAndFallsWithTheRootOfTheRounds() {
    StepNoise noise = new StepNoise(2, 10_000, 400, 25);

    assertThat(noise.ratio()).isCloseTo(0.5, within(1e-12));
    assertThat(noise.ratioOverAllRounds()).isCloseTo(0.1, within(1e-12));
    assertThat(noise.toString()).contains("0.500 times", "10,000 parameters", "0.100 times");
  }

  @Test
  void whatIsNoNumber_isRefused() {
    assertThatThrownBy(() -> new StepNoise(Double.NaN, 1, 1, 1)).hasMessageContaining("noise");
    assertThatThrownBy(() -> new StepNoise(1, 0, 1, 1)).hasMessageContaining("parameters");
  }
}
