package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RdpAccountantTest {

  private static final PoissonSubsampledGaussian ROUND = new PoissonSubsampledGaussian(0.01, 1);

  @Test
  void divergence_withoutSampling_isOrderOverTwoVariances() {
    PoissonSubsampledGaussian gaussian = new PoissonSubsampledGaussian(1, 3);
    assertThat(RdpAccountant.divergence(gaussian, 7)).isCloseTo(7 / 18.0, within(1e-12));
  }

  @Test
  void divergence_orderTwo_hasAClosedForm() {
    double expected = Math.log1p(0.01 * 0.01 * Math.expm1(1));
    assertThat(RdpAccountant.divergence(ROUND, 2)).isCloseTo(expected, within(1e-15));
  }

  @Test
  void epsilon_isAboveThePldsAndNotFarAbove() {
    double rdp = RdpAccountant.empty().plus(ROUND, 1000).epsilon(1e-6);
    double pld = new PldAccountant().epsilon(ROUND, 1000, 1e-6);

    assertThat(rdp).isBetween(pld, 1.2 * pld);
  }
}
