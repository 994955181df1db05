package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.ParameterStore.Key;
import io.murmuration.training.TrainTask.FakeTrainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
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
      task.awaitModel(1);
      // its channel may be behind the budget's: were the round run above, its users would be
      // missing
      task.partial(1, 1, 3, -4);
      task.partialWatermark(5);
      task.awaitMail();
      assertThat(task.trainer.vectors()).containsExactly(List.of(3L, -4L));
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
      task.partialWatermark(6);
      task.signalWatermark(6);
      assertThat(task.sent()).containsExactly(new Watermark(5), new Watermark(6));
      task.trainer.mayEnd.release(2);
      task.awaitMail();
      task.grant(1, 2, 7);
      task.partial(1, 2, 7);
      task.partialWatermark(7);
      task.signalWatermark(7);
      task.awaitMail();
      assertThat(task.releasedRounds()).containsExactly(1L, 2L);
      assertThat(task.trainer.vectors()).containsExactly(List.of(0L, 0L, 0L), List.of(7L));
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
    void aRoundInWhichNobodyWasSampledIsTrainedAndAcknowledged() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.trainer.vectors()).containsExactly(List.of(0L, 0L, 0L));
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
    void partialSumsOfAllWorkersAreAddedOnce() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(2);
      task.awaitModel(2);
      task.partialOf(0, 3, 1, 1, 100);
      task.partialOf(2, 3, 2, 2, 10);
      task.partialOf(0, 3, 2, 2, 1);
      task.grant(2, 2, 5);
      task.signalWatermark(5);
      task.partialOf(1, 3, 2, 2, -4);
      task.partialWatermark(5);
      task.awaitMail();
      task.round(2, 3, 6);
      task.awaitMail();
      assertThat(task.trainer.vectors()).containsExactly(List.of(7L), List.of(0L, 0L, 0L));
    }

    /** Planted: a worker that sends twice, and one that is missing. */
    @Test
    void aPartialSumTwiceOrMissingEndsTheAttempt() throws Exception {
      TrainTask twice = start(new FakeTrainer());
      twice.epoch(1);
      twice.awaitModel(1);
      twice.grant(1, 1, 5);
      twice.partialOf(0, 2, 1, 1, 1);
      assertThatIllegalStateException()
          .isThrownBy(() -> twice.partialOf(0, 2, 1, 1, 1))
          .withMessageContaining("came twice");

      TrainTask missing = start(new FakeTrainer());
      missing.epoch(1);
      missing.awaitModel(1);
      missing.grant(1, 1, 5);
      missing.partialOf(0, 2, 1, 1, 1);
      missing.partialWatermark(5);
      assertThatIllegalStateException()
          .isThrownBy(() -> missing.signalWatermark(5))
          .withMessageContaining("1 chunks of worker 1 of 2");
      assertThat(missing.trainer.events).isEmpty();
    }

    /** Planted: a worker that goes on with the parameters of the round before. */
    @Test
    void gradientsAtAStaleModelEndTheAttempt() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.awaitModel(1);
      String stale = task.feedback.models.getLast().digest();
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.models.getLast().digest()).isNotEqualTo(stale);
      task.grant(1, 2, 6);
      task.partialAt(1, 2, stale, 0, 0, 0);
      task.partialWatermark(6);
      task.signalWatermark(6);
      assertThatIllegalStateException()
          .isThrownBy(task::awaitMail)
          .withMessage("Round 2 could not be trained")
          .withStackTraceContaining("must be taken at the model announced last");
      assertThat(task.releasedRounds()).containsExactly(1L);
    }
  }

  @Nested
  class AModel {

    @Test
    void theFirstIsAnnouncedWhenAnEpochBegins() throws Exception {
      TrainTask task = start(new FakeTrainer());
      assertThat(task.feedback.models).isEmpty();
      task.epoch(3);
      task.awaitModel(3);
      ModelVersion first = task.feedback.models.getLast();
      assertThat(first.epoch()).isEqualTo(3);
      assertThat(first.round()).isZero();
      assertThat(task.parameters.get(Key.ofParameters(first)))
          .containsExactly(task.trainer.state().parameters());
    }

    @Test
    void aRestoredOneIsAnnouncedInTheNewEpoch() throws Exception {
      TrainTask first = start(new FakeTrainer());
      first.epoch(1);
      first.round(1, 1, 5);
      first.awaitMail();
      TrainTask second = restore(first.harness.snapshot(1, 1));
      second.epoch(2);
      second.awaitModel(2);
      ModelVersion announced = second.feedback.models.getLast();
      assertThat(announced.round()).isEqualTo(1);
      assertThat(second.parameters.get(Key.ofParameters(announced)))
          .containsExactly(first.trainer.state.parameters());
    }

    @Test
    void eachRoundsIsAnnouncedBeforeTheRoundIsAcknowledged() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      ModelVersion announced = task.feedback.models.getLast();
      assertThat(announced.round()).isEqualTo(1);
      assertThat(task.parameters.get(Key.ofParameters(announced)))
          .isSameAs(task.trainer.state.parameters());
    }

    /** So that workers fetch and try it meanwhile; without the acknowledgement it is not used. */
    @Test
    void eachRoundsIsAnnouncedBeforeItIsTried() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.trainer.faultAfterStep = new PublicFaultException("overflowed");
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.feedback.awaitAcknowledgement())
          .isEqualTo(RoundExecuted.withFailedModel(1, 1));
      ModelVersion announced = task.feedback.models.getLast();
      assertThat(announced.round()).isEqualTo(1);
      assertThat(TriedModels.passed(announced)).isFalse();
      assertThat(task.releasedRounds()).isEmpty();
    }

    @Test
    void whatWasTriedIsKnownInTheProcess() throws Exception {
      TrainTask task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      ModelVersion announced = task.feedback.models.getLast();
      assertThat(TriedModels.passed(announced)).isTrue();
      task.harness.close();
      assertThat(TriedModels.passed(announced)).isFalse();
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
      second.partial(3, 2, 1);
      second.epoch(4);
      second.grant(3, 3, 7);
      second.grant(4, 4, 8);
      second.awaitModel(4);
      second.partial(4, 4, 5);
      second.partialWatermark(8);
      second.signalWatermark(8);
      second.awaitMail();
      assertThat(second.releasedRounds()).containsExactly(4L);
      assertThat(second.trainer.vectors()).containsExactly(List.of(5L));
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
      third.partialWatermark(6);
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
      second.partialWatermark(5);
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
        second.grant(1, 1, 5);
        second.epoch(2);
        second.counts(1, 1);
        second.measurement(2, 2, 8);
        second.awaitMail();
        assertThat(second.feedback.awaitAcknowledgement())
            .isEqualTo(new RoundExecuted(2, 2, NOISED));
        assertThat(second.trainer.sums)
            .singleElement()
            .satisfies(sum -> assertThat(sum.grant().epoch()).isEqualTo(2));
        assertThat(second.trainer.vectors())
            .containsExactly(Arrays.stream(TrainTask.COUNTED).boxed().toList());
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
      second.grant(1, 1, 5);
      second.partial(1, 1, TrainTask.COUNTED);
      second.partialWatermark(5);
      second.signalWatermark(5);
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

    /** The announcement may have been lost with it. */
    @Test
    void thatIsRepeatedRepeatsTheModelToo() throws Exception {
      executeARound();
      task.awaitMail();
      task.feedback.awaitAcknowledgement();
      assertThat(task.feedback.models).extracting(ModelVersion::round).containsExactly(0L, 1L);
      pass(Acknowledger.FIRST_REPETITION);
      task.feedback.awaitAcknowledgement();
      assertThat(task.feedback.models).extracting(ModelVersion::round).containsExactly(0L, 1L, 1L);
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

    @Test
    void waitsForTheModelAfterTheRound() throws Exception {
      task = start(new FakeTrainer());
      task.epoch(1);
      task.awaitModel(1);
      task.feedback.modelTrouble = new IOException("the store is away");
      task.round(1, 1, 5);
      task.awaitMail();
      task.awaitMail();
      assertThat(task.feedback.acknowledged).isEmpty();
      assertThat(task.feedback.models).extracting(ModelVersion::round).containsExactly(0L);
      task.feedback.modelTrouble = null;
      pass(Acknowledger.FIRST_RETRY);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
      assertThat(task.feedback.models).extracting(ModelVersion::round).containsExactly(0L, 1L);
    }

    @Test
    void ofTheModelThatAnEpochBeginsWithIsTriedAndRepeatedToo() throws Exception {
      task = start(new FakeTrainer());
      task.feedback.modelTrouble = new IOException("the store is away");
      task.epoch(1);
      task.awaitMail();
      assertThat(task.feedback.models).isEmpty();
      task.feedback.modelTrouble = null;
      pass(Acknowledger.FIRST_RETRY);
      task.awaitModel(1);
      ModelVersion first = task.feedback.models.take();
      pass(Acknowledger.FIRST_REPETITION);
      assertThat(task.feedback.models.take()).isEqualTo(first);
      assertThat(task.feedback.acknowledged).isEmpty();
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
