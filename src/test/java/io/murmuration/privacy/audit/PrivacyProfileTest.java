package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrivacyProfileTest {

  @Test
  void ofTheGaussianMechanismIsNearlyItsTradeOff() {
    // 25 rounds at σ = 5 are one at σ = 1
    PrivacyProfile profile =
        PrivacyProfile.of(Composition.of(Mechanism.gaussian(5), 25), /* step= */ 0.1);
    GaussianTradeOff exact = new GaussianTradeOff(1);
    for (double x = 0.01; x < 1; x += 0.01) {
      double claimed = profile.inverseBlowUp(x);
      // never more than the truth, and near it
      assertThat(claimed).isBetween(exact.inverseBlowUp(x) - 0.01, exact.inverseBlowUp(x) + 1e-12);
    }
  }

  @Test
  void boundsAnEventAndItsComplement() {
    PrivacyProfile pure =
        new PrivacyProfile(List.of(new PrivacyProfile.Point(Math.log(3), /* delta= */ 0)));
    assertThat(pure.inverseBlowUp(0.6)).isEqualTo(0.2, within(1e-12));
    assertThat(pure.inverseBlowUp(0.75)).isEqualTo(0.25, within(1e-12));
    // 1 − 3·(1 − 0.9)
    assertThat(pure.inverseBlowUp(0.9)).isEqualTo(0.7, within(1e-12));
    assertThat(pure.inverseBlowUp(0)).isZero();
    assertThat(pure.inverseBlowUp(1)).isEqualTo(1, within(1e-12));
    PrivacyProfile loose =
        new PrivacyProfile(List.of(new PrivacyProfile.Point(Math.log(3), /* delta= */ 0.3)));
    assertThat(loose.inverseBlowUp(0.3)).isZero();
  }

  @Test
  void asksTheAccountantUntilNothingIsLeftToSee() {
    Composition run = Composition.of(Mechanism.uls(0.067, 1.9), 150);
    PrivacyProfile profile = PrivacyProfile.of(run, /* step= */ 0.25);
    List<PrivacyProfile.Point> points = profile.points();
    assertThat(points.get(0).epsilon()).isZero();
    assertThat(points.get(points.size() - 1).delta()).isLessThan(1e-7);
    assertThat(points.get(points.size() - 2).delta()).isGreaterThan(1e-7);
    PldAccountant accountant = new PldAccountant();
    for (PrivacyProfile.Point point : points.subList(0, 8)) {
      double delta = accountant.delta(run, point.epsilon());
      assertThat(point.delta()).isBetween(delta * (1 - 1e-3), delta * 1.02);
    }
  }

  @Test
  void refusesWhatIsOutOfRange() {
    assertThatThrownBy(() -> new PrivacyProfile(List.of()))
        .hasMessage("a profile needs at least one point");
    assertThatThrownBy(() -> new PrivacyProfile.Point(-1, 0))
        .hasMessage("epsilon must be at least 0 and finite but is -1.0");
    assertThatThrownBy(() -> new PrivacyProfile.Point(1, 2))
        .hasMessage("delta must be in [0, 1] but is 2.0");
    assertThatThrownBy(() -> PrivacyProfile.of(Composition.EMPTY, 0))
        .hasMessage("step must be positive and finite but is 0.0");
  }
}
