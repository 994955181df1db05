package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HorizonPlanTest {

  private final PldAccountant accountant = new PldAccountant();

  /**
   * Figures of an accountant whose ε is looser by about 10⁻³: ours affords as many rounds, and up
   * to half a percent more.
   */
  @ParameterizedTest
  @CsvSource({
    "0.01, 1, 2, 872",
    "0.01, 1, 4, 3616",
    "0.01, 1, 8, 12928",
    "0.0168, 1, 2, 239",
    "0.0168, 1, 4, 1180",
    "0.0168, 1, 8, 4448",
    "0.067, 2, 2, 132",
    "0.067, 2, 4, 506",
    "0.067, 2, 8, 1768",
  })
  void rounds_areTheMostThatTheBudgetAffords(
      double q, double sigma, double epsilon, long expected) {
    HorizonPlan horizon = HorizonPlan.of(Mechanism.uls(q, sigma), epsilon, 1e-6, accountant);

    assertThat(horizon.rounds()).isBetween(expected, expected + expected / 200);
    assertThat(horizon.epsilon()).isBetween(0.98 * epsilon, epsilon);
  }

  @Test
  void rounds_areThoseOfAFinerGridToo() {
    Mechanism mechanism = Mechanism.uls(0.01, 1);
    long fine = HorizonPlan.of(mechanism, 2, 1e-6, new PldAccountant(1e-5)).rounds();

    assertThat(fine).isEqualTo(874);
    assertThat(HorizonPlan.of(mechanism, 2, 1e-6, accountant).rounds()).isEqualTo(fine);
    assertThat(HorizonPlan.of(mechanism, 2, 1e-6, new PldAccountant(1e-3)).rounds()).isEqualTo(872);
  }

  @Test
  void anotherGuaranteeOfGroupSize_isThatOfExampleLevelSampling() {
    HorizonPlan horizon = HorizonPlan.of(Mechanism.els(0.01, 4, 2), 2, 1e-6, accountant);

    assertThat(horizon.rounds()).isPositive();
    assertThat(horizon.newUsersPerRound(/* expectedUnits= */ 400))
        .isCloseTo(400 / (0.01 * 4 * horizon.rounds()), within(1e-9));
  }

  @Test
  void steadyStateAndDuration_areArithmetic() {
    HorizonPlan horizon = new HorizonPlan(Mechanism.uls(0.01, 1), 872, 2);

    assertThat(horizon.newUsersPerRound(/* expectedUnits= */ 1024)).isCloseTo(117.43, within(0.01));
    assertThat(horizon.lasts(Duration.ofMinutes(10))).isEqualTo(Duration.ofMinutes(8720));
  }

  @Test
  void inWords_saysHowLongItLastsAndWhatItNeeds() {
    HorizonPlan horizon = new HorizonPlan(Mechanism.uls(0.01, 1), 872, 1.99991);

    assertThat(horizon.inWords(Duration.ofMinutes(10), /* expectedUnits= */ 1024))
        .isEqualTo(
            "Nobody's words influence more than 872 rounds, 6.06 days at this interval, which cost"
                + " epsilon 2.0000. 117 new users a round keep the cohort.");
    assertThat(new HorizonPlan(Mechanism.uls(0.5, 0.5), 0, 0).inWords(Duration.ofMinutes(10), 10))
        .contains("not one round", "raise epsilon");
  }

  @Test
  void whatCannotBe_isRefused() {
    HorizonPlan none = HorizonPlan.of(Mechanism.uls(0.5, 0.5), 0.1, 1e-6, accountant);

    assertThat(none.rounds()).isZero();
    assertThatThrownBy(() -> none.newUsersPerRound(10)).hasMessageContaining("not one round");
    assertThatThrownBy(() -> none.lasts(Duration.ZERO)).hasMessageContaining("must be positive");
    HorizonPlan some = new HorizonPlan(Mechanism.uls(0.01, 1), 872, 2);
    assertThatThrownBy(() -> some.newUsersPerRound(Double.NaN))
        .hasMessageContaining("expected units");
  }
}
