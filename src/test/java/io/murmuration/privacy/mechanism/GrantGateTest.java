package io.murmuration.privacy.mechanism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class GrantGateTest {

  private static Grant grant(long epoch, long tick) {
    RoundMechanism mechanism = new RoundMechanism(Sampler.ULS, 0.5, 1, 1, 1, 1);
    return new Grant(epoch, tick, tick, 1, mechanism, 1, 1e-6, "hash");
  }

  @Test
  void nothingIsGrantedBeforeAnEpochStarts() {
    GrantGate gate = new GrantGate(GrantGate.UNKNOWN);
    assertThat(gate.admits(grant(0, 1))).isFalse();
    assertThatThrownBy(() -> gate.add(grant(0, 1))).isInstanceOf(IllegalArgumentException.class);
    assertThat(gate.startEpoch(new EpochStart(0, 1))).isTrue();
    assertThat(gate.admits(grant(0, 1))).isTrue();
  }

  @Test
  void whatTheRestoredEpochAndThoseBeforeItGrantedIsVoid() {
    GrantGate gate = new GrantGate(/* restoredEpoch= */ 7);
    assertThat(gate.startEpoch(new EpochStart(6, 4))).isFalse();
    assertThat(gate.startEpoch(new EpochStart(7, 4))).isTrue();
    assertThat(gate.admits(grant(7, 5))).isFalse();
    assertThat(gate.startEpoch(new EpochStart(8, 4))).isTrue();
    assertThat(gate.admits(grant(7, 5))).isFalse();
    assertThat(gate.admits(grant(9, 5))).isFalse();
    assertThat(gate.admits(grant(8, 5))).isTrue();
  }

  @Test
  void aLaterEpochVoidsWhatIsPending() {
    GrantGate gate = new GrantGate(GrantGate.UNKNOWN);
    gate.startEpoch(new EpochStart(1, 4));
    gate.add(grant(1, 5));
    assertThat(gate.startEpoch(new EpochStart(1, 9))).isFalse();
    assertThat(gate.at(5)).contains(grant(1, 5));
    assertThat(gate.startEpoch(new EpochStart(2, 4))).isTrue();
    assertThat(gate.at(5)).isEmpty();
    assertThat(gate.latest()).isEmpty();
  }

  @Test
  void aTickIsGrantedOnlyUntilItsWatermark() {
    GrantGate gate = new GrantGate(GrantGate.UNKNOWN);
    gate.startEpoch(new EpochStart(1, 4));
    assertThat(gate.closedTick()).isEqualTo(3);
    assertThat(gate.admits(grant(1, 3))).isFalse();
    gate.add(grant(1, 4));
    gate.close(4);
    assertThat(gate.admits(grant(1, 4))).isFalse();
    assertThat(gate.at(4)).as("acted on between its watermark and forgetting").isPresent();
    gate.forget(4);
    assertThat(gate.at(4)).isEmpty();
    gate.close(2);
    assertThat(gate.closedTick()).as("time never goes back").isEqualTo(4);
  }

  @Test
  void aTickIsGrantedOnce() {
    GrantGate gate = new GrantGate(GrantGate.UNKNOWN);
    gate.startEpoch(new EpochStart(1, 4));
    gate.add(grant(1, 5));
    assertThat(gate.admits(grant(1, 5))).isFalse();
    gate.close(5);
    gate.forget(5);
    assertThat(gate.admits(grant(1, 5))).isFalse();
  }

  @Test
  void whatEarlierAttemptsAndClosedTicksLeftIsOver_andALaterEpochIsNot() {
    GrantGate gate = new GrantGate(/* restoredEpoch= */ 7);
    assertThat(gate.isOver(7, 5)).isTrue();
    assertThat(gate.isOver(8, 5)).as("its start may be on its way").isFalse();
    gate.startEpoch(new EpochStart(9, 4));
    assertThat(gate.isOver(8, 5)).isTrue();
    assertThat(gate.isOver(9, 3)).isTrue();
    assertThat(gate.isOver(9, 4)).isFalse();
    gate.close(4);
    assertThat(gate.isOver(9, 4)).isTrue();
    assertThat(gate.isOver(9, 5)).isFalse();
    assertThat(gate.isOver(10, 4)).isFalse();
  }
}
