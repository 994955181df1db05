package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class PldPhaseAccountantTest {

  private final PhaseAccountant phase = PldPhaseAccountant.forPhase(Mechanism.uls(0.1, 3), 2, 1e-6);

  @Test
  void affordableRounds_areTheMostThatStayWithinTheReservation() {
    assertThat(phase.affordableRounds()).isEqualTo(155);
    assertThat(phase.epsilonAfter(155)).isLessThanOrEqualTo(2);
    assertThat(new PldAccountant().epsilon(Mechanism.uls(0.1, 3), 156, 1e-6)).isGreaterThan(2);
  }

  @Test
  void admits_exactlyTheAffordableRounds() {
    assertThat(phase.admits(0)).isTrue();
    assertThat(phase.admits(154)).isTrue();
    assertThat(phase.admits(155)).isFalse();
  }

  @Test
  void epsilonAfter_inAnyOrder_strictlyIncreasesWithRounds() {
    long[] shuffled = LongStream.rangeClosed(0, 155).map(i -> i * 67 % 156).toArray();
    for (long rounds : shuffled) {
      phase.epsilonAfter(rounds);
    }
    double[] epsilons = LongStream.rangeClosed(0, 155).mapToDouble(phase::epsilonAfter).toArray();

    assertThat(epsilons).doesNotHaveDuplicates().isSorted();
    assertThat(epsilons[0]).isZero();
  }

  @Test
  void epsilonAfter_agreesWithTheAccountant() {
    for (long rounds : new long[] {1, 10, 100}) {
      double expected = new PldAccountant().epsilon(Mechanism.uls(0.1, 3), rounds, 1e-6);
      assertThat(phase.epsilonAfter(rounds)).isCloseTo(expected, within(5e-4 * expected));
    }
  }

  @Test
  void epsilonAfter_roundsBeyondTheReservation_areRefused() {
    assertThatThrownBy(() -> phase.epsilonAfter(156)).hasMessageContaining("[0, 155]");
    assertThatThrownBy(() -> phase.epsilonAfter(-1)).hasMessageContaining("-1");
  }

  @Test
  void forPhase_cap_limitsTheRounds() {
    PhaseAccountant capped = PldPhaseAccountant.forPhase(Mechanism.uls(0.1, 3), 2, 1e-6, 40);

    assertThat(capped.affordableRounds()).isEqualTo(40);
    assertThat(capped.epsilonAfter(40)).isCloseTo(phase.epsilonAfter(40), within(1e-3));
  }

  @Test
  void forPhase_budgetBelowOneRound_affordsNone() {
    PhaseAccountant poor = PldPhaseAccountant.forPhase(Mechanism.uls(0.5, 0.5), 0.1, 1e-6);

    assertThat(poor.affordableRounds()).isZero();
    assertThat(poor.admits(0)).isFalse();
    assertThat(poor.epsilonAfter(0)).isZero();
  }

  @Test
  void phases_reserveByBasicCompositionAndNotBeyondTheTotal() {
    PhaseReservations reservations = PhaseReservations.of(1, 1e-6);
    for (int i = 0; i < 10; i++) {
      reservations = reservations.reserve(0.1, 1e-7);
    }
    PhaseReservations full = reservations;

    assertThat(full.remainingEpsilon()).isZero();
    assertThat(full.remainingDelta()).isZero();
    assertThatThrownBy(() -> full.reserve(1e-9, 1e-9)).hasMessageContaining("more than the total");
  }
}
