package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import org.junit.jupiter.api.Test;

class GaussianTradeOffTest {

  @Test
  void agreesWithTheAccountantOnTheGaussianMechanism() {
    PldAccountant accountant = new PldAccountant();
    for (double mu : new double[] {0.25, 1, 3}) {
      Mechanism mechanism = Mechanism.gaussian(1 / mu);
      double epsilon = accountant.epsilon(mechanism, 1, 1e-5);
      assertThat(new GaussianTradeOff(mu).epsilon(1e-5)).isEqualTo(epsilon, within(2e-4 * epsilon));
      assertThat(new GaussianTradeOff(mu).delta(1))
          .isEqualTo(accountant.delta(mechanism, 1, 1), within(2e-3));
    }
  }

  @Test
  void goesThroughThePointItIsMadeOf() {
    for (double epsilon : new double[] {0.1, 2, 8, 40}) {
      GaussianTradeOff curve = GaussianTradeOff.of(epsilon, 1e-5);
      assertThat(curve.epsilon(1e-5)).isEqualTo(epsilon, within(1e-6 * Math.max(1, epsilon)));
    }
  }

  @Test
  void itsInverseBlowUpIsThatOfTwoNormals() {
    GaussianTradeOff one = new GaussianTradeOff(1);
    // Φ(Φ⁻¹(Φ(1)) − 1) = ½
    assertThat(one.inverseBlowUp(0.8413447460685429)).isEqualTo(0.5, within(1e-12));
    assertThat(one.inverseBlowUp(0)).isZero();
    assertThat(one.inverseBlowUp(1)).isEqualTo(1);
    assertThat(new GaussianTradeOff(0).inverseBlowUp(0.3)).isEqualTo(0.3, within(1e-12));
  }

  @Test
  void nothingLeaksAtMuZeroAndNothingOverflowsFarOut() {
    assertThat(new GaussianTradeOff(0).delta(1)).isZero();
    assertThat(new GaussianTradeOff(0).epsilon(1e-5)).isZero();
    assertThat(new GaussianTradeOff(1).delta(1000)).isZero();
    assertThat(new GaussianTradeOff(50).delta(0)).isEqualTo(1, within(1e-12));
    assertThatThrownBy(() -> new GaussianTradeOff(-1))
        .hasMessage("mu must be at least 0 and finite but is -1.0");
    assertThatThrownBy(() -> GaussianTradeOff.of(1, 0))
        .hasMessage("delta must be in (0, 1) but is 0.0");
  }
}
