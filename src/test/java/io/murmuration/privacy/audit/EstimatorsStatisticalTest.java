package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The estimators on mechanisms whose ε is known, with fixed seeds. Under other seeds each check of
 * a bound rejects the truth with probability 10⁻⁶.
 */
class EstimatorsStatisticalTest {

  private static final double DELTA = 1e-5;
  private static final double SIGNIFICANCE = 0.05;
  private static final int RUNS = 200;

  /** The setting of the published figures of this audit: see docs/audit.md. */
  private static final double Q = 0.067;

  private static final int ROUNDS = 150;

  /** Runs whose answer exceeds the truth; each does so with probability 0.05 at most. */
  private static void assertIsBound(double epsilon, ToDoubleFunction<Integer> bound) {
    long exceeding =
        IntStream.range(0, RUNS).filter(run -> bound.applyAsDouble(run) > epsilon).count();
    assertThat(exceeding)
        .isLessThanOrEqualTo(
            BinomialDistribution.of(RUNS, SIGNIFICANCE).inverseSurvivalProbability(1e-6));
  }

  private static int guesses(int canaries) {
    return Math.round(0.3f * canaries);
  }

  private static double[] aroundOne() {
    return Thresholds.equallySpaced(-4, 5, 50);
  }

  @Test
  void noEstimateExceedsTheEpsilonOfAGaussianMechanismTooOften() {
    double mu = 1;
    double epsilon = new GaussianTradeOff(mu).epsilon(DELTA);
    CanaryScores[] runs =
        IntStream.range(0, RUNS)
            .mapToObj(run -> new SimulatedRun(100 + run).gaussian(1000, mu))
            .toArray(CanaryScores[]::new);
    assertIsBound(
        epsilon, run -> SteinkeBound.epsilon(runs[run].guess(guesses(1000)), DELTA, SIGNIFICANCE));
    assertIsBound(
        epsilon,
        run -> OneRunTradeOff.epsilon(runs[run].guess(guesses(1000)), DELTA, SIGNIFICANCE));
    assertIsBound(
        epsilon, run -> GaussianEstimate.epsilon(runs[run], aroundOne(), DELTA, SIGNIFICANCE));
  }

  @Test
  void noEstimateSeesAnythingInNoise() {
    CanaryScores noise = new SimulatedRun(1).gaussian(5000, 0);
    assertThat(SteinkeBound.epsilon(noise.guess(1500), DELTA, SIGNIFICANCE)).isZero();
    assertThat(OneRunTradeOff.epsilon(noise.guess(1500), DELTA, SIGNIFICANCE)).isZero();
    assertThat(GaussianEstimate.epsilon(noise, aroundOne(), DELTA, SIGNIFICANCE)).isZero();
  }

  @Test
  void steinkesBoundApproachesTheEpsilonOfRandomisedResponse() {
    for (double epsilon : new double[] {0.5, 2}) {
      double few =
          SteinkeBound.epsilon(
              new SimulatedRun(2).randomisedResponse(500, epsilon).guess(500), 0, SIGNIFICANCE);
      double many =
          SteinkeBound.epsilon(
              new SimulatedRun(2).randomisedResponse(50_000, epsilon).guess(50_000),
              0,
              SIGNIFICANCE);
      assertThat(few).isLessThan(many);
      assertThat(many).isBetween(0.95 * epsilon, epsilon);
    }
  }

  @Test
  void theGaussianEstimateApproachesTheEpsilonOfAGaussianMechanism() {
    double epsilon = new GaussianTradeOff(1).epsilon(DELTA);
    double few =
        GaussianEstimate.epsilon(
            new SimulatedRun(3).gaussian(1000, 1), aroundOne(), DELTA, SIGNIFICANCE);
    double many =
        GaussianEstimate.epsilon(
            new SimulatedRun(3).gaussian(200_000, 1), aroundOne(), DELTA, SIGNIFICANCE);
    assertThat(few).isLessThan(many);
    assertThat(many).isBetween(0.95 * epsilon, epsilon);
  }

  /** Two per cent of guesses: with few guesses and many canaries it sees most. */
  @Test
  void theOneRunTradeOffComesNearTheEpsilonOfAGaussianMechanism() {
    double epsilon = new GaussianTradeOff(1).epsilon(DELTA);
    double few =
        OneRunTradeOff.epsilon(
            new SimulatedRun(4).gaussian(1000, 1).guess(20), DELTA, SIGNIFICANCE);
    double many =
        OneRunTradeOff.epsilon(
            new SimulatedRun(4).gaussian(50_000, 1).guess(1000), DELTA, SIGNIFICANCE);
    assertThat(few).isLessThan(many);
    assertThat(many).isBetween(0.7 * epsilon, epsilon);
  }

