package io.murmuration.contribution;

import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds what each user contributes and samples rounds from it: {@code bound & sample}.
 *
 * <p>First input: events keyed by user id; its watermarks and statuses are ignored, so that nothing
 * a user sends moves time. Second input: the privacy budget's signals, broadcast; its watermarks
 * are the public ticks and are passed on. Output: for every granted tick one {@link UserSample} per
 * user who is due at that tick, all of them before the watermark of the tick. A grant to count
 * users by their events leaves due ticks and bounds alone: at its watermark one pass over all users
 * makes one {@link UserCounts}.
 *
 * <p>It moves data and time. Which grants count is the {@link GrantGate}'s, how a tick is reached
 * the {@link TickAdvance}'s, what happens to a user {@link UserSampling}'s, who may be drawn the
 * rules' of {@link Participation}, and whose rounds are counted {@link Lifetimes}'.
 *
 * <p><b>Keyed state</b>: {@link KeyedPoolState}. <b>Operator state</b>: {@link SamplerState}.
 * Grants and the current mechanism are transient: after a restore they come anew from the budget.
 *
 * <p><b>Guarantees.</b> A grant of a restored epoch or an older one is refused. A phase with
 * another probability redraws every due tick when its first grant arrives, before any timer fires
 * for its tick: one walk over all users, and one more at the first grant after a restore, where
 * only those that need it are redrawn.
 *
 * <p>Timers and walks go on in quanta of time ({@link TickAdvance}), between which input and
 * barriers pass. What arrives then belongs to the next tick. An aborted or restored round is void,
 * so it does not matter that a checkpoint may fall between two quanta.
 *
 * <p>Long because Flink's state, events, signals and time meet here; the rules are in the classes
 * that it calls.
 */
