package io.murmuration.training;

import io.murmuration.privacy.budget.RoundFeedback;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import io.murmuration.release.RoundRelease;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.RoundTrainer.ExecutedRound;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

/**
 * Executes each granted round once the partial sums of all its workers are there, on a thread of
 * its own, so that barriers, cancellation and input pass meanwhile. Runs with parallelism 1.
 *
 * <p>Which sum may be applied is {@link PartialSums}' affair, how it is {@link RoundTrainer}'s;
 * this class moves work to the worker and results back through the mailbox. Before anything is
 * granted in an epoch, and after each round that changed it, the model is put where the workers of
 * {@link GradientOperator} find it, and announced.
 *
 * <p>State: the trainer after the last completed round, in parts that are written off this thread,
 * and the last epoch seen. A round that is summed up or in training when a snapshot is taken is not
 * part of it: after a restore its round is void, charged and never executed.
 *
 * <p>Long because it owns all of the operator's Flink state; the rules are in the classes that it
 * calls.
 */
public final class TrainOperator extends AbstractStreamOperator<RoundRelease>
    implements TwoInputStreamOperator<PartialSum, BudgetSignal, RoundRelease> {

  private static final long serialVersionUID = 1L;

  /** Logged, followed by epoch/round, for each round that counts as executed. */
  public static final String EXECUTED = "Executed as epoch/round ";

  private static final ListStateDescriptor<TrainerStatePart> TRAINER_STATE =
      new ListStateDescriptor<>("trainer-state", new TrainerStatePartSerializer());

  /** State of earlier releases: read, then empty. */
  private static final ListStateDescriptor<byte[]> OLD_TRAINER_STATE =
      new ListStateDescriptor<>("trainer", BytePrimitiveArraySerializer.INSTANCE);

  private final transient RoundTrainer.Factory trainerFactory;
  private final transient ParameterStore.Factory parameterStores;
  private final transient RoundFeedback feedback;
  private final String submission;
  private final boolean privateMetrics;
  private final transient TaskThread taskThread;

  private transient ListState<TrainerStatePart> trainerState;
  private transient ListState<Long> lastEpoch;
  private transient PartialSums sums;
  private transient Map<Long, Long> grantedNanos;
  private transient TrainerState completed;
  private transient RoundTrainer trainer;
  private transient ModelAnnouncer models;
  private transient RoundFeedback.Publisher publisher;
  private transient Acknowledger acknowledger;
  private transient RoundWorker worker;

  /** The model that was announced before its round's acknowledgement; on the worker. */
  private transient ModelVersion announcedEarly;

  private transient TrainMetrics trainMetrics;

  private TrainOperator(
      StreamOperatorParameters<RoundRelease> parameters,
      RoundTrainer.Factory trainerFactory,
      ParameterStore.Factory parameterStores,
      RoundFeedback feedback,
      String submission,
      boolean privateMetrics) {
    super(parameters);
    this.trainerFactory = trainerFactory;
    this.parameterStores = parameterStores;
    this.feedback = feedback;
    this.submission = submission;
    this.privateMetrics = privateMetrics;
    MailboxExecutor mailbox = parameters.getMailboxExecutor();
    this.taskThread =
        new TaskThread((mail, description) -> mailbox.execute(mail::run, description));
  }

  /** Makes the operator; pass it to {@code transform}. */
  public static final class Factory extends AbstractStreamOperatorFactory<RoundRelease>
      implements TwoInputStreamOperatorFactory<PartialSum, BudgetSignal, RoundRelease> {

    private static final long serialVersionUID = 1L;

    private final RoundTrainer.Factory trainerFactory;
    private final ParameterStore.Factory parameterStores;
    private final RoundFeedback feedback;
    private final String submission;
    private final boolean privateMetrics;

    /**
     * @param trainerFactory creates the trainer on the task manager
     * @param parameterStores where workers find parameters
     * @param feedback where executed rounds are acknowledged
     * @param submission of this job, as the privacy budget knows it
     * @param privateMetrics whether exact functions of private data become metrics
     */
    public Factory(
        RoundTrainer.Factory trainerFactory,
        ParameterStore.Factory parameterStores,
        RoundFeedback feedback,
        String submission,
        boolean privateMetrics) {
      this.trainerFactory = trainerFactory;
      this.parameterStores = parameterStores;
      this.feedback = feedback;
      this.submission = submission;
      this.privateMetrics = privateMetrics;
    }

    @Override
    @SuppressWarnings("unchecked") // the factory's contract: T is this factory's operator type
    public <T extends StreamOperator<RoundRelease>> T createStreamOperator(
        StreamOperatorParameters<RoundRelease> parameters) {
      return (T)
          new TrainOperator(
              parameters, trainerFactory, parameterStores, feedback, submission, privateMetrics);
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
    sums = new PartialSums(epoch);
  }

  @Override
  public void open() throws Exception {
    super.open();
    trainMetrics = new TrainMetrics(getMetricGroup(), privateMetrics);
    // before anything that can fail: from here on closing frees what there is
    worker = new RoundWorker(this::freeTrainer, this::closePublisher);
    try {
      trainer = trainerFactory.create(Optional.ofNullable(completed));
    } catch (IllegalArgumentException | PublicFaultException e) {
      throw new SuppressRestartsException(e);
    }
    models = new ModelAnnouncer(parameterStores.open(), submission);
    grantedNanos = new HashMap<>();
    publisher = feedback.publisher();
    acknowledger =
        new Acknowledger(
            publisher,
            worker::execute,
            result -> taskThread.run(result::run, "acknowledgement"),
            this::after,
            fault -> {
              throw new IllegalStateException("A round could not be acknowledged", fault);
            });
  }

  private void after(Duration pause, Runnable action) {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    getProcessingTimeService().registerTimer(now + pause.toMillis(), time -> action.run());
  }

  /** Closes it on the worker, or where that never began, on the task's thread. */
  private void freeTrainer() {
    if (trainer != null) {
      trainer.close();
    }
  }

  /** Closes it where {@link #freeTrainer} frees the trainer. */
  private void closePublisher() {
    if (publisher != null) {
      publisher.close();
    }
  }

  @Override
  public void processElement1(StreamRecord<PartialSum> element) {
    if (!sums.onPartial(element.getValue())) {
      trainMetrics.stalePartial();
    }
  }

  @Override
  public void processElement2(StreamRecord<BudgetSignal> element) {
    BudgetSignal signal = element.getValue();
    acknowledger.heard(signal);
    if (signal instanceof EpochStart start) {
      if (sums.onEpochStart(start)) {
        TrainerState restored = trainer.state();
        acknowledger.say(
            start.epoch(),
            restored.round(),
            to -> to.announced(models.put(start.epoch(), restored)));
      }
    } else if (signal instanceof Grant grant) {
      if (sums.onGrant(grant)) {
        grantedNanos.put(grant.round(), System.nanoTime());
      } else {
        LOG.info("Grant of round {} of epoch {} is void here", grant.round(), grant.epoch());
      }
    }
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    for (RoundSum sum : sums.onWatermark(mark.getTimestamp())) {
      long granted = grantedNanos.remove(sum.grant().round());
      worker.execute(() -> train(sum, granted));
    }
    super.processWatermark(mark);
  }

  /** Trains on the worker. */
  private void train(RoundSum sum, long granted) {
    long round = sum.grant().round();
    try {
      long summed = System.nanoTime();
      models.requireCurrent(sum);
      ExecutedRound executed = execute(sum);
      long done = System.nanoTime();
      taskThread.run(
          () -> complete(executed, done - granted, summed - granted),
          "Round %d trained".formatted(round));
    } catch (PublicFaultException fault) {
      LOG.error(
          "Training halts: {}. The release of round {} and the state after it are dropped",
          fault.getMessage(),
          round,
          fault);
      RoundExecuted executed = RoundExecuted.withFailedModel(sum.grant().epoch(), round);
      taskThread.run(
          () -> acknowledger.say(executed.epoch(), round, to -> to.executed(executed)),
          "model failed");
    } catch (RoundInterruptedException ending) {
      LOG.info("Round {} is void: its task ended while it was trained", round);
    } catch (Throwable failure) { // handed to the task thread, which fails the task with it
      taskThread.fail("Round " + round + " could not be trained", failure);
    }
  }

  private ExecutedRound execute(RoundSum sum) {
    trainMetrics.begins();
    boolean passed = false;
    try {
      ExecutedRound executed =
          trainer.execute(sum, after -> announceEarly(sum.grant().epoch(), after));
      passed = true;
      return executed;
    } finally {
      TriedModels.end(submission, passed);
      trainMetrics.ends();
    }
  }

  /**
   * Lets workers fetch the next model and try their machines at it while it is tried here. Without
   * the round's acknowledgement nothing is granted at it, and where that has to be repeated, it is
   * announced again.
   */
  private void announceEarly(long epoch, TrainerState after) {
    try {
      ModelVersion version = models.put(epoch, after);
      TriedModels.begin(version);
      publisher.announced(version);
      announcedEarly = version;
    } catch (IOException trouble) {
      LOG.debug("The model after round {} is announced later", after.round(), trouble);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      RoundInterruptedException.throwIfInterrupted();
    }
  }

  /** Completes a round on the task's thread: it counts as executed from here on. */
  private void complete(ExecutedRound executed, long nanos, long gradientNanos) throws Exception {
    completed = executed.outcome().state();
    output.collect(new StreamRecord<>(executed.release()));
    Grant grant = executed.release().grant();
    LOG.info("{}{}/{}", EXECUTED, grant.epoch(), grant.round());
    trainMetrics.completed(grant.round(), nanos, gradientNanos, executed.outcome());
    RoundExecuted acknowledgement =
        new RoundExecuted(grant.epoch(), grant.round(), executed.answer());
    TrainerState after = completed;
    acknowledger.say(
        grant.epoch(),
        grant.round(),
        to -> {
          // in this order: a round is charged only at a model that its workers can have
          ModelVersion model = models.put(grant.epoch(), after);
          if (!model.equals(announcedEarly)) {
            to.announced(model);
          }
          // what is said again is said whole
          announcedEarly = null;
          to.executed(acknowledgement);
        });
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    lastEpoch.update(List.of(sums.lastEpoch()));
    trainerState.update(completed == null ? List.of() : TrainerStatePart.of(completed));
  }

  @Override
  public void close() throws Exception {
    try {
      if (worker != null) {
        worker.close();
      }
    } finally {
      TriedModels.forget(submission);
      super.close();
    }
  }
}
