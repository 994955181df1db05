package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerPositionSerializer;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.operators.coordination.OperatorCoordinator;
import org.apache.flink.runtime.operators.coordination.OperatorEventGateway;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.CoordinatedOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OperatorSnapshotFutures;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The privacy budget: turns clock pulses into the public time of the job, and into at most one
 * granted round at a time.
 *
 * <p>Input: pulses, whose value does not matter; time is the task's processing time. Output: first
 * {@link EpochStart}, then for every tick its {@link Grant}, if there is one, and its watermark.
 * Watermarks and statuses from upstream, the final MAX watermark among them, end here.
 *
 * <p>The ledger is opened, read and written on a thread of its own, one piece of work at a time,
 * and results come back through the mailbox: the job ingests, checkpoints and cancels while the
 * ledger is out of reach. Each kind of {@link LedgerException} has one answer: unavailable is tried
 * again after a growing pause, fenced looks whether another job has taken over, refused ends the
 * job for good.
 *
 * <p>A round is charged when what failures may cost allows it ({@link DurabilityGate}); while
 * rounds wait for a checkpoint, the job manager is asked to take one.
 *
 * <p>State: operator list state {@code ledger-position} with one {@link LedgerPosition}, the newest
 * that was seen. It is only ever held against the ledger, never used in its place. Parallelism and
 * max parallelism must be 1.
 *
 * <p>Long because it owns all of the operator's Flink state and turns each step of the coordinator
 * into sends; it decides nothing.
 */
