package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import org.junit.jupiter.api.Test;

class OneRunVerdictTest {

  private static final double DELTA = 1e-5;

  private static OneRunVerdict judge(CanaryScores scores, double claimedMu) {
    return OneRunVerdict.of(
        scores, new GaussianTradeOff(claimedMu).epsilon(DELTA), DELTA, profile(claimedMu));
  }

  private static PrivacyProfile profile(double mu) {
    return PrivacyProfile.of(Composition.of(Mechanism.gaussian(1 / mu), 1), /* step= */ 0.1);
  }

  @Test
  void honestScoresFalsifyNothingAndBoundEpsilonFromBelow() {
    OneRunVerdict verdict = judge(new SimulatedRun(1).gaussian(2000, 1), 1);
    assertThat(verdict.falsified()).isFalse();
    assertThat(verdict.guesses().guesses()).isEqualTo(600);
    assertThat(verdict.epsilonLower()).isBetween(0.5, verdict.claimed());
    assertThat(verdict.epsilonLower())
        .isEqualTo(Math.max(verdict.byGuesses(), verdict.byTradeOff()));
  }

  @Test
  void scoresThatLeakFarMoreThanClaimedFalsify() {
    OneRunVerdict verdict = judge(new SimulatedRun(1).gaussian(2000, 3), 0.5);
    assertThat(verdict.guessesFalsify()).isTrue();
    assertThat(verdict.profileFalsified()).isTrue();
    assertThat(verdict.falsified()).isTrue();
    assertThat(verdict.epsilonLower()).isGreaterThan(verdict.claimed());
  }

  @Test
  void theProfileSeesWhatTheOnePairDoesNot() {
    OneRunVerdict verdict = judge(new SimulatedRun(1).gaussian(2000, 1.6), 0.8);
    assertThat(verdict.guessesFalsify()).isFalse();
    assertThat(verdict.profileFalsified()).isTrue();
    assertThat(verdict.falsified()).isTrue();
  }

  @Test
  void noiseFalsifiesNothingAndBoundsNothing() {
    OneRunVerdict verdict = judge(new SimulatedRun(2).gaussian(2000, 0), 1);
    assertThat(verdict.falsified()).isFalse();
    assertThat(verdict.epsilonLower()).isZero();
  }

  @Test
  void saysFromWhichNumberOfRightGuessesOnAClaimIsFalsified() {
    TradeOff profile = profile(1);
    double epsilon = new GaussianTradeOff(1).epsilon(DELTA);
    int enough = OneRunVerdict.guessesToFalsify(400, epsilon, DELTA, profile).orElseThrow();
    for (int right = 0; right <= 120; right++) {
      Guesses guesses = new Guesses(400, 120, right);
      boolean falsified =
          SteinkeBound.pValue(guesses, epsilon, DELTA) < OneRunVerdict.SIGNIFICANCE / 2
              || OneRunTradeOff.falsifies(guesses, profile, OneRunVerdict.SIGNIFICANCE / 2);
      assertThat(falsified).as("%d of 120", right).isEqualTo(right >= enough);
    }
  }

  @Test
  void saysWhereNothingCouldFalsifyAClaim() {
    assertThat(OneRunVerdict.guessesToFalsify(80, 8, DELTA, profile(1.5))).isEmpty();
    OneRunVerdict verdict = judge(new SimulatedRun(1).gaussian(2000, 1), 1);
    assertThat(verdict.guessesToFalsify().orElseThrow())
        .isBetween(verdict.guesses().correct() + 1, verdict.guesses().guesses());
  }
}
