package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LifetimeAccountantTest {

  private static final Mechanism ROUND = Mechanism.uls(0.067, 2);

  private final PhaseAccountant ending = PldPhaseAccountant.forPhase(ROUND, 2, 1e-6);
  private final long horizon = ending.affordableRounds();

  @Test
  void roundsAreAdmittedForEver() {
    PhaseAccountant lifetime = new LifetimeAccountant(ending, horizon);
    assertThat(lifetime.affordableRounds()).isEqualTo(Long.MAX_VALUE);
    assertThat(lifetime.admits(horizon)).isTrue();
    assertThat(lifetime.admits(Long.MAX_VALUE - 1)).isTrue();
    assertThat(lifetime.covers(1_000_000_000_000L)).isTrue();
  }

  @Test
  void epsilonIsThatOfWhatOneUserCanHaveTakenPartIn() {
    PhaseAccountant lifetime = new LifetimeAccountant(ending, horizon);
    assertThat(lifetime.epsilonAfter(0)).isZero();
    assertThat(lifetime.epsilonAfter(7)).isEqualTo(ending.epsilonAfter(7)).isPositive();
    assertThat(lifetime.epsilonAfter(horizon)).isEqualTo(ending.epsilonAfter(horizon));
    assertThat(lifetime.epsilonAfter(100 * horizon)).isEqualTo(ending.epsilonAfter(horizon));
    assertThat(lifetime.reservedEpsilon()).isEqualTo(2);
    assertThat(lifetime.delta()).isEqualTo(1e-6);
    assertThat(lifetime.proves(100 * horizon, ending.epsilonAfter(horizon))).isTrue();
    assertThat(lifetime.proves(100 * horizon, 0.9 * ending.epsilonAfter(horizon))).isFalse();
  }

  @Test
  void aLifetimeThatIsNotCoveredAdmitsNothing() {
    PhaseAccountant lifetime = new LifetimeAccountant(ending, horizon + horizon / 10);
    assertThat(lifetime.admits(0)).isFalse();
    assertThat(lifetime.covers(1)).isFalse();
    assertThatThrownBy(() -> lifetime.epsilonAfter(1)).hasMessageContaining("does not cover");
    assertThatThrownBy(() -> new LifetimeAccountant(ending, 0)).hasMessageContaining("rounds");
  }

  @Test
  void aLifetimeThatOnlyAFinerGridCoversIsAdmittedAtWhatIsReserved() {
    // another version's accountant was that much tighter
    PhaseAccountant coarse = PldPhaseAccountant.forPhase(ROUND, 2, 1e-6, 1_000_000, 5e-3);
    long fine = horizon;
    assertThat(coarse.affordableRounds()).isLessThan(fine);
    PhaseAccountant lifetime = new LifetimeAccountant(coarse, fine);
    assertThat(lifetime.admits(fine)).isTrue();
    assertThat(lifetime.epsilonAfter(2 * fine)).isEqualTo(2);
  }
}
