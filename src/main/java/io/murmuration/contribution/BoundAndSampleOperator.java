package io.murmuration.contribution;

import io.murmuration.contribution.KeyedPoolState.Taken;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.flink.api.common.state.ListState;
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
 * <p><b>Keyed state</b>: {@link KeyedPoolState}.
 *
 * <p><b>Operator state</b>: the last epoch, as union list state restored by maximum. Grants and the
 * current mechanism are transient: after a restore they come anew from the budget.
 *
 * <p><b>Guarantees.</b> A user is sampled at a granted tick independently with the grant's
 * probability (ULS), or each of the user's examples is (ELS); see {@link SamplingSchedule}. A grant
 * of a restored epoch or an older one is refused. A phase with another probability redraws every
 * due tick when its first grant arrives, before any timer fires for its tick: one walk over all
 * users, and one more at the first grant after a restore, where only those that need it are
 * redrawn.
 *
 * <p>Timers and walks go on in quanta of time ({@link TickAdvance}), between which input and
 * barriers pass. What arrives then belongs to the next tick. An aborted or restored round is void,
 * so it does not matter that a checkpoint may fall between two quanta.
 *
 * <p>Long because it is where state, time and input of one user meet; the rules are in the classes
 * that it calls.
 */
public final class BoundAndSampleOperator extends AbstractStreamOperator<CohortRecord>
    implements TwoInputStreamOperator<UserEvent, BudgetSignal, CohortRecord>,
        Triggerable<String, VoidNamespace> {

  private static final long serialVersionUID = 1L;
  private static final Logger LOGGER = LoggerFactory.getLogger(BoundAndSampleOperator.class);

  /**
   * How long input and barriers wait for timers at most: little beside the least time between
   * checkpoints.
   */
  private static final Duration SLICE = Duration.ofMillis(100);

  /** The pause after a quantum: as long again, for input and barriers. */
  private static final long PAUSE_MILLIS = 100;

  private final ContributionBounds configuredBounds;

  /** The identity of what users' rounds are counted by; null where users have no lifetime. */
  private final SamplerIdentity lifetimes;

  private final Randomness randomness;
  private final TimerQuantum quantum;
  private final boolean privateMetrics;

  private transient ListState<Long> epochs;

  // where users have a lifetime
  private transient ListState<SamplerHistory> histories;
  private transient Optional<SamplerHistory> history;
  private transient RoundBook book;

  private transient KeyedPoolState users;

  // this attempt's only; the gate's last epoch goes into the operator state
  private transient GrantGate gate;

  /** The last tick whose timers have all fired. */
  private transient long firedTick;

  private transient TickAdvance advance;
  private transient boolean timeHasEnded;
  private transient SamplingSchedule schedule;
  private transient ContributionBounds bounds;
  private transient ContributionMetrics counts;

  /** The operator of a production job: randomness from a cryptographic generator. */
  public BoundAndSampleOperator(ContributionBounds bounds) {
    this(bounds, /* lifetimes= */ null, /* privateMetrics= */ false);
  }

  /**
   * The same.
   *
   * @param lifetimes what the counting of users' lifetimes rests on; null where they have none
   * @param privateMetrics whether to report how many users and examples were sampled
   */
  public BoundAndSampleOperator(
      ContributionBounds bounds, SamplerIdentity lifetimes, boolean privateMetrics) {
    this(bounds, lifetimes, Randomness.secure(), TimerQuantum.of(SLICE), privateMetrics);
  }

  /** The operator of tests: randomness and quanta of their choice. */
  BoundAndSampleOperator(ContributionBounds bounds, Randomness randomness, TimerQuantum quantum) {
    this(bounds, /* lifetimes= */ null, randomness, quantum, /* privateMetrics= */ false);
  }

  /** The same where users have a lifetime. */
  BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      Randomness randomness,
      TimerQuantum quantum) {
    this(bounds, lifetimes, randomness, quantum, /* privateMetrics= */ false);
  }

  private BoundAndSampleOperator(
      ContributionBounds bounds,
      SamplerIdentity lifetimes,
      Randomness randomness,
      TimerQuantum quantum,
      boolean privateMetrics) {
    this.configuredBounds = Objects.requireNonNull(bounds, "bounds");
    this.lifetimes = lifetimes;
    this.randomness = Objects.requireNonNull(randomness, "randomness");
    this.quantum = Objects.requireNonNull(quantum, "quantum");
    this.privateMetrics = privateMetrics;
  }

  // ---- life cycle ----

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    epochs = context.getOperatorStateStore().getUnionListState(UserState.lastEpoch());
    long restoredEpoch = GrantGate.UNKNOWN;
    for (long epoch : epochs.get()) {
      restoredEpoch = Math.max(restoredEpoch, epoch);
    }
    gate = new GrantGate(restoredEpoch);
    if (lifetimes == null) {
      refuseCounts(context);
    } else {
      histories = context.getOperatorStateStore().getUnionListState(UserState.history());
      List<SamplerHistory> parts = new ArrayList<>();
      histories.get().forEach(parts::add);
      history = parts.isEmpty() ? Optional.empty() : Optional.of(SamplerHistory.merge(parts));
      if (parts.isEmpty() && context.isRestored()) {
        throw new SuppressRestartsException(
            new IllegalArgumentException(
                "The restored state of the sampler counts no lifetimes, so that it cannot know how"
                    + " much of theirs users have spent: it is of a job without horizon.enabled, or"
                    + " of another uid. Start without it: another domain, or a new generation"
                    + " (--new-generation)"));
      }
    }
  }

  /**
   * What counts nothing must not read on from a state that counts: whoever went on from there with
   * lifetimes would not know of the records in between.
   */
  private static void refuseCounts(StateInitializationContext context) {
    String history = UserState.history().getName();
    if (context.getOperatorStateStore().getRegisteredStateNames().contains(history)) {
      throw new SuppressRestartsException(
          new IllegalArgumentException(
              "The restored state of the sampler counts users' lifetimes but this job would count"
                  + " none: start it with horizon.enabled: true, or without this state"));
    }
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
    firedTick = GrantGate.UNKNOWN;
    bounds = configuredBounds;
    counts = new ContributionMetrics(getMetricGroup(), privateMetrics, () -> gate.closedTick());
    if (lifetimes != null) {
      refusing(() -> book = new RoundBook(lifetimes, history));
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    epochs.update(List.of(gate.lastEpoch()));
    if (book != null) {
      histories.update(List.of(book.snapshot()));
    }
  }

  /** What the book refuses, only a person can mend. */
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
    counts.eventsIn.inc();
    if (book != null) {
      refusing(() -> book.saw(event.partition(), event.offset()));
    }
    if (event.isErasure()) {
      erase(event.userId());
      return;
    }
    Taken user = users.findOrCreate(event.userId());
    UniformRandomProvider random = randomness.forUser(event.userId());
    int slot;
    if (gate.epochStarted()) {
      // not beyond the ticks that have fired: a timer still to fire may want the older windows
      advance(user.pool(), firedTick + 1, random);
    }
    if (book != null && !counts(user, event)) {
      return;
    }
    if (gate.epochStarted()) {
      slot = user.pool().offer(gate.closedTick(), bounds, random);
      drawDueTicks(user.pool(), gate.closedTick(), random);
    } else {
      slot = user.pool().offerProvisional(bounds, random);
      users.awaitFirstTick();
    }
    if (slot == UserPool.NOT_KEPT) {
      counts.eventsBoundedAway.inc();
    } else {
      users.keep(slot, event);
    }
    users.store(user, firedTick + 1);
  }

  private void erase(String userId) throws Exception {
    Taken user = users.find(userId).orElse(null);
    if (user == null) {
      return;
    }
    if (book != null) {
      if (gate.epochStarted()) {
        advance(user.pool(), firedTick + 1, randomness.forUser(userId));
      }
      if (user.pool().stretch != null) {
        users.remember(book.endedNow(user.pool().stretch));
      }
    }
    users.erase(user);
    counts.usersErased.inc();
  }

  /**
   * Counts the event for its user's lifetime.
   *
   * @return false if the lifetime is over: the event is turned away, and what was kept is gone
   */
  private boolean counts(Taken user, UserEvent event) throws Exception {
    UserPool pool = user.pool();
    if (pool.stretch == null) {
      Optional<Lifetime> past = users.lifetime();
      if (past.filter(book::isRetired).isPresent()) {
        counts.eventsTurnedAway.inc();
        if (user.stored()) {
          users.erase(user);
        }
        return false;
      }
      pool.stretch = book.begin(past, event.partition(), event.offset());
    } else {
      pool.stretch = book.extend(pool.stretch, event.partition(), event.offset());
    }
    if (book.isRetired(pool.stretch)) {
      counts.eventsTurnedAway.inc();
      retire(user);
      return false;
    }
    return true;
  }

  /** Drops all that is kept of a user who may take part no more. */
  private void retire(Taken user) throws Exception {
    users.remember(book.endedNow(user.pool().stretch));
    users.erase(user);
    counts.usersRetired.inc();
  }

  // ---- the budget's signals ----

  @Override
  public void processElement2(StreamRecord<BudgetSignal> record) throws Exception {
    BudgetSignal signal = record.getValue();
    if (signal instanceof EpochStart start) {
      startEpoch(start);
    } else if (signal instanceof IntakeLimit limit) {
      if (book != null && limit.epoch() == gate.lastEpoch()) {
        refusing(() -> book.limit(limit));
      }
    } else if (signal instanceof Grant grant) {
      accept(grant);
    }
  }

  /** Makes the ticks known. */
  private void startEpoch(EpochStart start) {
    if (!gate.startEpoch(start)) {
      LOGGER.warn("Refused epoch {}: epoch {} has been seen", start.epoch(), gate.lastEpoch());
      return;
    }
    if (book != null) {
      refusing(() -> book.startEpoch(start));
    }
    firedTick = advance.isUnderWay() ? firedTick : gate.closedTick();
  }

  private void accept(Grant grant) throws Exception {
    if (!gate.admits(grant)) {
      counts.grantsRefused.inc();
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
    if (book != null) {
      book.granted(grant);
    }
    if (grant.mechanism().query() instanceof CountHistogram) {
      gate.add(grant);
      return;
    }
    SamplingSchedule granted = SamplingSchedule.of(grant.mechanism());
    if (!granted.equals(schedule)) {
      changeSchedule(granted, grant);
    }
    bounds = boundsUnder(grant.mechanism());
    gate.add(grant);
    advance.goOn();
  }

  private ContributionBounds boundsUnder(RoundMechanism mechanism) {
    return mechanism.sampler() == Sampler.ELS
        ? configuredBounds.cutTo(mechanism.groupSize())
        : configuredBounds;
  }

  /** Gives every user of this subtask a due tick of the new schedule, before its first tick. */
  private void changeSchedule(SamplingSchedule granted, Grant firstGrant) {
    if (gate.latest().isPresent()) {
      throw new IllegalStateException(
          "The grant of round %d changes the sampling to %s while round %d is in flight; at most one round may be"
              .formatted(firstGrant.round(), granted, gate.latest().get().round()));
    }
    boolean firstOfAttempt = schedule == null;
    schedule = granted;
    bounds = boundsUnder(firstGrant.mechanism());
    long lastClosed = firstGrant.tick() - 1;
    advance.add(
        users.walk(userId -> giveDueTick(userId, lastClosed, firstOfAttempt), /* end= */ () -> {}));
  }

  /** One step of a walk: a due tick of the schedule that is granted now, where there is none. */
  private void giveDueTick(String userId, long lastClosed, boolean firstOfAttempt)
      throws Exception {
    Taken user = users.find(userId).orElse(null);
    if (user == null) {
      return;
    }
    if (firstOfAttempt) {
      // this state may come from an attempt of other windows, or from one whose time had ended
      users.rearm(user);
    }
    if (!user.pool().hasDueTicksOf(schedule)) {
      UniformRandomProvider random = randomness.forUser(userId);
      advance(user.pool(), firedTick + 1, random);
      user.pool().clearDueTicks(lastClosed);
      drawDueTicks(user.pool(), lastClosed, random);
      users.store(user, firedTick + 1);
    }
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
      timeHasEnded = true;
      users.endTime();
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
      firedTick = Math.min(tick, gate.closedTick());
      for (Grant grant : gate.upTo(tick)) {
        if (grant.mechanism().query() instanceof CountHistogram query) {
          advance.add(countUsers(query, grant));
        }
      }
      gate.forget(tick);
      // a grant for a later tick may have come while timers of this one still fired
      if (book != null && gate.latest().isEmpty()) {
        book.fired();
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
    // a grant to count takes no sample
    Grant grant =
        gate.at(timer.getTimestamp())
            .filter(g -> !(g.mechanism().query() instanceof CountHistogram))
            .orElse(null);
    // this timer is gone; and where it was a leftover, nothing is certain to be armed
    Taken user = users.find(timer.getKey()).map(Taken::withoutTimer).orElse(null);
    // when time has ended, what is kept stays as it is
    if (user == null || (timeHasEnded && grant == null)) {
      return;
    }
    UniformRandomProvider random = randomness.forUser(user.userId());
    // a timer from before this epoch speaks for a tick that nothing can grant any more
    long tick = Math.max(timer.getTimestamp(), gate.firstTick() - 1);
    advance(user.pool(), tick, random);
    if (grant != null && (book == null || mayTakePart(user, grant))) {
      emitSample(user, grant, random);
    }
    if (book != null && isSpent(user, grant)) {
      retire(user);
      return;
    }
    if (!timeHasEnded) {
      // while no mechanism is known the due tick is only cleared; the first grant draws a new one
      user.pool().clearDueTicks(tick);
    }
    drawDueTicks(user.pool(), tick, random);
    users.store(user, firedTick + 1);
  }

  /** Whether the user may take part in no round after those that had their say. */
  private boolean isSpent(Taken user, Grant grant) {
    Stretch stretch = user.pool().stretch;
    if (stretch == null) {
      return false;
    }
    return grant == null ? book.isRetired(stretch) : book.isRetiredAfter(stretch, grant.round());
  }

  private boolean mayTakePart(Taken user, Grant grant) {
    Stretch stretch = user.pool().stretch;
    return stretch != null && book.mayTakePart(stretch, grant);
  }

  @Override
  public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) {
    throw new IllegalStateException("No timer of wall time is ever registered");
  }

  private void emitSample(Taken user, Grant grant, UniformRandomProvider random) throws Exception {
    RoundMechanism mechanism = grant.mechanism();
    int[] slots =
        user.pool()
            .sample(
                grant.tick(),
                SamplingSchedule.of(mechanism),
                mechanism.groupSize(),
                bounds,
                random);
    if (slots.length == 0) {
      return;
    }
    output.collect(
        new StreamRecord<>(
            new UserSample(
                grant.epoch(), grant.round(), grant.tick(), user.userId(), users.examples(slots)),
            grant.tick()));
    counts.usersSampled.inc();
    counts.examplesSampled.inc(slots.length);
  }

  /**
   * Counts this subtask's users by how many events each sent in the last window that was complete
   * before the grant's tick. A user is in one bin, or in none, whatever others did.
   */
  private UserWalk countUsers(CountHistogram query, Grant grant) {
    ContributionBounds counted = bounds;
    long window = counted.windowOf(grant.tick()) - 1;
    long[] perBin = new long[query.answerSize()];
    return users.walk(
        userId -> {
          UserPool pool = users.look();
          long seen = pool == null ? 0 : pool.eventsSeenIn(window, counted);
          if (seen > 0) {
            perBin[query.binOf(seen)]++;
          }
        },
        () ->
            output.collect(
                new StreamRecord<>(
                    new UserCounts(
                        grant.epoch(),
                        grant.round(),
                        grant.tick(),
                        Arrays.stream(perBin).boxed().toList()),
                    grant.tick())));
  }

  private void advance(UserPool pool, long tick, UniformRandomProvider random) {
    long end = pool.lastExpiry(bounds);
    pool.advance(tick, gate.firstTick(), bounds, random, users::remove);
    if (book != null && pool.isEmpty() && pool.stretch != null) {
      users.remember(book.endedAt(pool.stretch, end));
      pool.stretch = null;
    }
  }

  private void drawDueTicks(UserPool pool, long lastClosed, UniformRandomProvider random) {
    if (schedule != null && !timeHasEnded) {
      pool.drawDueTicks(schedule, lastClosed, random);
    }
  }
}
