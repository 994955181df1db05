package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.contribution.UserCounts;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.TrainTask.FakeTrainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TrainOperatorTest {

  /** What the fake trainer answers a measurement with. */
  private static final List<Double> NOISED = List.of(6.5, -1.25, 3.0);

  /** Parameters that, with one moment each, need several parts. */
  private static final int LARGE = 800_000;

  private final List<TrainTask> tasks = new ArrayList<>();

  @AfterEach
  void closeTasks() throws Exception {
    for (TrainTask task : tasks) {
      task.trainer.mayEnd.release(100);
      task.harness.close();
    }
  }

  @Nested
  class ARound {

    @Test
    void aRoundRunsOnceBothInputsReachedItsWatermark() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.grant(1, 1, 5);
      task.signalWatermark(5);
      // its channel may be behind the budget's: were the round run above, this user would be
      // missing
      task.sample(1, 1, 5, "ann");
      task.sampleWatermark(5);
      task.awaitMail();
      assertThat(task.trainer.users()).containsExactly(List.of("ann"));
      assertThat(task.sent())
          .satisfiesExactly(
              watermark -> assertThat(watermark).isEqualTo(new Watermark(5)),
              release ->
                  assertThat(((RoundRelease) release).grant())
                      .isEqualTo(TrainTask.grantOf(1, 1, 5)));
    }

    @Test
    void trainingLeavesTheTaskThreadFree() throws Exception {
      TrainTask task = start(new FakeTrainer().gated());
      task.epoch(1);
      task.round(1, 1, 5);
      task.trainer.awaitBegin();
      task.grant(1, 2, 6);
      task.sample(1, 2, 6, "bob");
      task.sampleWatermark(6);
      task.signalWatermark(6);
      assertThat(task.sent()).containsExactly(new Watermark(5), new Watermark(6));
      task.trainer.mayEnd.release(2);
      task.awaitMail();
      task.awaitMail();
      assertThat(task.releasedRounds()).containsExactly(1L, 2L);
      assertThat(task.trainer.users()).containsExactly(List.of(), List.of("bob"));
      assertThat(task.trainer.threads)
          .hasSize(2)
          .containsOnly(task.trainer.threads.get(0))
          .doesNotContain(Thread.currentThread());
    }

    @Test
    void aRoundIsAcknowledgedOnlyAfterItsReleaseWasSent() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      TaskMailbox mailbox = task.harness.getTaskMailbox();
      var mail = mailbox.take(TaskMailbox.MIN_PRIORITY);
      assertThat(task.feedback.acknowledged).isEmpty();
      mail.run();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      assertThat(task.feedback.releasesSentBefore).containsExactly(1L);
    }

    @Test
    void anEmptyCohortIsTrainedAndAcknowledged() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.trainer.users()).containsExactly(List.of());
      assertThat(task.releasedRounds()).containsExactly(1L);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
    }

    /** Its release would be worth nothing, and the state after it too. */
    @Test
    void aModelThatFailsIsSaidSoAndTheTaskGoesOn() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      task.trainer.fault = new PublicFaultException("overflowed");
      task.round(1, 2, 6);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement())
          .isEqualTo(RoundExecuted.withFailedModel(1, 2));
      assertThat(task.releasedRounds()).containsExactly(1L);
      OperatorSubtaskState snapshot = task.harness.snapshot(1, 1);
      TrainTask next = restore(snapshot, new FakeTrainer());
      assertThat(next.trainer.restored.round()).isEqualTo(1);
    }

    @Test
    void staleSamplesAreDropped() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(2);
      task.sample(1, 1, 5, "of an older epoch");
      task.sample(2, 2, 5, "ann");
      task.sample(2, 2, 5, "ann");
      task.grant(2, 2, 5);
      task.signalWatermark(5);
      task.sampleWatermark(5);
      task.sample(2, 2, 5, "too late");
      task.awaitMail();
      task.round(2, 3, 6);
      task.awaitMail();
      assertThat(task.trainer.users()).containsExactly(List.of("ann"), List.of());
    }
  }

  @Nested
  class ASnapshot {

    @Test
    void aSnapshotDuringTrainingHoldsTheLastCompletedRound() throws Exception {
      TrainTask task = start(new FakeTrainer().gated());
      task.epoch(1);
      task.round(1, 1, 5);
      task.trainer.mayEnd.release();
      task.awaitMail();
      task.round(1, 2, 6);
      task.trainer.awaitBegin();
      task.trainer.awaitBegin();
      OperatorSubtaskState during = task.harness.snapshot(1, 1);
      task.trainer.mayEnd.release();
      // trained, but its result still waits in the mailbox
      await().pollInSameThread().until(() -> task.harness.getTaskMailbox().hasMail());
      OperatorSubtaskState before = task.harness.snapshot(2, 2);
      task.awaitMail();
      OperatorSubtaskState after = task.harness.snapshot(3, 3);
      assertThat(restore(during).trainer.restored.round()).isEqualTo(1);
      assertThat(restore(before).trainer.restored.round()).isEqualTo(1);
      assertThat(restore(after).trainer.restored.round()).isEqualTo(2);
    }

    @Test
    void aRestoreContinuesWithTheModelAndVoidsTheRestoredEpoch() throws Exception {
      TrainTask first = start(new FakeTrainer());
      first.epoch(3);
      first.round(3, 1, 5);
      first.awaitMail();
      first.grant(3, 2, 6);
      OperatorSubtaskState state = first.harness.snapshot(1, 1);

      TrainTask second = restore(state);
      second.epoch(3);
      second.grant(3, 2, 6);
      second.sample(3, 2, 6, "ann");
      second.epoch(4);
      second.grant(3, 3, 7);
      second.grant(4, 4, 8);
      second.sample(4, 4, 8, "bob");
      second.sampleWatermark(8);
      second.signalWatermark(8);
      second.awaitMail();
      assertThat(second.releasedRounds()).containsExactly(4L);
      assertThat(second.trainer.users()).containsExactly(List.of("bob"));
      assertThat(second.trainer.state.executedRounds()).isEqualTo(2);
    }

    @Test
    void aSnapshotAfterARestoreWithoutARoundStillHoldsTheModel() throws Exception {
      TrainTask first = start(new FakeTrainer());
      first.epoch(1);
      first.round(1, 1, 5);
      first.awaitMail();
      TrainTask second = restore(first.harness.snapshot(1, 1));
      TrainTask third = restore(second.harness.snapshot(2, 2));
      assertThat(third.trainer.restored.parameters()).isEqualTo(first.trainer.state.parameters());
      third.epoch(1);
      third.grant(1, 2, 6);
      third.sampleWatermark(6);
      third.signalWatermark(6);
      assertThat(third.sent()).as("no round of the old epoch").containsExactly(new Watermark(6));
      assertThat(third.harness.getTaskMailbox().hasMail()).isFalse();
    }

    @Test
    void aFirstStartRestoresNoModel() throws Exception {
      TrainTask first = start(new FakeTrainer());
      first.epoch(1);
      TrainTask second = restore(first.harness.snapshot(1, 1));
      assertThat(second.trainer.restored).isNull();
      second.grant(1, 1, 5);
      second.sampleWatermark(5);
      second.signalWatermark(5);
      assertThat(second.sent()).containsExactly(new Watermark(5));
    }

    @Test
    void whatDoesNotFitEndsTheJobForGood() throws Exception {
      FakeTrainer trainer = new FakeTrainer();
      trainer.refusal = new IllegalArgumentException("of another model");
      assertThatThrownBy(() -> start(trainer))
          .isInstanceOf(SuppressRestartsException.class)
          .hasCause(trainer.refusal);
    }

    @Test
    void whatCannotBeLoadedNowIsTriedAgain() throws Exception {
      FakeTrainer trainer = new FakeTrainer();
      trainer.refusal = new UncheckedIOException(new IOException("stale file handle"));
      assertThatThrownBy(() -> start(trainer)).isSameAs(trainer.refusal);
    }

    @Test
    void aLargeModelTravelsInParts() throws Exception {
      TrainTask first = start(new FakeTrainer().withParameters(LARGE));
      first.epoch(1);
      first.round(1, 1, 5);
      first.awaitMail();
      OperatorSubtaskState state = first.harness.snapshot(1, 1);
      assertThat(state.getManagedOperatorState())
          .singleElement()
          .satisfies(
              handle ->
                  assertThat(
                          handle.getStateNameToPartitionOffsets().get("trainer-state").getOffsets())
                      .hasSize(1 + 2 * 4 /* of 262,144 elements, of parameters and moment */));
      TrainTask second = restore(state);
      assertThat(second.trainer.restored.parameters()).isEqualTo(first.trainer.state.parameters());
      assertThat(second.trainer.restored.optimizer().moments())
          .singleElement()
          .isEqualTo(first.trainer.state.optimizer().moments().get(0));
    }
  }

  @Nested
  class AMeasurement {

    @Test
    void aMeasurementUnderWayAtASnapshotIsVoidAndNeverAnswered() throws Exception {
      TrainTask first = start(new FakeTrainer().gated().answering(NOISED));
      first.epoch(1);
      first.measurement(1, 1, 5);
      first.trainer.awaitBegin();
      OperatorSubtaskState during = first.harness.snapshot(1, 1);
      first.trainer.mayEnd.release();
      // measured, but the answer still waits in the mailbox of a task that fails now
      await().pollInSameThread().until(() -> first.harness.getTaskMailbox().hasMail());
      OperatorSubtaskState before = first.harness.snapshot(2, 2);
      first.fail();
      assertThat(first.feedback.acknowledged).isEmpty();
      assertThat(first.releasedRounds()).isEmpty();

      for (OperatorSubtaskState state : List.of(during, before)) {
        TrainTask second = restore(state, new FakeTrainer().answering(NOISED));
        assertThat(second.trainer.restored).as("the measurement never completed").isNull();
        second.epoch(1);
        second.measurement(1, 1, 5);
        second.epoch(2);
        second.counts(1, 1, 9);
        second.measurement(2, 2, 8);
        second.awaitMail();
        assertThat(second.feedback.awaitAcknowledgement())
            .isEqualTo(new RoundExecuted(2, 2, NOISED));
        assertThat(second.trainer.cohorts)
            .singleElement()
            .satisfies(
                cohort -> {
                  assertThat(cohort.grant().epoch()).isEqualTo(2);
                  assertThat(cohort.counts())
                      .containsExactly(new UserCounts(2, 2, 8, TrainTask.COUNTED));
                });
        assertThat(second.releasedRounds()).containsExactly(2L);
        second.fail();
        assertThat(second.feedback.acknowledged).as("nothing is answered twice").isEmpty();
      }
    }

    @Test
    void aMeasurementThatWasAnsweredIsNotRunAgainAfterARestore() throws Exception {
      TrainTask first = start(new FakeTrainer().answering(NOISED));
      first.epoch(1);
      first.measurement(1, 1, 5);
      first.awaitMail();
      assertThat(first.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1, NOISED));
      OperatorSubtaskState after = first.harness.snapshot(1, 1);

      TrainTask second = restore(after, new FakeTrainer().answering(NOISED));
      second.epoch(1);
      second.measurement(1, 1, 5);
      assertThat(second.harness.getTaskMailbox().hasMail()).isFalse();
      assertThat(second.trainer.events).isEmpty();
      second.fail();
      assertThat(second.feedback.acknowledged).isEmpty();
      assertThat(second.releasedRounds()).isEmpty();
    }
  }

  @Nested
  class AFailure {

    @Test
    void aTrainerThatThrowsFailsTheTask() throws Exception {
      FakeTrainer trainer = new FakeTrainer();
      trainer.failure = new UnsatisfiedLinkError("no such kernel");
      TrainTask task = start(trainer);
      task.epoch(1);
      task.round(1, 1, 5);
      assertThatIllegalStateException()
          .isThrownBy(task::awaitMail)
          .withMessage("Round 1 could not be trained")
          .withCause(trainer.failure);
      assertThat(task.releasedRounds()).isEmpty();
      assertThat(task.feedback.acknowledged).isEmpty();
    }

    @Test
    void anAcknowledgementThatIsAFaultFailsTheTask() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.feedback.fault = new IllegalArgumentException("not a number");
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThatIllegalStateException()
          .isThrownBy(task::awaitMail)
          .withMessage("A round could not be acknowledged")
          .withCause(task.feedback.fault);
    }
  }

  @Nested
  class AnAcknowledgement {

    private TrainTask task;

    private void executeARound() throws Exception {
      task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
    }

    private void cannotBeSent() {
      task.feedback.trouble = new IOException("the broker is away");
    }

    private void pass(Duration time) throws Exception {
      task.harness.setProcessingTime(task.harness.getProcessingTime() + time.toMillis());
    }

    @Test
    void thatCannotBeSentIsTriedAgainAfterGrowingPauses() throws Exception {
      task = start(new FakeTrainer());
      cannotBeSent();
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.awaitTry()).isEqualTo(new RoundExecuted(1, 1));
      for (int seconds : new int[] {1, 2, 4, 8, 16}) {
        task.awaitMail();
        pass(Duration.ofMillis(seconds * 1000 - 1));
        assertThat(task.feedback.tries).as("before %d s", seconds).isEmpty();
        pass(Duration.ofMillis(1));
        assertThat(task.feedback.awaitTry()).isEqualTo(new RoundExecuted(1, 1));
      }
      task.awaitMail();
      task.feedback.trouble = null;
      pass(Duration.ofSeconds(32));
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      assertThat(task.releasedRounds()).as("the task goes on").containsExactly(1L);
    }

    @Test
    void thatCannotBeSentForLongIsTriedEveryMinute() throws Exception {
      task = start(new FakeTrainer());
      cannotBeSent();
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.awaitTry()).isNotNull();
      for (int tries = 0; tries < 20; tries++) {
        task.awaitMail();
        pass(Acknowledger.LAST_RETRY);
        assertThat(task.feedback.awaitTry()).isNotNull();
        assertThat(task.feedback.tries).as("one at a time").isEmpty();
      }
    }

    @Test
    void thatMayBeLostIsRepeatedUntilALaterRoundIsGranted() throws Exception {
      executeARound();
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      for (int seconds : new int[] {30, 60, 120, 240, 480, 600, 600}) {
        pass(Duration.ofMillis(seconds * 1000 - 1));
        assertThat(task.feedback.acknowledged).as("before %d s", seconds).isEmpty();
        pass(Duration.ofMillis(1));
        assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      }
      task.grant(1, 2, 6);
      pass(Duration.ofHours(10));
      assertNothingIsSent();
    }

    @Test
    void ofAnEpochThatIsOverIsNotRepeated() throws Exception {
      executeARound();
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isNotNull();
      task.epoch(2);
      pass(Duration.ofHours(10));
      assertNothingIsSent();
    }

    @Test
    void ofTheNextRoundTakesItsPlace() throws Exception {
      executeARound();
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isNotNull();
      task.round(1, 2, 6);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 2));
      pass(Acknowledger.FIRST_REPETITION);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 2));
      assertNothingIsSent();
    }

    @Test
    void thatTheModelFailedIsRepeatedToo() throws Exception {
      task = start(new FakeTrainer());
      task.trainer.fault = new PublicFaultException("overflowed");
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      RoundExecuted failed = RoundExecuted.withFailedModel(1, 1);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(failed);
      pass(Acknowledger.FIRST_REPETITION);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(failed);
    }

    /** The worker does one thing after the other: a round that it trains comes after what waits. */
    private void assertNothingIsSent() throws Exception {
      task.feedback.acknowledged.clear();
      task.epoch(9);
      task.round(9, 9, 9);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(9, 9));
    }
  }

  @Nested
  class TheEnd {

    @Test
    void closingWaitsForTheRoundInTrainingAndThenFreesTheModel() throws Exception {
      TrainTask task = start(new FakeTrainer().gated());
      task.epoch(1);
      task.round(1, 1, 5);
      task.round(1, 2, 6);
      task.trainer.awaitBegin();
      Thread closing = task.closeElsewhere();
      await().until(() -> closing.getState() == Thread.State.TIMED_WAITING);
      assertThat(task.trainer.events).containsExactly("begin 1");
      task.trainer.mayEnd.release();
      closing.join();
      assertThat(task.trainer.events).containsExactly("begin 1", "end 1", "close");
      assertThat(task.feedback.closed).isTrue();
    }

    @Test
    void aRoundThatEndsAfterTheMailboxClosedIsLostQuietly() throws Exception {
      TrainTask task = start(new FakeTrainer().gated());
      task.epoch(1);
      task.round(1, 1, 5);
      task.trainer.awaitBegin();
      task.harness.getTaskMailbox().quiesce();
      task.trainer.mayEnd.release();
      task.harness.close();
      tasks.remove(task);
      assertThat(task.trainer.events).containsExactly("begin 1", "end 1", "close");
      // handlers of uncaught exceptions run on the worker after its pool has terminated
      task.trainer.threads.get(0).join();
      assertThat(task.trainer.uncaught).isEmpty();
    }
  }

  private TrainTask start(FakeTrainer trainer) throws Exception {
    TrainTask task = new TrainTask(trainer);
    tasks.add(task);
    task.harness.initializeEmptyState();
    task.open();
    return task;
  }

  private TrainTask restore(OperatorSubtaskState state) throws Exception {
    return restore(state, new FakeTrainer());
  }

  private TrainTask restore(OperatorSubtaskState state, FakeTrainer trainer) throws Exception {
    TrainTask task = new TrainTask(trainer);
    tasks.add(task);
    task.harness.initializeState(state);
    task.open();
    return task;
  }
}
