package io.murmuration.privacy.budget;

import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.apache.flink.runtime.checkpoint.CheckpointCoordinator;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.operators.coordination.OperatorCoordinator;
import org.apache.flink.runtime.operators.coordination.OperatorEvent;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The job manager's part of the privacy budget: takes a checkpoint when granted rounds wait for
 * one, instead of letting them wait for the next periodic one.
 *
 * <p>It keeps no state, and savepoints of releases without it are restored. Where Flink offers no
 * checkpoints to trigger, rounds wait for the periodic ones. Used by the job manager's main thread.
 *
 * <p>This is the only class that touches Flink's internal {@link CheckpointCoordinator}.
 */
final class CheckpointOperatorCoordinator implements OperatorCoordinator {

  private static final Logger LOG = LoggerFactory.getLogger(CheckpointOperatorCoordinator.class);

  private final Trigger trigger;
  private final long pauseNanos;
  private final LongSupplier nanoTime;

  /** Checkpoints that have begun and not ended, whoever asked for them. */
  private final Set<Long> underWay = new TreeSet<>();

  private long lastCompleted;
  private boolean everTriggered;
  private long triggeredAtNanos;

  /** Takes a checkpoint; the result does not matter. */
  interface Trigger {
    void checkpoint();
  }

  CheckpointOperatorCoordinator(Trigger trigger, Duration pause, LongSupplier nanoTime) {
    this.trigger = trigger;
    this.pauseNanos = pause.toNanos();
    this.nanoTime = nanoTime;
  }

  /**
   * The operator wants a checkpoint. It says so again at every pulse until it has what it waits
   * for.
   *
   * @param awaited a checkpoint whose barrier has left and that will do; 0 if there is none
   */
  record Wanted(long awaited) implements OperatorEvent {
    private static final long serialVersionUID = 1L;
  }

  /** Creates the coordinator on the job manager. */
  static final class Provider implements OperatorCoordinator.Provider {
    private static final long serialVersionUID = 1L;

    private final OperatorID operator;
    private final Duration pause;

    Provider(OperatorID operator, Duration pause) {
      this.operator = operator;
      this.pause = pause;
    }

    @Override
    public OperatorID getOperatorId() {
      return operator;
    }

    @Override
    public OperatorCoordinator create(Context context) {
      return new CheckpointOperatorCoordinator(() -> checkpoint(context), pause, System::nanoTime);
    }

    private static void checkpoint(Context context) {
      CheckpointCoordinator checkpoints = context.getCheckpointCoordinator();
      if (checkpoints == null) {
        return;
      }
      checkpoints
          .triggerCheckpoint(/* isPeriodic= */ false)
          .whenComplete(
              (completed, failure) -> {
                if (failure != null) {
                  LOG.debug("A checkpoint on demand was not taken; it is asked for again", failure);
                }
              });
    }
  }

  @Override
  public void handleEventFromOperator(int subtask, int attempt, OperatorEvent event) {
    if (!(event instanceof Wanted wanted)) {
      throw new IllegalArgumentException("the privacy budget sends no " + event);
    }
    boolean awaitedComes =
        wanted.awaited() > 0
            && (wanted.awaited() <= lastCompleted || underWay.contains(wanted.awaited()));
    boolean tooEarly = everTriggered && nanoTime.getAsLong() - triggeredAtNanos < pauseNanos;
    if (awaitedComes || tooEarly) {
      return;
    }
    everTriggered = true;
    triggeredAtNanos = nanoTime.getAsLong();
    trigger.checkpoint();
  }

  @Override
  public void checkpointCoordinator(long checkpoint, CompletableFuture<byte[]> result) {
    underWay.add(checkpoint);
    result.complete(new byte[0]);
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) {
    underWay.removeIf(id -> id <= checkpoint);
    lastCompleted = Math.max(lastCompleted, checkpoint);
  }

  @Override
  public void notifyCheckpointAborted(long checkpoint) {
    underWay.remove(checkpoint);
  }

  @Override
  public void resetToCheckpoint(long checkpoint, byte[] state) {
    underWay.clear();
  }

  @Override
  public void start() {
    // nothing runs by itself
  }

  @Override
  public void subtaskReset(int subtask, long checkpoint) {
    underWay.clear();
  }

  @Override
  public void executionAttemptFailed(int subtask, int attempt, Throwable reason) {
    // the next attempt asks anew
  }

  @Override
  public void executionAttemptReady(int subtask, int attempt, SubtaskGateway gateway) {
    // nothing is sent to the operator
  }

  @Override
  public void close() {
    // nothing is held
  }
}
