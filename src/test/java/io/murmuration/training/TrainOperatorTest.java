package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.budget.BudgetSignal;
import io.murmuration.privacy.budget.EpochStart;
import io.murmuration.privacy.budget.Grant;
import io.murmuration.privacy.budget.RoundExecuted;
import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.budget.RoundMechanism;
import io.murmuration.privacy.budget.RoundQuery.CountHistogram;
import io.murmuration.privacy.budget.Sampler;
import io.murmuration.release.RoundRelease;
import io.murmuration.release.RoundReleaseSerializer;
import io.murmuration.training.CohortBuffer.Cohort;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.storage.JobManagerCheckpointStorage;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TrainOperatorTest {

  private static final RoundMechanism MECHANISM =
      new RoundMechanism(Sampler.ULS, 0.1, 1, 1.0, 1.0, 10);

  /** Counts how many users have one event, two, and three or four. */
  private static final RoundMechanism MEASUREMENT =
      new RoundMechanism(Sampler.ULS, 1, 1, 3, 1, 1, new CountHistogram(List.of(1, 2, 4)));

  /** What one sampler counted. */
  private static final List<Long> COUNTED = List.of(7L, 0L, 2L);

  /** What the fake trainer answers a measurement with. */
  private static final List<Double> NOISED = List.of(6.5, -1.25, 3.0);

  /** Parameters that, with one moment each, need three chunks of 4 MiB. */
  private static final int LARGE = 800_000;

  private final List<Task> tasks = new ArrayList<>();

  @AfterEach
  void closeTasks() throws Exception {
    for (Task task : tasks) {
      task.trainer.mayEnd.release(100);
      task.harness.close();
    }
  }

  @Nested
  class ARound {

    @Test
    void aRoundRunsOnceBothInputsReachedItsWatermark() throws Exception {
      Task task = start(new FakeTrainer());
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
              release -> assertThat(((RoundRelease) release).grant()).isEqualTo(grantOf(1, 1, 5)));
    }

    @Test
    void trainingLeavesTheTaskThreadFree() throws Exception {
      Task task = start(new FakeTrainer().gated());
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
      Task task = start(new FakeTrainer());
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
      Task task = start(new FakeTrainer());
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThat(task.trainer.users()).containsExactly(List.of());
      assertThat(task.releasedRounds()).containsExactly(1L);
      assertThat(task.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1));
    }

    @Test
    void staleSamplesAreDropped() throws Exception {
      Task task = start(new FakeTrainer());
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
      Task task = start(new FakeTrainer().gated());
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
      Task first = start(new FakeTrainer());
      first.epoch(3);
      first.round(3, 1, 5);
      first.awaitMail();
      first.grant(3, 2, 6);
      OperatorSubtaskState state = first.harness.snapshot(1, 1);

      Task second = restore(state);
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
      Task first = start(new FakeTrainer());
      first.epoch(1);
      first.round(1, 1, 5);
      first.awaitMail();
      Task second = restore(first.harness.snapshot(1, 1));
      Task third = restore(second.harness.snapshot(2, 2));
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
      Task first = start(new FakeTrainer());
      first.epoch(1);
      Task second = restore(first.harness.snapshot(1, 1));
      assertThat(second.trainer.restored).isNull();
      second.grant(1, 1, 5);
      second.sampleWatermark(5);
      second.signalWatermark(5);
      assertThat(second.sent()).containsExactly(new Watermark(5));
    }

    @Test
    void aLargeModelTravelsInChunks() throws Exception {
      Task first = start(new FakeTrainer().withParameters(LARGE));
      first.epoch(1);
      first.round(1, 1, 5);
      first.awaitMail();
      OperatorSubtaskState state = first.harness.snapshot(1, 1);
      assertThat(state.getManagedOperatorState())
          .singleElement()
          .satisfies(
              handle ->
                  assertThat(handle.getStateNameToPartitionOffsets().get("trainer").getOffsets())
                      .hasSize(3));
      Task second = restore(state);
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
      Task first = start(new FakeTrainer().gated().answering(NOISED));
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
        Task second = restore(state, new FakeTrainer().answering(NOISED));
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
                  assertThat(cohort.counts()).containsExactly(new UserCounts(2, 2, 8, COUNTED));
                });
        assertThat(second.releasedRounds()).containsExactly(2L);
        second.fail();
        assertThat(second.feedback.acknowledged).as("nothing is answered twice").isEmpty();
      }
    }

    @Test
    void aMeasurementThatWasAnsweredIsNotRunAgainAfterARestore() throws Exception {
      Task first = start(new FakeTrainer().answering(NOISED));
      first.epoch(1);
      first.measurement(1, 1, 5);
      first.awaitMail();
      assertThat(first.feedback.awaitAcknowledgement()).isEqualTo(new RoundExecuted(1, 1, NOISED));
      OperatorSubtaskState after = first.harness.snapshot(1, 1);

      Task second = restore(after, new FakeTrainer().answering(NOISED));
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
      Task task = start(trainer);
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
    void anAcknowledgementThatCannotBeSentFailsTheTask() throws Exception {
      Task task = start(new FakeTrainer());
      task.feedback.failure = new IllegalArgumentException("no such topic");
      task.epoch(1);
      task.round(1, 1, 5);
      task.awaitMail();
      assertThatIllegalStateException()
          .isThrownBy(task::awaitMail)
          .withMessage("Round 1 could not be acknowledged")
          .withCause(task.feedback.failure);
    }
  }

  @Nested
  class TheEnd {

    @Test
    void closingWaitsForTheRoundInTrainingAndThenFreesTheModel() throws Exception {
      Task task = start(new FakeTrainer().gated());
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
      Task task = start(new FakeTrainer().gated());
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

  private static Grant grantOf(long epoch, long round, long tick) {
    return new Grant(epoch, round, tick, 1, MECHANISM, 0.1 * round, 1e-6, "00");
  }

  private Task start(FakeTrainer trainer) throws Exception {
    Task task = new Task(trainer);
    tasks.add(task);
    task.harness.initializeEmptyState();
    task.open();
    return task;
  }

  private Task restore(OperatorSubtaskState state) throws Exception {
    return restore(state, new FakeTrainer());
  }

  private Task restore(OperatorSubtaskState state, FakeTrainer trainer) throws Exception {
    Task task = new Task(trainer);
    tasks.add(task);
    task.harness.initializeState(state);
    task.open();
    return task;
  }

  /** One attempt of the task: the operator in its harness, its mailbox run by hand. */
  private static final class Task {
    final FakeTrainer trainer;
    final FakeFeedback feedback = new FakeFeedback();
    final AbstractStreamOperatorTestHarness<RoundRelease> harness;
    private TrainOperator operator;

    Task(FakeTrainer trainer) throws Exception {
      this.trainer = trainer;
      harness =
          new AbstractStreamOperatorTestHarness<>(
              new TrainOperator.Factory(() -> trainer, feedback, /* privateMetrics= */ true),
              new MockEnvironmentBuilder().setTaskName("train").build());
      harness.setCheckpointStorage(new JobManagerCheckpointStorage(64 << 20));
      harness.setup(new RoundReleaseSerializer());
      feedback.sent = () -> releases().count();
    }

    void open() throws Exception {
      harness.open();
      operator = (TrainOperator) harness.getOperator();
    }

    void epoch(long epoch) {
      signal(new EpochStart(epoch, 1));
    }

    void grant(long epoch, long round, long tick) {
      signal(grantOf(epoch, round, tick));
    }

    private void signal(BudgetSignal signal) {
      operator.processElement2(new StreamRecord<>(signal));
    }

    void sample(long epoch, long round, long tick, String user) {
      operator.processElement1(
          new StreamRecord<>(
              new UserSample(epoch, round, tick, user, List.of(new Example(null, "hello")))));
    }

    void sampleWatermark(long tick) throws Exception {
      operator.processWatermark1(new Watermark(tick));
    }

    void signalWatermark(long tick) throws Exception {
      operator.processWatermark2(new Watermark(tick));
    }

    /** A round in which nobody was sampled. */
    void round(long epoch, long round, long tick) throws Exception {
      grant(epoch, round, tick);
      sampleWatermark(tick);
      signalWatermark(tick);
    }

    /** A round that counts users; one sampler sends its counts. */
    void measurement(long epoch, long round, long tick) throws Exception {
      signal(new Grant(epoch, round, tick, 1, MEASUREMENT, 0.1, 1e-6, "00"));
      counts(epoch, round, tick);
      sampleWatermark(tick);
      signalWatermark(tick);
    }

    void counts(long epoch, long round, long tick) {
      operator.processElement1(new StreamRecord<>(new UserCounts(epoch, round, tick, COUNTED)));
    }

    /** Ends as a task that fails does: what waits in the mailbox is never done. */
    void fail() throws Exception {
      harness.getTaskMailbox().quiesce();
      harness.close();
    }

    /** Waits for one result of the worker and lets the operator have it. */
    void awaitMail() throws Exception {
      harness.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
    }

    Thread closeElsewhere() {
      Thread closing =
          new Thread(
              () -> {
                try {
                  harness.close();
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              });
      closing.start();
      return closing;
    }

    /** Releases and watermarks in order. */
    List<Object> sent() {
      return Arrays.stream(harness.getOutput().toArray())
          .map(o -> o instanceof StreamRecord<?> record ? record.getValue() : o)
          .toList();
    }

    List<Long> releasedRounds() {
      return releases().map(release -> release.grant().round()).toList();
    }

    private Stream<RoundRelease> releases() {
      return sent().stream().filter(RoundRelease.class::isInstance).map(RoundRelease.class::cast);
    }
  }

  /** Trains nothing: adds a constant. Like native code it cannot be interrupted. */
  private static final class FakeTrainer implements RoundTrainer {
    final Semaphore mayEnd = new Semaphore(0);
    final Semaphore begun = new Semaphore(0);
    final List<String> events = new CopyOnWriteArrayList<>();
    final List<Cohort> cohorts = new CopyOnWriteArrayList<>();
    final List<Thread> threads = new CopyOnWriteArrayList<>();
    final List<Throwable> uncaught = new CopyOnWriteArrayList<>();
    volatile Error failure;
    volatile TrainerState restored;
    volatile TrainerState state;
    private boolean gated;
    private int parameters = 3;
    private List<Double> answer = List.of();

    FakeTrainer gated() {
      gated = true;
      return this;
    }

    FakeTrainer answering(List<Double> numbers) {
      answer = numbers;
      return this;
    }

    FakeTrainer withParameters(int count) {
      parameters = count;
      return this;
    }

    void awaitBegin() throws InterruptedException {
      assertThat(begun.tryAcquire(20, TimeUnit.SECONDS)).isTrue();
    }

    List<List<String>> users() {
      return cohorts.stream()
          .map(cohort -> cohort.samples().stream().map(UserSample::userId).toList())
          .toList();
    }

    @Override
    public ExecutedRound execute(Cohort cohort) {
      Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
      long round = cohort.grant().round();
      events.add("begin " + round);
      begun.release();
      if (gated) {
        mayEnd.acquireUninterruptibly();
      }
      if (failure != null) {
        throw failure;
      }
      threads.add(Thread.currentThread());
      cohorts.add(cohort);
      state = next(round);
      events.add("end " + round);
      return new ExecutedRound(
          new RoundRelease(cohort.grant(), new byte[] {(byte) round}),
          new RoundOutcome(
              state,
              new RoundOutcome.Statistics(cohort.samples().size(), 0, 0, 1, 0),
              new RoundOutcome.Timing(1, 1, 1)),
          answer);
    }

    private TrainerState next(long round) {
      float[] values = new float[state == null ? parameters : state.parameters().length];
      double[] moment = new double[values.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = i + round;
        moment[i] = -i * 1e-3;
      }
      return new TrainerState(
          round,
          state == null ? 1 : state.executedRounds() + 1,
          values,
          new OptimizerState(List.of(moment)),
          TrainerState.UNKNOWN_LAYOUT);
    }

    @Override
    public void restore(TrainerState restoredState) {
      restored = restoredState;
      state = restoredState;
    }

    @Override
    public void close() {
      events.add("close");
    }
  }

  /** Hands acknowledgements to the test. */
  private static final class FakeFeedback implements RoundFeedback {
    private static final long serialVersionUID = 1L;

    final transient BlockingQueue<RoundExecuted> acknowledged = new LinkedBlockingQueue<>();
    final transient List<Long> releasesSentBefore = new CopyOnWriteArrayList<>();
    transient volatile LongSupplier sent;
    transient volatile RuntimeException failure;
    transient volatile boolean closed;

    RoundExecuted awaitAcknowledgement() throws InterruptedException {
      return acknowledged.poll(20, TimeUnit.SECONDS);
    }

    @Override
    public Publisher publisher() {
      return new Publisher() {
        @Override
        public void executed(RoundExecuted executed) {
          if (failure != null) {
            throw failure;
          }
          releasesSentBefore.add(sent.getAsLong());
          acknowledged.add(executed);
        }

        @Override
        public void close() {
          closed = true;
        }
      };
    }

    @Override
    public Subscription subscribe(Consumer<RoundExecuted> listener, Consumer<Throwable> failed) {
      throw new UnsupportedOperationException("the trainer does not subscribe");
    }
  }
}