  /**
   * Half of the claimed noise in 150 rounds of user-level sampling, scored by the noise that is
   * there: mean estimates of eight runs are near the published ones, within 15 per cent, the
   * Gaussian one (which depends on the thresholds) within 30, and honest noise stays below the
   * claim.
   */
  @ParameterizedTest
  @CsvSource({
    "2, 1000, 0.05, 1.7, 2.4, 2.7",
    "2, 5000, 0.05, 2.2, 2.9, 3.3",
    "8, 1000, 0.3, 4.2, 7.3, 13",
    "8, 5000, 0.3, 5.7, 9.8, 14.6"
  })
  void halvedNoiseReadsAsPublished(
      double claim,
      int canaries,
      double guessed,
      double steinke,
      double tradeOff,
      double gaussian) {
    Mechanism claimed = claimed(Mechanism.uls(Q, 1), claim);
    Mechanism halved = claimed.withNoiseMultiplier(claimed.noiseMultiplier() / 2);
    int guesses = (int) Math.round(guessed * canaries);
    Estimates measured = Estimates.mean(halved, canaries, guesses, 4 * claim);
    assertThat(measured.steinke).isBetween(0.85 * steinke, 1.15 * steinke);
    assertThat(measured.tradeOff).isBetween(0.85 * tradeOff, 1.15 * tradeOff);
    assertThat(measured.gaussian).isBetween(0.75 * gaussian, 1.3 * gaussian);
    Estimates honest = Estimates.mean(claimed, canaries, guesses, 2 * claim);
    assertThat(honest.steinke).isBetween(0.1, claim);
    assertThat(honest.tradeOff).isBetween(0.1, claim);
    assertThat(honest.gaussian).isBetween(0.1, claim);
  }

  /** Means of eight runs. */
  private record Estimates(double steinke, double tradeOff, double gaussian) {

    static Estimates mean(Mechanism mechanism, int canaries, int guesses, double range) {
      int runs = 8;
      double[] sums = new double[3];
      for (int run = 0; run < runs; run++) {
        CanaryScores scores = new SimulatedRun(run).rounds(canaries, ROUNDS, mechanism, 1);
        double[] thresholds = Thresholds.equallySpaced(-range, range, Thresholds.COUNT);
        sums[0] += SteinkeBound.epsilon(scores.guess(guesses), DELTA, SIGNIFICANCE);
        sums[1] += OneRunTradeOff.epsilon(scores.guess(guesses), DELTA, SIGNIFICANCE);
        sums[2] += GaussianEstimate.epsilon(scores, thresholds, DELTA, SIGNIFICANCE);
      }
      return new Estimates(sums[0] / runs, sums[1] / runs, sums[2] / runs);
    }
  }

  private static Mechanism claimed(Mechanism kind, double epsilon) {
    return kind.withNoiseMultiplier(
        new NoiseCalibration(new PldAccountant(1e-3))
            .noiseMultiplier(kind, ROUNDS, epsilon, DELTA));
  }

  @Test
  void randomisedResponseDeceivesTheGaussianEstimateAndNotTheGate() {
    CanaryScores scores = new SimulatedRun(5).randomisedResponse(5000, 2);
    double[] thresholds = Thresholds.equallySpaced(-0.5, 1.5, 3);
    assertThat(GaussianEstimate.epsilon(scores, thresholds, DELTA, SIGNIFICANCE)).isGreaterThan(10);
    PrivacyProfile claim = new PrivacyProfile(List.of(new PrivacyProfile.Point(2, /* delta= */ 0)));
    assertThat(ProfileGate.judge(scores, thresholds, claim, SIGNIFICANCE).falsified()).isFalse();
    PrivacyProfile less =
        new PrivacyProfile(List.of(new PrivacyProfile.Point(1.7, /* delta= */ 0)));
    assertThat(ProfileGate.judge(scores, thresholds, less, SIGNIFICANCE).falsified()).isTrue();
  }

  /** At the significance of a build, 10⁻⁷, with 5,000 canaries; see also docs/audit.md. */
  @ParameterizedTest
  @CsvSource({"ULS, 2", "ULS, 8", "ELS, 2", "ELS, 8"})
  void theGateCatchesHalvedNoiseAndLetsHonestNoisePass(String sampler, double claim) {
    Mechanism claimed =
        claimed(
            sampler.equals("ULS") ? Mechanism.uls(Q, 1) : Mechanism.els(Q, /* groupSize= */ 4, 1),
            claim);
    PrivacyProfile profile =
        PrivacyProfile.of(Composition.of(claimed, ROUNDS), /* step= */ claim / 16);
    double[] thresholds = Thresholds.forClaim(claim);
    for (int run = 0; run < 5; run++) {
      assertThat(
              ProfileGate.judge(
                      new SimulatedRun(run).rounds(5000, ROUNDS, claimed, 0.5),
                      thresholds,
                      profile,
                      1e-7)
                  .falsified())
          .isTrue();
      assertThat(
              ProfileGate.judge(
                      new SimulatedRun(run).rounds(5000, ROUNDS, claimed, 1),
                      thresholds,
                      profile,
                      SIGNIFICANCE)
                  .falsified())
          .isFalse();
    }
  }

  /** A gate that counted one tail or one bound too few would fail here. */
  @Test
  void theGateFalsifiesATightClaimNoMoreOftenThanItMay() {
    GaussianTradeOff claim = new GaussianTradeOff(1);
    int runs = 1000;
    double[] one = {0.5, 0.6};
    long falsified =
        IntStream.range(0, runs)
            .filter(
                run ->
                    ProfileGate.judge(new SimulatedRun(run).gaussian(1000, 1), one, claim, 0.9)
                        .falsified())
            .count();
    assertThat(falsified)
        .isLessThanOrEqualTo(BinomialDistribution.of(runs, 0.9).inverseSurvivalProbability(1e-6));
    GaussianTradeOff less = new GaussianTradeOff(0.7);
    assertThat(
            ProfileGate.judge(new SimulatedRun(1).gaussian(10_000, 1), one, less, 0.05).falsified())
        .isTrue();
  }
}
