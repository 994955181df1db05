package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.planning.RoundsComparison.Candidate;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundsComparisonTest {

  private static final double DELTA = 1e-6;

  private final PldAccountant accountant = new PldAccountant();

  private List<Candidate> candidates(Sampler sampler, double q, long rounds, double epsilon) {
    double sigma =
        new NoiseCalibration(accountant)
            .noiseMultiplier(sampler.accounted(q, 4, 1), rounds, epsilon, DELTA);
    return new RoundsComparison(accountant)
        .candidates(
            new RoundMechanism(sampler, q, 4, sigma, 0.5, 1e4 * q),
            new PlanningTerms(10_000, 4e4 * q, rounds, epsilon, DELTA));
  }

  @Test
  void theGradientsOfAllRoundsAreTheSame_andFewerRoundsHaveLessNoise() {
    for (Sampler sampler : Sampler.values()) {
      List<Candidate> candidates = candidates(sampler, 0.05, 100, 4);
      assertThat(candidates).extracting(Candidate::rounds).containsExactly(25L, 50L, 100L, 200L);
      assertThat(candidates)
          .allSatisfy(
              one -> {
                assertThat(one.rounds() * one.mechanism().expectedUnits())
                    .isCloseTo(5e4, within(1e-6));
                assertThat(one.rounds() * one.mechanism().samplingProbability())
                    .isCloseTo(5, within(1e-9));
              });
      assertThat(candidates).extracting(Candidate::relative).isSorted();
      assertThat(candidates.get(2).relative()).isEqualTo(1);
    }
  }

  /** What each says it needs is what the budget affords, and no more. */
  @Test
  void eachHasTheNoiseThatTheBudgetNeedsForItsRounds() {
    for (Candidate one : candidates(Sampler.ULS, 0.05, 100, 4)) {
      double epsilon = accountant.epsilon(one.mechanism().accounted(), one.rounds(), DELTA);
      assertThat(epsilon).isBetween(3.95, 4.0);
    }
  }

  @Test
  void whatThePopulationCannotGiveIsLeftOut() {
    assertThat(candidates(Sampler.ULS, 0.4, 10, 4))
        .extracting(Candidate::rounds)
        .containsExactly(5L, 10L, 20L);
    assertThat(candidates(Sampler.ULS, 0.4, 1, 4))
        .extracting(Candidate::rounds)
        .containsExactly(1L, 2L);
  }
}
