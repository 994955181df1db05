package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Scale;

class AccountantPropertyTest {

  /** Two grids of precision 1e-3 can disagree by so much. */
  private static final double SLACK = 1 + 3e-3;

  private final PldAccountant accountant = new PldAccountant(1e-3);

  @Property(tries = 30, seed = "20")
  void epsilon_growsWithRoundsProbabilityAndGroup_fallsWithNoiseAndDelta(
      @ForAll @Scale(4) @DoubleRange(min = 0.001, max = 0.4) double p,
      @ForAll @IntRange(min = 1, max = 12) int group,
      @ForAll @Scale(4) @DoubleRange(min = 0.5, max = 20) double sigma,
      @ForAll @LongRange(min = 1, max = 3000) long rounds,
      @ForAll @Scale(4) @DoubleRange(min = -12, max = -3) double logDelta) {
    double delta = Math.pow(10, logDelta);
    double epsilon = accountant.epsilon(Mechanism.els(p, group, sigma), rounds, delta);

    assertThat(epsilon).isNotNaN().isNotNegative();
    double floor = epsilon / SLACK - 1e-9;
    assertThat(accountant.epsilon(Mechanism.els(p, group, sigma), 2 * rounds, delta))
        .isGreaterThanOrEqualTo(floor);
    assertThat(accountant.epsilon(Mechanism.els(1.5 * p, group, sigma), rounds, delta))
        .isGreaterThanOrEqualTo(floor);
    assertThat(accountant.epsilon(Mechanism.els(p, group + 1, sigma), rounds, delta))
        .isGreaterThanOrEqualTo(floor);
    assertThat(accountant.epsilon(Mechanism.els(p, group, sigma / 1.2), rounds, delta))
        .isGreaterThanOrEqualTo(floor);
    assertThat(accountant.epsilon(Mechanism.els(p, group, sigma), rounds, delta / 10))
        .isGreaterThanOrEqualTo(floor);
  }

  @Property(tries = 40, seed = "20")
  void epsilon_isAtMostThatOfRenyiComposition(
      @ForAll @Scale(4) @DoubleRange(min = 0.001, max = 1) double q,
      @ForAll @Scale(4) @DoubleRange(min = 0.6, max = 20) double sigma,
      @ForAll @LongRange(min = 1, max = 20000) long rounds,
      @ForAll @Scale(4) @DoubleRange(min = -12, max = -3) double logDelta) {
    double delta = Math.pow(10, logDelta);
    PoissonSubsampledGaussian mechanism = new PoissonSubsampledGaussian(q, sigma);
    double renyi = RdpAccountant.empty().plus(mechanism, rounds).epsilon(delta);

    assertThat(accountant.epsilon(mechanism, rounds, delta)).isLessThanOrEqualTo(renyi * SLACK);
  }

  @Property(tries = 60, seed = "20")
  void singleRound_isNeverBelowTheIntegral(
      @ForAll @Scale(4) @DoubleRange(min = 0.001, max = 1) double p,
      @ForAll @IntRange(min = 1, max = 20) int group,
      @ForAll @Scale(4) @DoubleRange(min = 0.4, max = 10) double sigma,
      @ForAll @Scale(4) @DoubleRange(min = -10, max = -2) double logDelta) {
    Mechanism mechanism = Mechanism.els(p, group, sigma);
    double delta = Math.pow(10, logDelta);
    double epsilon = accountant.epsilon(mechanism, 1, delta);

    assertThat(HockeyStickIntegral.delta(mechanism, epsilon))
        .isLessThanOrEqualTo(delta * (1 + 1e-8));
  }
}
