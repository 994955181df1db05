package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CyclicMechanismTest {

  private static final double DELTA = 1e-6;
  private static final Mechanism IN_TURN = Mechanism.uls(0.4, 1.5);
  private static final Mechanism CYCLIC = Mechanism.inTurns(IN_TURN, 8);

  private final PldAccountant accountant = new PldAccountant();

  @Test
  void aCycleThatHasBegunCostsAsAWholeOne() {
    for (long rounds : new long[] {1, 7, 8}) {
      assertThat(accountant.epsilon(CYCLIC, rounds, DELTA))
          .isEqualTo(accountant.epsilon(IN_TURN, 1, DELTA));
    }
    for (long rounds : new long[] {9, 16}) {
      assertThat(accountant.epsilon(CYCLIC, rounds, DELTA))
          .isEqualTo(accountant.epsilon(IN_TURN, 2, DELTA));
    }
    assertThat(accountant.delta(CYCLIC, 149, 4)).isEqualTo(accountant.delta(IN_TURN, 19, 4));
    assertThat(accountant.epsilon(CYCLIC, 0, DELTA)).isZero();
  }

  /** A user who takes part at the end of one stretch may do so at the beginning of the next. */
  @Test
  void stretchesThatFollowOnEachOtherDoNotShareACycle() {
    Composition one = Composition.of(CYCLIC, 4);

    assertThat(accountant.epsilon(one.and(one), DELTA))
        .isEqualTo(accountant.epsilon(IN_TURN, 2, DELTA));
  }

  @Test
  void besideOtherMechanismsTheSameIsComposed() {
    Mechanism other = Mechanism.uls(0.1, 2);
    Composition cyclic = Composition.of(other, 5).and(Composition.of(CYCLIC, 20));
    Composition written = Composition.of(other, 5).and(Composition.of(IN_TURN, 3));

    assertThat(accountant.epsilon(cyclic, DELTA)).isEqualTo(accountant.epsilon(written, DELTA));
  }

  @Test
  void anOptionOfAChoiceIsCutToRoundsAndCostsWhatTheirCyclesDo() {
    Choice cyclic = Choice.of(CYCLIC, 40);
    Choice written = Choice.of(IN_TURN, 5);

    assertThat(accountant.epsilon(JointComposition.of(List.of(cyclic)), DELTA))
        .isEqualTo(accountant.epsilon(JointComposition.of(List.of(written)), DELTA));
    assertThat(accountant.epsilon(JointComposition.of(List.of(cyclic.cutTo(9))), DELTA))
        .isEqualTo(accountant.epsilon(JointComposition.of(List.of(written.cutTo(2))), DELTA));
  }

  @Test
  void aPhaseAffordsWholeCycles() {
    PhaseAccountant turns = PldPhaseAccountant.forPhase(IN_TURN, 8, DELTA);
    PhaseAccountant rounds = PldPhaseAccountant.forPhase(CYCLIC, 8, DELTA);

    assertThat(turns.affordableRounds()).isPositive();
    assertThat(rounds.affordableRounds()).isEqualTo(8 * turns.affordableRounds());
    assertThat(rounds.epsilonAfter(17)).isEqualTo(turns.epsilonAfter(3));
    assertThat(rounds.epsilonAfter(24)).isEqualTo(turns.epsilonAfter(3));
    assertThat(rounds.epsilonAfter(0)).isZero();
    assertThat(rounds.covers(rounds.affordableRounds() + 1)).isFalse();
    assertThat(rounds.proves(17, turns.epsilonAfter(3))).isTrue();
    assertThat(rounds.proves(17, turns.epsilonAfter(2))).isFalse();
  }

  /**
   * Whoever hardly ever takes part costs nothing as long as δ is above the chance of it: of all
   * turns, not of every b-th.
   */
  @Test
  void turnsThatAreRareAreAllCounted() {
    double delta = 1e-4;
    Mechanism rare = Mechanism.uls(0.6 * delta, 0.3);
    Mechanism cyclic = Mechanism.inTurns(rare, 8);
    PhaseAccountant turns = PldPhaseAccountant.forPhase(rare, 8, delta);
    PhaseAccountant rounds = PldPhaseAccountant.forPhase(cyclic, 8, delta);

    assertThat(accountant.epsilon(cyclic, 8, delta)).isZero();
    assertThat(accountant.epsilon(cyclic, 9, delta)).isPositive();
    for (int n = 1; n <= 8; n++) {
      assertThat(accountant.epsilon(cyclic, 8 * n, delta))
          .isEqualTo(accountant.epsilon(rare, n, delta));
      assertThat(rounds.epsilonAfter(8 * n)).isEqualTo(turns.epsilonAfter(n));
    }
  }

  @Test
  void aPhaseThatMayEndInsideACycleEndsThere() {
    PhaseAccountant phase = PldPhaseAccountant.forPhase(CYCLIC, 8, DELTA, /* mostRounds= */ 13);

    assertThat(phase.affordableRounds()).isEqualTo(13);
    assertThat(phase.epsilonAfter(13)).isEqualTo(accountant.epsilon(IN_TURN, 2, DELTA));
  }

  @Test
  void noiseIsCalibratedToTheCycles() {
    NoiseCalibration calibration = new NoiseCalibration(accountant);

    assertThat(calibration.noiseMultiplier(CYCLIC, 150, 8, DELTA))
        .isEqualTo(calibration.noiseMultiplier(IN_TURN, 19, 8, DELTA));
  }

  @Test
  void examplesTakeTurnsWithTheirUser() {
    Mechanism examples = Mechanism.inTurns(Mechanism.els(0.08, 4, 2), 4);

    assertThat(accountant.epsilon(examples, 10, DELTA))
        .isEqualTo(accountant.epsilon(Mechanism.els(0.08, 4, 2), 3, DELTA));
  }

  @Test
  void oneBandIsTheMechanismItself() {
    assertThat(Mechanism.inTurns(IN_TURN, 1)).isEqualTo(IN_TURN);
    assertThatThrownBy(() -> Mechanism.inTurns(IN_TURN, 0))
        .hasMessage("bands must be in [2, 64] but is 0");
    assertThatThrownBy(() -> Mechanism.inTurns(CYCLIC, 2))
        .hasMessageStartingWith("what users take turns in must not be cyclic itself");
  }
}
