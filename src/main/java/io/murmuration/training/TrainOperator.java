package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.contribution.UserCounts;
import io.murmuration.contribution.UserSample;
import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.CohortBuffer.Cohort;
import io.murmuration.training.RoundTrainer.ExecutedRound;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperatorFactory;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.function.ThrowingRunnable;

/**
 * Executes each granted round once its cohort is complete, on a thread of its own, so that
 * barriers, cancellation and input pass meanwhile. Runs with parallelism 1.
 *
 * <p>Which cohort may run is {@link CohortBuffer}'s affair, how it is trained {@link
 * RoundTrainer}'s; this class moves work to the worker and results back through the mailbox.
 *
 * <p>State: the trainer after the last completed round, in parts that are written off this thread,
 * and the last epoch seen. A cohort that is buffered or in training when a snapshot is taken is not
 * part of it: after a restore its round is void, charged and never executed.
 */
public final class TrainOperator extends AbstractStreamOperator<RoundRelease>
    implements TwoInputStreamOperator<CohortRecord, BudgetSignal, RoundRelease> {

  private static final long serialVersionUID = 1L;

  /** Logged, followed by epoch/round, for each round that counts as executed. */
  public static final String EXECUTED = "Executed as epoch/round ";

  /**
   * How long closing waits for the micro-batch in training, which native code does not let
   * interrupt. Below Flink's task.cancellation.timeout of 180 s, after which it kills the process.
   */
  private static final long CLOSE_PATIENCE_MILLIS = 120_000;

  private static final ListStateDescriptor<TrainerStatePart> TRAINER_STATE =
      new ListStateDescriptor<>("trainer-state", new TrainerStatePartSerializer());

  /** Of earlier releases: read, then empty. */
  private static final ListStateDescriptor<byte[]> OLD_TRAINER_STATE =
      new ListStateDescriptor<>("trainer", BytePrimitiveArraySerializer.INSTANCE);

  private final transient RoundTrainer.Factory trainerFactory;
  private final transient RoundFeedback feedback;
  private final boolean privateMetrics;
  private final transient MailboxExecutor mailbox;

  private transient ListState<TrainerStatePart> trainerState;
  private transient ListState<Long> lastEpoch;
  private transient CohortBuffer cohorts;
  private transient TrainerState completed;
  private transient RoundTrainer trainer;
  private transient RoundFeedback.Publisher publisher;
  private transient Acknowledger acknowledger;
  private transient RoundWorker worker;
  private transient TrainMetrics trainMetrics;

  private TrainOperator(
      StreamOperatorParameters<RoundRelease> parameters,
      RoundTrainer.Factory trainerFactory,
      RoundFeedback feedback,
      boolean privateMetrics) {
    super(parameters);
    this.trainerFactory = trainerFactory;
    this.feedback = feedback;
    this.privateMetrics = privateMetrics;
    this.mailbox = parameters.getMailboxExecutor();
  }

  /** Makes the operator; pass it to {@code transform}. */
  public static final class Factory extends AbstractStreamOperatorFactory<RoundRelease>
      implements TwoInputStreamOperatorFactory<CohortRecord, BudgetSignal, RoundRelease> {

    private static final long serialVersionUID = 1L;

    private final RoundTrainer.Factory trainerFactory;
    private final RoundFeedback feedback;
    private final boolean privateMetrics;

    /**
     * @param trainerFactory creates the trainer on the task manager
     * @param feedback where executed rounds are acknowledged
     * @param privateMetrics whether exact functions of private data become metrics
     */
    public Factory(
        RoundTrainer.Factory trainerFactory, RoundFeedback feedback, boolean privateMetrics) {
      this.trainerFactory = trainerFactory;
      this.feedback = feedback;
      this.privateMetrics = privateMetrics;
    }

    @Override
    @SuppressWarnings("unchecked") // the factory's contract: T is this factory's operator type
    public <T extends StreamOperator<RoundRelease>> T createStreamOperator(
        StreamOperatorParameters<RoundRelease> parameters) {
      return (T) new TrainOperator(parameters, trainerFactory, feedback, privateMetrics);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
      return TrainOperator.class;
    }
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    trainerState = context.getOperatorStateStore().getListState(TRAINER_STATE);
    ListState<byte[]> oldChunks = context.getOperatorStateStore().getListState(OLD_TRAINER_STATE);
    lastEpoch =
        context
            .getOperatorStateStore()
            .getListState(new ListStateDescriptor<>("last-epoch", LongSerializer.INSTANCE));
    long epoch = 0;
    if (context.isRestored()) {
      for (long seen : lastEpoch.get()) {
        epoch = Math.max(epoch, seen);
      }
      List<TrainerStatePart> parts = new ArrayList<>();
      trainerState.get().forEach(parts::add);
      List<byte[]> chunks = new ArrayList<>();
      oldChunks.get().forEach(chunks::add);
      if (!parts.isEmpty()) {
        completed = TrainerStatePart.assemble(parts);
      } else if (!chunks.isEmpty()) {
        completed = new TrainerStateCodec().decode(chunks);
      }
      // what was read would otherwise stay in memory beside the assembled state
      trainerState.clear();
      oldChunks.clear();
    }
    cohorts = new CohortBuffer(epoch);
  }

  @Override
  public void open() throws Exception {
    super.open();
    trainMetrics = new TrainMetrics(getMetricGroup(), privateMetrics);
    // before anything that can fail: from here on closing frees what there is
    worker = new RoundWorker(CLOSE_PATIENCE_MILLIS, this::freeTrainer, this::closePublisher);
    try {
      trainer = trainerFactory.create(Optional.ofNullable(completed));
    } catch (IllegalArgumentException | PublicFaultException e) {
      throw new SuppressRestartsException(e);
    }
    publisher = feedback.publisher();
    acknowledger =
        new Acknowledger(
            publisher,
            worker::execute,
            result -> onTaskThread(result::run, "acknowledgement"),
            this::after,
            fault -> {
              throw new IllegalStateException("A round could not be acknowledged", fault);
            });
  }

  private void after(Duration pause, Runnable action) {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    getProcessingTimeService().registerTimer(now + pause.toMillis(), time -> action.run());
  }

  /** On the worker, or where that never began, on the task thread. */
  private void freeTrainer() {
    if (trainer != null) {
      trainer.close();
    }
  }

  /** As {@link #freeTrainer}. */
  private void closePublisher() {
    if (publisher != null) {
      publisher.close();
    }
  }

  @Override
  public void processElement1(StreamRecord<CohortRecord> element) {
    CohortRecord part = element.getValue();
    boolean kept =
        part instanceof UserSample sample
            ? cohorts.onSample(sample)
            : cohorts.onCounts((UserCounts) part);
    if (!kept) {
      trainMetrics.staleSample();
    }
  }

  @Override
  public void processElement2(StreamRecord<BudgetSignal> element) {
    BudgetSignal signal = element.getValue();
    acknowledger.heard(signal);
    if (signal instanceof EpochStart start) {
      cohorts.onEpochStart(start);
    } else if (signal instanceof Grant grant && !cohorts.onGrant(grant)) {
      LOG.info("Grant of round {} of epoch {} is void here", grant.round(), grant.epoch());
    }
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    for (Cohort cohort : cohorts.onWatermark(mark.getTimestamp())) {
      worker.execute(() -> train(cohort));
    }
    super.processWatermark(mark);
  }

  /** On the worker. */
  private void train(Cohort cohort) {
    try {
      long start = System.nanoTime();
      ExecutedRound executed = execute(cohort);
      long nanos = System.nanoTime() - start;
      onTaskThread(
          () -> complete(executed, nanos), "Round %d trained".formatted(cohort.grant().round()));
    } catch (PublicFaultException fault) {
      LOG.error(
          "Training halts: {}. The release of round {} and the state after it are dropped",
          fault.getMessage(),
          cohort.grant().round(),
          fault);
      RoundExecuted executed =
          RoundExecuted.withFailedModel(cohort.grant().epoch(), cohort.grant().round());
      onTaskThread(() -> acknowledger.executed(executed), "model failed");
    } catch (RoundInterruptedException ending) {
      LOG.info("Round {} is void: its task ended while it was trained", cohort.grant().round());
    } catch (Throwable failure) { // handed to the task thread, which fails the task with it
      fail("Round " + cohort.grant().round() + " could not be trained", failure);
    }
  }

  private ExecutedRound execute(Cohort cohort) {
    trainMetrics.begins();
    try {
      return trainer.execute(cohort);
    } finally {
      trainMetrics.ends();
    }
  }

  /** On the task thread: the round counts as executed from here on. */
  private void complete(ExecutedRound executed, long nanos) throws Exception {
    completed = executed.outcome().state();
    output.collect(new StreamRecord<>(executed.release()));
    Grant grant = executed.release().grant();
    LOG.info("{}{}/{}", EXECUTED, grant.epoch(), grant.round());
    trainMetrics.completed(grant.round(), nanos, executed.outcome());
    acknowledger.executed(new RoundExecuted(grant.epoch(), grant.round(), executed.answer()));
  }

  /** Fails the task from the worker. */
  private void fail(String message, Throwable cause) {
    onTaskThread(
        () -> {
          throw new IllegalStateException(message, cause);
        },
        message);
  }

  /** From the worker; what comes after the mailbox closed concerns nobody: the attempt is over. */
  private void onTaskThread(ThrowingRunnable<? extends Exception> mail, String description) {
    try {
      mailbox.execute(mail, description);
    } catch (RejectedExecutionException e) {
      LOG.debug("The task ended before: {}", description, e);
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    lastEpoch.update(List.of(cohorts.lastEpoch()));
    trainerState.update(completed == null ? List.of() : TrainerStatePart.of(completed));
  }

  @Override
  public void close() throws Exception {
    try {
      if (worker != null) {
        worker.close();
      }
    } finally {
      super.close();
    }
  }
}