public final class BoundAndSampleOperator extends AbstractStreamOperator<CohortRecord>
    implements TwoInputStreamOperator<UserEvent, BudgetSignal, CohortRecord>,
        Triggerable<String, VoidNamespace> {

  private static final long serialVersionUID = 1L;
  private static final Logger LOGGER = LoggerFactory.getLogger(BoundAndSampleOperator.class);

  /** How long input and barriers wait for timers at most: little beside a checkpoint's interval. */
  private static final Duration QUANTUM = Duration.ofMillis(100);

  /** The pause after a quantum: as long again, for input and barriers. */
  private static final long PAUSE_MILLIS = 100;

  private final ContributionBounds configuredBounds;

  /** The identity of what users' rounds are counted by; null where users have no lifetime. */
  private final SamplerIdentity lifetimes;

  private final UserTurns turns;
  private final ArrivalListener arrivals;
  private final Randomness randomness;
  private final TimerQuantum quantum;
  private final boolean privateMetrics;

  private transient SamplerState state;

  // this attempt's only; the gate's last epoch goes into the operator state
  private transient GrantGate gate;

  private transient KeyedPoolState users;
  private transient Lifetimes counted;
  private transient UserSampling sampling;
  private transient TickAdvance advance;
  private transient ContributionMetrics counts;

  /**
   * The operator of a production job where no rounds of users are counted and noise is independent:
   * randomness from a cryptographic generator.
   */
  public BoundAndSampleOperator(ContributionBounds bounds) {
    this(bounds, /* lifetimes= */ null, UserTurns.NONE, /* privateMetrics= */ false);
  }

  /**
   * The same.
   *
   * @param lifetimes what the counting of users' lifetimes rests on; null where they have none
   * @param turns whose turn a round is where noise is correlated
   * @param privateMetrics whether to report how many users and examples were sampled
   */
  public BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      UserTurns turns,
      boolean privateMetrics) {
    this(bounds, lifetimes, turns, privateMetrics, ArrivalListener.NONE);
  }

  /** The same under an audit that is told what arrives. */
  public BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      UserTurns turns,
      boolean privateMetrics,
      ArrivalListener arrivals) {
    this(
        bounds,
        lifetimes,
        turns,
        Randomness.secure(),
        TimerQuantum.of(QUANTUM),
        privateMetrics,
        arrivals);
  }

  /** The operator of tests: randomness and quanta of their choice. */
  BoundAndSampleOperator(ContributionBounds bounds, Randomness randomness, TimerQuantum quantum) {
    this(bounds, /* lifetimes= */ null, randomness, quantum);
  }

  /** The same where users have a lifetime. */
  BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      Randomness randomness,
      TimerQuantum quantum) {
    this(bounds, lifetimes, UserTurns.NONE, randomness, quantum);
  }

  /** The same where users take turns. */
  BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      UserTurns turns,
      Randomness randomness,
      TimerQuantum quantum) {
    this(
        bounds,
        lifetimes,
        turns,
        randomness,
        quantum,
        /* privateMetrics= */ false,
        ArrivalListener.NONE);
  }

  /** The same under an audit. */
  BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      Randomness randomness,
      TimerQuantum quantum,
      ArrivalListener arrivals) {
    this(
        bounds,
        lifetimes,
        UserTurns.NONE,
        randomness,
        quantum,
        /* privateMetrics= */ false,
        arrivals);
  }

  private BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      UserTurns turns,
      Randomness randomness,
      TimerQuantum quantum,
      boolean privateMetrics,
      ArrivalListener arrivals) {
    this.configuredBounds = Objects.requireNonNull(bounds, "bounds");
    this.lifetimes = lifetimes;
    this.turns = Objects.requireNonNull(turns, "turns");
    this.randomness = Objects.requireNonNull(randomness, "randomness");
    this.quantum = Objects.requireNonNull(quantum, "quantum");
    this.privateMetrics = privateMetrics;
    this.arrivals = Objects.requireNonNull(arrivals, "arrivals");
  }

  // ---- life cycle ----

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    state = new SamplerState(context, /* counting= */ lifetimes != null);
    gate = new GrantGate(state.lastEpoch());
  }

  @Override
  public void open() throws Exception {
    super.open();
    InternalTimerService<VoidNamespace> timers =
        getInternalTimerService("ticks", VoidNamespaceSerializer.INSTANCE, this);
    users =
        new KeyedPoolState(
            getKeyedStateBackend(),
            getPartitionedState(UserState.pool()),
            getPartitionedState(UserState.examples()),
            lifetimes == null ? null : getPartitionedState(UserState.lifetime()),
            timers,
            configuredBounds);
    advance = new TickAdvance(quantum, new Ticks());
    counts = new ContributionMetrics(getMetricGroup(), privateMetrics, () -> gate.closedTick());
    counted = Lifetimes.UNLIMITED;
    if (lifetimes != null) {
      Optional<SamplerHistory> restored = state.history();
      refusing(() -> counted = new CountedLifetimes(new RoundBook(lifetimes, restored), users));
    }
    sampling =
        new UserSampling(
            configuredBounds,
            randomness,
            gate,
            users,
            counted,
            List.of(counted, (user, grant) -> turns.isTurnOf(user.userId(), grant)),
            counts);
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    state.update(gate.lastEpoch(), counted.snapshot());
  }

  /** Where lifetimes cannot be counted on, only a person can mend it. */
  private static void refusing(Runnable action) {
    try {
      action.run();
    } catch (IllegalArgumentException e) {
      throw new SuppressRestartsException(e);
    }
  }

  @Override
  public void finish() throws Exception {
    advance.drain();
    super.finish();
  }

  @Override
  public void close() throws Exception {
    if (advance != null) {
      advance.close();
    }
    super.close();
  }

  // ---- events ----

  @Override
  public void processElement1(StreamRecord<UserEvent> record) throws Exception {
    UserEvent event = record.getValue();
    if (event.kind() == UserEvent.Kind.BEGINNING) {
      refusing(() -> counted.beginsAfresh(event.partition(), event.offset()));
      return;
    }
    counts.eventIn();
    refusing(() -> counted.saw(event));
    if (event.isErasure()) {
      sampling.erase(event.userId());
    } else if (sampling.arrived(event)) {
      arrivals.arrived(
          event.userId(), gate.epochStarted() ? gate.closedTick() + 1 : GrantGate.UNKNOWN);
    }
  }

  // ---- the budget's signals ----

  @Override
  public void processElement2(StreamRecord<BudgetSignal> record) throws Exception {
    BudgetSignal signal = record.getValue();
    if (signal instanceof EpochStart start) {
      start(start);
    } else if (signal instanceof IntakeLimit limit && limit.epoch() == gate.lastEpoch()) {
      refusing(() -> counted.limit(limit));
    } else if (signal instanceof Grant grant) {
      accept(grant);
    }
  }

  private void start(EpochStart start) {
    if (!gate.startEpoch(start)) {
      LOGGER.warn("Refused epoch {}: epoch {} has been seen", start.epoch(), gate.lastEpoch());
      return;
    }
    refusing(() -> counted.startEpoch(start));
    arrivals.began(gate.firstTick());
    if (!advance.isUnderWay()) {
      sampling.firedUpTo(gate.closedTick());
    }
  }

  private void accept(Grant grant) throws Exception {
    if (!gate.admits(grant)) {
      counts.grantRefused();
      LOGGER.warn(
          "Refused the grant of round {} for tick {} of epoch {}: the epoch is {}, {}, and tick {}"
              + " is closed",
          grant.round(),
          grant.tick(),
          grant.epoch(),
          gate.lastEpoch(),
          gate.epochStarted() ? "which has started" : "after which none has started",
          gate.closedTick());
      return;
    }
    counted.granted(grant);
    if (grant.mechanism().query() instanceof CountHistogram) {
      gate.add(grant);
      return;
    }
    sampling.granted(grant).ifPresent(visit -> advance.add(users.walk(visit, /* end= */ () -> {})));
    gate.add(grant);
    advance.goOn();
  }

  // ---- ticks ----

  @Override
  public void processWatermark1(Watermark mark) {
    // what users send never moves time
  }

  @Override
  protected void processWatermarkStatus(WatermarkStatus status, int inputIndex) {
    if (inputIndex == 1) {
      output.emitWatermarkStatus(status);
    }
  }

  @Override
  public void processWatermark2(Watermark mark) throws Exception {
    if (mark.getTimestamp() == Watermark.MAX_WATERMARK.getTimestamp()) {
      sampling.endTime();
    } else if (!gate.epochStarted()) {
      throw new IllegalStateException(
          "Tick %d arrived before the start of an epoch; the privacy budget must announce its epoch first"
              .formatted(mark.getTimestamp()));
    } else {
      gate.close(mark.getTimestamp());
    }
    advance.to(mark.getTimestamp());
  }

  /** What {@link TickAdvance} brings to a tick. */
  private final class Ticks implements TickAdvance.Subtask {

    @Override
    public boolean fireTimers(long tick, BooleanSupplier stop) throws Exception {
      return timeServiceManager.tryAdvanceWatermark(new Watermark(tick), stop::getAsBoolean);
    }

    @Override
    public void fired(long tick) throws Exception {
      sampling.firedUpTo(Math.min(tick, gate.closedTick()));
      for (Grant grant : gate.upTo(tick)) {
        if (grant.mechanism().query() instanceof CountHistogram query) {
          advance.add(countUsers(query, grant));
        }
      }
      gate.forget(tick);
      // a grant for a later tick may have come while timers of this one still fired
      if (gate.latest().isEmpty()) {
        counted.fired();
      }
    }

    @Override
    public void completed(long tick) {
      output.emitWatermark(new Watermark(tick));
    }

    @Override
    public void resumeLater() {
      getProcessingTimeService()
          .registerTimer(
              getProcessingTimeService().getCurrentProcessingTime() + PAUSE_MILLIS,
              now -> advance.resume());
    }
  }

  @Override
  public void onEventTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
    Optional<UserSample> drawn = sampling.fire(timer.getKey(), timer.getTimestamp());
    drawn.ifPresent(sample -> output.collect(new StreamRecord<>(sample, sample.tick())));
  }

  @Override
  public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) {
    throw new IllegalStateException("No timer of wall time is ever registered");
  }

  /** Counts this subtask's users, in quanta of time. */
  private UserWalk countUsers(CountHistogram query, Grant grant) {
    UserTally tally = new UserTally(query, grant, sampling.bounds());
    return users.walk(
        userId -> users.look().ifPresent(tally::add),
        () -> output.collect(new StreamRecord<>(tally.counts(), grant.tick())));
  }
}
