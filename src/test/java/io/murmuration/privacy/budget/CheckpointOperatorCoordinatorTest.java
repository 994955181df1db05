package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.murmuration.privacy.budget.CheckpointOperatorCoordinator.Wanted;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.runtime.operators.coordination.OperatorEvent;
import org.junit.jupiter.api.Test;

/** Checkpoints are taken for rounds that wait, not more often than the pause, and none in vain. */
class CheckpointOperatorCoordinatorTest {

  private long nanos = -1;
  private int taken;
  private final CheckpointOperatorCoordinator coordinator =
      new CheckpointOperatorCoordinator(() -> taken++, Duration.ofNanos(10), () -> nanos);

  private void wanted(long awaited) {
    coordinator.handleEventFromOperator(/* subtask= */ 0, /* attempt= */ 0, new Wanted(awaited));
  }

  private void begin(long checkpoint) {
    CompletableFuture<byte[]> state = new CompletableFuture<>();
    coordinator.checkpointCoordinator(checkpoint, state);
    assertThat(state).isCompletedWithValueMatching(bytes -> bytes.length == 0);
  }

  @Test
  void asksAreAnsweredNotMoreOftenThanThePause() {
    wanted(0);
    nanos += 9;
    wanted(0);
    assertThat(taken).isEqualTo(1);
    nanos += 1;
    wanted(0);
    assertThat(taken).isEqualTo(2);
  }

  @Test
  void aCheckpointUnderWayThatWillDoIsAwaited() {
    begin(7);
    wanted(7);
    assertThat(taken).isZero();
    coordinator.notifyCheckpointComplete(7);
    // the operator has not heard of it yet
    wanted(7);
    assertThat(taken).isZero();
  }

  @Test
  void oneThatWasAbortedIsTakenAnew() {
    begin(7);
    coordinator.notifyCheckpointAborted(7);
    wanted(7);
    assertThat(taken).isEqualTo(1);
  }

  @Test
  void oneThatWillNotDoHoldsNothingBack() {
    begin(7);
    wanted(0);
    assertThat(taken).isEqualTo(1);
  }

  @Test
  void aRestoreForgetsWhatWasUnderWayAndNeedsNoState() {
    begin(7);
    coordinator.resetToCheckpoint(5, /* state= */ null);
    wanted(7);
    assertThat(taken).isEqualTo(1);
  }

  @Test
  void otherEventsAreRefused() {
    OperatorEvent other = new OperatorEvent() {};
    assertThatIllegalArgumentException()
        .isThrownBy(() -> coordinator.handleEventFromOperator(0, 0, other));
  }
}