public final class PrivacyBudgetOperator extends AbstractStreamOperator<BudgetSignal>
    implements OneInputStreamOperator<Long, BudgetSignal> {

  private static final long serialVersionUID = 1L;

  private static final Logger LOGGER = LoggerFactory.getLogger(PrivacyBudgetOperator.class);

  /** A ledger that is away is tried again after a second, then after twice as long each time. */
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

  /** A ledger that is back is found within a minute. */
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);

  private static final ListStateDescriptor<LedgerPosition> POSITION =
      new ListStateDescriptor<>("ledger-position", new LedgerPositionSerializer());

  private final transient Settings settings;
  private final transient MailboxExecutor mailbox;
  private final transient OperatorEventGateway jobManager;

  private transient ListState<LedgerPosition> positionState;
  private transient Optional<LedgerPosition> position;
  private transient RoundCoordinator coordinator;
  private transient DurabilityGate gate;
  private transient LedgerSession session;
  private transient LedgerWorker worker;
  private transient long pauseMillis;
  private transient BudgetMetrics metrics;
  private transient BudgetNotices notices;

  /**
   * What the operator is configured with.
   *
   * @param terms budget and mechanism
   * @param ledger where the ledger is
   * @param accountants makes the accountant of the phase
   * @param releases what published releases say about the ledger
   * @param feedback acknowledgements from train
   * @param durability how much failures may cost
   * @param checkpointPause the least time between two checkpoints taken for the sake of rounds that
   *     wait for one
   * @param submission tells this submission of the job from every other: drawn once, where the job
   *     graph is made, and so the same for all its attempts, those after the death of a job manager
   *     included. Flink's job id does not: in application mode with high availability it is always
   *     the same
   * @param input the topic of events, whose ends are told with every epoch and every charge; null
   *     where users have no lifetime
   */
  public record Settings(
      BudgetTerms terms,
      LedgerFactory ledger,
      AccountantFactory accountants,
      ReleaseWitness releases,
      RoundFeedback feedback,
      DurabilityTerms durability,
      Duration checkpointPause,
      String submission,
      InputTopic input)
      implements java.io.Serializable {}

  private PrivacyBudgetOperator(
      StreamOperatorParameters<BudgetSignal> parameters, Settings settings) {
    super(parameters);
    this.settings = settings;
    this.jobManager =
        parameters
            .getOperatorEventDispatcher()
            .getOperatorEventGateway(parameters.getStreamConfig().getOperatorID());
    this.mailbox = parameters.getMailboxExecutor();
  }

  /** Makes the operator; pass it to {@code transform}. */
  public static final class Factory extends AbstractStreamOperatorFactory<BudgetSignal>
      implements OneInputStreamOperatorFactory<Long, BudgetSignal>,
          CoordinatedOperatorFactory<BudgetSignal> {

    private static final long serialVersionUID = 1L;

    private final Settings settings;

    public Factory(Settings settings) {
      this.settings = settings;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<BudgetSignal>> T createStreamOperator(
        StreamOperatorParameters<BudgetSignal> parameters) {
      return (T) new PrivacyBudgetOperator(parameters, settings);
    }

    /** See {@link Settings}. */
    public String submission() {
      return settings.submission();
    }

    @Override
    public OperatorCoordinator.Provider getCoordinatorProvider(String name, OperatorID id) {
      return new CheckpointOperatorCoordinator.Provider(id, settings.checkpointPause());
    }

    @Override
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
      return PrivacyBudgetOperator.class;
    }
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    positionState = context.getOperatorStateStore().getListState(POSITION);
    position = Optional.empty();
    for (LedgerPosition restored : positionState.get()) {
      position = Optional.of(restored);
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    int parallelism = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
    if (parallelism != 1) {
      throw new IllegalStateException(
          "The privacy budget must run with parallelism 1 but runs with " + parallelism);
    }
    gate =
        new DurabilityGate(
            settings.durability(),
            Math.max(0, position.map(LedgerPosition::executedRound).orElse(0L)));
    coordinator =
        new RoundCoordinator(
            settings.terms().phases(), position.map(LedgerPosition::tick).orElse(0L), gate);
    session =
        new LedgerSession(
            settings.ledger(),
            settings.terms(),
            settings.accountants(),
            settings.releases(),
            settings.submission(),
            position);
    metrics =
        new BudgetMetrics(
            getMetricGroup(),
            coordinator,
            gate,
            getProcessingTimeService()::getCurrentProcessingTime);
    notices = new BudgetNotices(settings.terms().domain());
    pauseMillis = FIRST_PAUSE.toMillis();
    worker = new LedgerWorker(session, settings.feedback(), settings.input());
    openLedger();
  }

  private void openLedger() {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    worker.open(now, new FromTrain(), outcome -> toMailbox(() -> opened(outcome), "ledger opened"));
  }

  /** What train has to say, on its way to the task's thread. */
  private final class FromTrain implements RoundFeedback.Listener {

    @Override
    public void announced(ModelVersion model) {
      toMailbox(() -> pass(model), "model announced");
    }

    @Override
    public void executed(RoundExecuted executed) {
      toMailbox(() -> coordinator.acknowledged(executed), "round executed");
    }

    @Override
    public void failed(Throwable failure) {
      toMailbox(() -> feedbackFailed(failure), "feedback failed");
    }
  }

  private void pass(ModelVersion model) {
    if (model.submission().equals(settings.submission()) && coordinator.announced(model)) {
      output.collect(new StreamRecord<>(model));
    }
  }

  private void opened(LedgerWorker.Outcome<LedgerWorker.Opened> outcome) {
    Optional<LedgerWorker.Opened> result = resultOf(outcome);
    if (result.isEmpty()) {
      return;
    }
    LedgerSession.Opening opening = result.get().opening();
    if (opening == null) {
      long opensAt = result.get().opensAtMillis();
      notices.epochOpensAt(opensAt);
      getProcessingTimeService().registerTimer(opensAt, time -> openLedger());
      return;
    }
    metrics.spent(result.get().epsilonSpent());
    pauseMillis = FIRST_PAUSE.toMillis();
    Optional<EpochStart> start =
        coordinator.opened(opening, getProcessingTimeService().getCurrentProcessingTime());
    rememberPosition(opening.state());
    start.ifPresent(
        signal -> {
          notices.epochStarts(signal, settings.submission(), coordinator, metrics.epsilonSpent());
          if (opening instanceof LedgerSession.Opening.Owned owned) {
            owned.modelLeftBehind().ifPresent(notices::modelLeftBehind);
          }
          output.collect(
              new StreamRecord<>(
                  settings.input() == null
                      ? signal
                      : counting(signal, opening.state(), result.get().input())));
        });
    coordinator.halt().ifPresent(this::announceHalt);
  }

  private static EpochStart counting(EpochStart start, LedgerState state, InputOffsets input) {
    return new EpochStart(
        start.epoch(),
        start.firstTick(),
        state.rounds(),
        state.lastChargingEpoch(),
        state.horizon().orElse(null),
        input);
  }

  @Override
  public void processElement(StreamRecord<Long> pulse) {
    long now = getProcessingTimeService().getCurrentProcessingTime();
    if (coordinator.maySpend()) {
      lookAtGate(now);
    }
    RoundCoordinator.Step step = coordinator.pulse(now);
    if (step instanceof RoundCoordinator.Step.Pass pass) {
      sendWatermark(pass.tick());
    } else if (step instanceof RoundCoordinator.Step.Charge charge) {
      worker.charge(
          charge.tick(),
          charge.dueTick(),
          coordinator.nextClipNorm(),
          outcome -> toMailbox(() -> charged(outcome), "round charged"));
    } else if (step instanceof RoundCoordinator.Step.Conclude conclude) {
      worker.conclude(
          conclude.executed(),
          conclude.tick(),
          outcome -> toMailbox(() -> concluded(outcome), "calibration concluded"));
    } else if (step instanceof RoundCoordinator.Step.Halt halt) {
      worker.halt(halt.reason(), outcome -> toMailbox(() -> halted(outcome), "halt recorded"));
    }
  }

  /** Asks for a checkpoint where rounds wait for one, and tells people what they cannot see. */
  private void lookAtGate(long now) {
    if (gate.wantsCheckpoint(now)) {
      jobManager.sendEventToCoordinator(
          new CheckpointOperatorCoordinator.Wanted(gate.awaitedCheckpoint()));
    }
    DurabilityGate.Verdict verdict = gate.verdict(now);
    if (metrics.changes(verdict)) {
      notices.chargingWaits(verdict, gate, now);
    }
  }

  private void charged(LedgerWorker.Outcome<LedgerWorker.Charged> outcome) {
    metrics.appended(outcome.tookMillis());
    resultOf(outcome)
        .ifPresent(
            charged -> {
              Grant grant = charged.grant();
              metrics.granted(grant);
              long tick = coordinator.granted(grant, charged.state(), charged.accountant());
              rememberPosition(charged.state());
              if (charged.input() != null) {
                output.collect(
                    new StreamRecord<>(
                        new IntakeLimit(grant.epoch(), grant.round(), charged.input())));
              }
              output.collect(new StreamRecord<>(grant));
              sendWatermark(tick);
              notices.granted(grant);
            });
  }

  private void concluded(LedgerWorker.Outcome<LedgerWorker.Concluded> outcome) {
    metrics.appended(outcome.tookMillis());
    resultOf(outcome)
        .ifPresent(
            concluded -> {
              long tick = coordinator.concluded(concluded.state(), concluded.accountant());
              metrics.spent(concluded.epsilonSpent());
              rememberPosition(concluded.state());
              sendWatermark(tick);
              notices.calibrated(concluded.state().phase().orElseThrow());
            });
  }

  private void halted(LedgerWorker.Outcome<LedgerState> outcome) {
    metrics.appended(outcome.tookMillis());
    resultOf(outcome)
        .ifPresent(
            state -> {
              long tick = coordinator.haltRecorded(state);
              rememberPosition(state);
              sendWatermark(tick);
              announceHalt(coordinator.halt().orElseThrow());
            });
  }

  /** Answers each kind of failure; empty if there was one. */
  private <T> Optional<T> resultOf(LedgerWorker.Outcome<T> outcome) {
    if (outcome.failure() == null) {
      return Optional.of(outcome.result());
    }
    if (outcome.failure() instanceof LedgerException.Refused refused) {
      // Only a person can mend this, and every restart would meet it again.
      throw new SuppressRestartsException(refused);
    } else if (outcome.failure() instanceof LedgerException trouble) {
      // Unavailable or fenced: opening it again tells what became of it, and whose it is now.
      loseLedger();
      retryAfterPause(trouble);
    } else {
      throw new IllegalStateException("The ledger work failed", outcome.failure());
    }
    return Optional.empty();
  }

  private void loseLedger() {
    if (coordinator.ledgerLost() instanceof RoundCoordinator.Step.Pass pass) {
      sendWatermark(pass.tick());
    }
  }

  private void retryAfterPause(LedgerException reason) {
    notices.ledgerAway(reason, pauseMillis);
    long now = getProcessingTimeService().getCurrentProcessingTime();
    getProcessingTimeService().registerTimer(now + pauseMillis, time -> openLedger());
    pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE.toMillis());
  }

  private static void feedbackFailed(Throwable failure) {
    // A restart subscribes afresh, and its new epoch voids the round that nobody acknowledged.
    throw new IllegalStateException("Executed rounds are no longer acknowledged", failure);
  }

  private void announceHalt(HaltReason reason) {
    notices.halted(reason, coordinator.round(), metrics.epsilonSpent());
  }

  private void rememberPosition(LedgerState state) {
    position =
        Optional.of(
            new LedgerPosition(
                state.nextSequence() - 1,
                state.headHash(),
                coordinator.tick(),
                gate.executedRound()));
  }

  private void sendWatermark(long tick) {
    output.emitWatermark(new Watermark(tick));
  }

  private void toMailbox(Runnable work, String description) {
    worker.unlessClosed(
        () -> {
          try {
            mailbox.execute(work::run, description);
          } catch (RejectedExecutionException e) {
            // The task is ending: whatever was charged is in the ledger, where the next start finds
            // it, and the thread of whoever reports must not fail for it.
            LOGGER.debug("'{}' came after the end of the task", description, e);
          }
        });
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    positionState.clear();
    if (position.isPresent()) {
      LedgerPosition seen = position.get();
      positionState.add(
          new LedgerPosition(
              seen.sequence(),
              seen.hash(),
              Math.max(seen.tick(), coordinator.tick()),
              gate.executedRound()));
    }
  }

  /** Here and not later: see {@link DurabilityGate} for why a settled round is durable. */
  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
    super.prepareSnapshotPreBarrier(checkpoint);
    gate.barrier(checkpoint);
  }

  @Override
  public OperatorSnapshotFutures snapshotState(
      long checkpoint, long timestamp, CheckpointOptions options, CheckpointStreamFactory storage)
      throws Exception {
    if (options.getCheckpointType() instanceof SavepointType savepoint) {
      if (savepoint.isSynchronous()) {
        gate.stopping();
      } else {
        // never reported complete: nothing is to wait for it
        gate.aborted(checkpoint);
      }
    }
    return super.snapshotState(checkpoint, timestamp, options, storage);
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    super.notifyCheckpointComplete(checkpoint);
    gate.completed(checkpoint);
  }

  @Override
  public void notifyCheckpointAborted(long checkpoint) throws Exception {
    super.notifyCheckpointAborted(checkpoint);
    gate.aborted(checkpoint);
  }

  @Override
  public void processWatermark(Watermark mark) {
    // Time is the operator's own. MAX, at the end of a bounded clock, would fire every timer.
  }

  @Override
  public void processWatermarkStatus(WatermarkStatus status) {
    // An idle clock must not make the keyed operators wait for nobody.
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
