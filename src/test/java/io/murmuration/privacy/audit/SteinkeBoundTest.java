package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Reference values: the definition in SciPy 1.17 (binom.sf, binom.pmf), bisected there. */
class SteinkeBoundTest {

  private static double p(int m, int r, int v, double epsilon, double delta) {
    return SteinkeBound.pValue(new Guesses(m, r, v), epsilon, delta);
  }

  @Test
  void pValuesAreThoseOfTheDefinition() {
    assertThat(p(100, 100, 70, 1, 0)).isEqualTo(0.7936318185523148, within(1e-12));
    assertThat(p(1000, 300, 260, 1.5, 1e-5)).isEqualTo(0.014996004952255882, within(1e-12));
    assertThat(p(5000, 1500, 1200, 1, 1e-5)).isEqualTo(0.0007247462850607151, within(1e-12));
    assertThat(p(1000, 1000, 600, 0.2, 1e-4)).isEqualTo(0.0033453112915504957, within(1e-12));
  }

  @Test
  void withoutDeltaItIsABinomialTail() {
    // all of r right: (e^ε/(1 + e^ε))^r
    assertThat(p(50, 10, 10, 2, 0)).isEqualTo(Math.pow(1 / (1 + Math.exp(-2)), 10), within(1e-12));
    assertThat(p(50, 10, 0, 2, 0)).isEqualTo(1);
    assertThat(p(50, 0, 0, 2, 1e-5)).isEqualTo(1);
  }

  @Test
  void boundsAreThoseOfTheDefinition() {
    // 0.05^(1/100) right by chance; the two below by SciPy as above
    double accuracy = Math.pow(0.05, 0.01);
    assertThat(SteinkeBound.epsilon(new Guesses(100, 100, 100), 0, 0.05))
        .isEqualTo(Math.log(accuracy / (1 - accuracy)), within(1e-7));
    assertThat(SteinkeBound.epsilon(new Guesses(1000, 300, 260), 1e-5, 0.05))
        .isEqualTo(1.5841402891954155, within(1e-7));
    assertThat(SteinkeBound.epsilon(new Guesses(5000, 1500, 1300), 1e-5, 0.05))
        .isEqualTo(1.7437342675603396, within(1e-7));
  }

  @Test
  void chanceFalsifiesNothing() {
    assertThat(SteinkeBound.epsilon(new Guesses(1000, 300, 150), 1e-5, 0.05)).isZero();
    assertThat(SteinkeBound.epsilon(new Guesses(1000, 300, 0), 1e-5, 0.05)).isZero();
    assertThat(SteinkeBound.epsilon(new Guesses(1000, 0, 0), 1e-5, 0.05)).isZero();
  }

  @Test
  void refusesWhatIsOutOfRange() {
    assertThatThrownBy(() -> p(10, 5, 3, Double.NaN, 0))
        .hasMessage("epsilon must be at least 0 and finite but is NaN");
    assertThatThrownBy(() -> p(10, 5, 3, 1, 1)).hasMessage("delta must be in [0, 1) but is 1.0");
    assertThatThrownBy(() -> SteinkeBound.epsilon(new Guesses(10, 5, 3), 0, 0))
        .hasMessage("significance must be in (0, 1) but is 0.0");
  }
}
