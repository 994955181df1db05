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
  void epsilonAfter_isWhatTheAccountantSays() {
    for (long rounds : new long[] {1, 10, 64, 65, 100, 155}) {
      assertThat(phase.epsilonAfter(rounds))
          .isEqualTo(new PldAccountant().epsilon(Mechanism.uls(0.1, 3), rounds, 1e-6));
    }
  }

  @Test
  void epsilonAfter_whereTheGridChanges_doesNotFall() {
    Mechanism mechanism = Mechanism.uls(0.01, 1);
    RepeatedMechanism repeated =
        new RepeatedMechanism(mechanism, 1e-6, PldAccountant.DEFAULT_PRECISION);
    for (long power : new long[] {16, 1024, 1L << 16}) {
      double[] around =
          LongStream.rangeClosed(power - 2, power + 2 + power / 64)
              .filter(rounds -> Math.abs(rounds - power) <= 2 || rounds >= power + power / 64 - 1)
              .mapToDouble(repeated::epsilon)
              .toArray();
      assertThat(around).isSorted();
    }
  }

  @Test
  void covers_isProvenMorePreciselyThanAdmitted() {
    Mechanism mechanism = Mechanism.uls(0.1, 3);
    double fine = new PldAccountant(1e-6).epsilon(mechanism, 155, 1e-6);
    double coarse = new PldAccountant().epsilon(mechanism, 155, 1e-6);
    assertThat(fine).isLessThan(coarse);
    PhaseAccountant tight =
        PldPhaseAccountant.forPhase(mechanism, fine + 0.2 * (coarse - fine), 1e-6);

    assertThat(tight.affordableRounds()).isEqualTo(154);
    assertThat(tight.covers(154)).isTrue();
    assertThat(tight.covers(155)).isTrue();
    assertThat(tight.covers(156)).isFalse();
    assertThat(tight.covers(10_000)).isFalse();
    assertThat(PldPhaseAccountant.forPhase(mechanism, fine * (1 - 1e-5), 1e-6).covers(155))
        .isFalse();
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
}
