package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
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
import org.apache.flink.util.FlinkRuntimeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds what each user contributes and samples rounds from it: {@code bound & sample}.
 *
 * <p>First input: events keyed by user id; its watermarks and statuses are ignored, so that nothing
 * a user sends moves time. Second input: the privacy budget's signals, broadcast; its watermarks
 * are the public ticks and are passed on. Output: for every granted tick one {@link UserSample} per
 * user whose clock shows that tick, all of them before the watermark of the tick. A grant to count
 * users by their events leaves clocks and bounds alone: at its watermark one pass over all users
 * makes one {@link UserCounts}.
 *
 * <p><b>Keyed state</b>, cleared when nothing is left of a user or the user is erased:
 *
 * <ul>
 *   <li>{@code pool}: the bookkeeping ({@link UserPool}), read and written once per event;
 *   <li>{@code examples}: slot → example, written once per event that is kept and read only when
 *       sampled, so that an event costs the same however many examples the user has;
 *   <li>event-time timers: at the earliest clock, at the clean-up of the oldest window, and at tick
 *       0 for examples that came before the ticks were known. The pool is the truth; a timer that
 *       it does not confirm is a leftover.
 * </ul>
 *
 * <p><b>Operator state</b>: the last epoch, as union list state restored by maximum. Grants and the
 * current mechanism are transient: after a restore they come anew from the budget.
 *
 * <p><b>Guarantees.</b> A user is sampled at a granted tick independently with the grant's
 * probability (ULS), or each of the user's examples is (ELS); see {@link SamplingSchedule}. A grant
 * of a restored epoch or an older one is refused. A phase with another probability redraws every
 * clock when its first grant arrives, which is before its tick: one pass over all users, and one
 * more at the first grant after a restore, where only clocks that need it are redrawn.
 *
 * <p>A mass of timers is fired in slices, between which input and barriers pass. What arrives then
 * belongs to the next tick. An aborted or restored round is void, so it does not matter that a
 * checkpoint may fall between two slices.
 */
public final class BoundAndSampleOperator extends AbstractStreamOperator<CohortRecord>
    implements TwoInputStreamOperator<UserEvent, BudgetSignal, CohortRecord>,
        Triggerable<String, VoidNamespace> {

  private static final long serialVersionUID = 1L;
  private static final Logger LOGGER = LoggerFactory.getLogger(BoundAndSampleOperator.class);

  private static final Duration SLICE = Duration.ofMillis(100);

  /** As long again for input and barriers. */
  private static final long PAUSE_MILLIS = 100;

  private static final long SETTLING_TIMER = 0;
  private static final long NO_TIMER = UserPool.NO_CLOCK;

  /**
   * Users' clean-ups are spread over so many ticks, or every window's end would be a stampede. What
   * is not yet cleaned up is not sampled either.
   */
  private static final long EXPIRY_SPREAD_TICKS = 32;

  private final ContributionBounds configuredBounds;
  private final Coins coins;
  private final TimerSlice slice;

  // keyed state
  private transient ValueStateDescriptor<UserPool> poolDescriptor;
  private transient ValueState<UserPool> pools;
  private transient MapState<Integer, PooledExample> examples;
  private transient InternalTimerService<VoidNamespace> timers;

  // operator state
  private transient ListState<Long> epochs;

  // this attempt's only; the gate's last epoch goes into the operator state
  private transient GrantGate gate;

  /** The last tick whose timers have all fired. */
  private transient long firedTick;

  private transient Watermark pendingWatermark;
  private transient boolean sliceScheduled;
  private transient boolean timeHasEnded;
  private transient SamplingSchedule schedule;
  private transient ContributionBounds bounds;
  private transient ContributionMetrics counts;

  /** The operator of a production job: coins from a cryptographic generator. */
  public BoundAndSampleOperator(ContributionBounds bounds) {
    this(bounds, Coins.secure(), TimerSlice.of(SLICE));
  }

  /** For tests: coins and slices of their choice. */
  BoundAndSampleOperator(ContributionBounds bounds, Coins coins, TimerSlice slice) {
    this.configuredBounds = Objects.requireNonNull(bounds, "bounds");
    this.coins = Objects.requireNonNull(coins, "coins");
    this.slice = Objects.requireNonNull(slice, "slice");
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
  }

  @Override
  public void open() throws Exception {
    super.open();
    poolDescriptor = UserState.pool();
    pools = getPartitionedState(poolDescriptor);
    examples = getPartitionedState(UserState.examples());
    timers = getInternalTimerService("ticks", VoidNamespaceSerializer.INSTANCE, this);
    firedTick = GrantGate.UNKNOWN;
    bounds = configuredBounds;
    counts = new ContributionMetrics(getMetricGroup(), () -> gate.closedTick());
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    epochs.update(List.of(gate.lastEpoch()));
  }

  @Override
  public void finish() throws Exception {
    if (sliceScheduled) {
      timeServiceManager.advanceWatermark(pendingWatermark);
      completeWatermark();
    }
    super.finish();
  }

  // ---- events ----

  @Override
  public void processElement1(StreamRecord<UserEvent> record) throws Exception {
    UserEvent event = record.getValue();
    counts.eventsIn.inc();
    UserPool stored = pools.value();
    if (event.isErasure()) {
      erase(stored, event.userId());
      return;
    }
    UserPool pool = stored == null ? new UserPool(bounds.windowTicks()) : stored.copy();
    long timerBefore = timerOf(pool, event.userId());
    UniformRandomProvider random = coins.forUser(event.userId());
    int slot;
    if (gate.epochStarted()) {
      // not beyond the ticks that have fired: a timer still to fire may want the older windows
      pool.advance(firedTick + 1, gate.firstTick(), bounds, random, this::removeExample);
      slot = pool.offer(gate.closedTick(), bounds, random);
      drawClocks(pool, gate.closedTick(), random);
    } else {
      slot = pool.offerProvisional(bounds, random);
      timers.registerEventTimeTimer(VoidNamespace.INSTANCE, SETTLING_TIMER);
    }
    if (slot == UserPool.NOT_KEPT) {
      counts.eventsBoundedAway.inc();
    } else {
      examples.put(slot, new PooledExample(event.eventTimeMillis(), event.prompt(), event.text()));
    }
    store(pool, event.userId(), timerBefore);
  }

  private void erase(UserPool stored, String userId) {
    if (stored == null) {
      return;
    }
    stored.forEachSlot(this::removeExample);
    pools.clear();
    moveTimer(timerOf(stored, userId), NO_TIMER);
    timers.deleteEventTimeTimer(VoidNamespace.INSTANCE, SETTLING_TIMER);
    counts.usersErased.inc();
  }

  // ---- the budget's signals ----

  @Override
  public void processElement2(StreamRecord<BudgetSignal> record) throws Exception {
    BudgetSignal signal = record.getValue();
    if (signal instanceof EpochStart start) {
      startEpoch(start);
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
    firedTick = sliceScheduled ? firedTick : gate.closedTick();
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
  }

  private ContributionBounds boundsUnder(RoundMechanism mechanism) {
    return mechanism.sampler() == Sampler.ELS
        ? configuredBounds.cutTo(mechanism.groupSize())
        : configuredBounds;
  }

  /** Gives every user of this subtask a clock of the new schedule, before its first tick. */
  private void changeSchedule(SamplingSchedule granted, Grant firstGrant) throws Exception {
    if (gate.latest().isPresent()) {
      throw new IllegalStateException(
          "The grant of round %d changes the sampling to %s while round %d is in flight; at most one round may be"
              .formatted(firstGrant.round(), granted, gate.latest().get().round()));
    }
    // the first grant of an attempt arms everybody's timers, whatever state it started from
    boolean armAll = schedule == null;
    schedule = granted;
    bounds = boundsUnder(firstGrant.mechanism());
    long lastClosed = firstGrant.tick() - 1;
    this.<String>getKeyedStateBackend()
        .applyToAllKeys(
            VoidNamespace.INSTANCE,
            VoidNamespaceSerializer.INSTANCE,
            poolDescriptor,
            (userId, state) -> {
              UserPool pool = state.value().copy();
              long timerBefore = timerOf(pool, userId);
              if (armAll) {
                moveTimer(timerBefore, NO_TIMER);
                timerBefore = NO_TIMER;
              }
              UniformRandomProvider random = coins.forUser(userId);
              pool.advance(firedTick + 1, gate.firstTick(), bounds, random, this::removeExample);
              pool.spendClocks(lastClosed);
              drawClocks(pool, lastClosed, random);
              store(pool, userId, timerBefore);
            });
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
    } else if (!gate.epochStarted()) {
      throw new IllegalStateException(
          "Tick %d arrived before the start of an epoch; the privacy budget must announce its epoch first"
              .formatted(mark.getTimestamp()));
    } else {
      gate.close(mark.getTimestamp());
    }
    pendingWatermark = mark;
    if (!sliceScheduled) {
      fireTimers();
    }
  }

  private void fireTimers() throws Exception {
    slice.begin();
    if (timeServiceManager.tryAdvanceWatermark(pendingWatermark, slice::isOver)) {
      completeWatermark();
    } else {
      sliceScheduled = true;
      getProcessingTimeService()
          .registerTimer(
              getProcessingTimeService().getCurrentProcessingTime() + PAUSE_MILLIS,
              now -> {
                sliceScheduled = false;
                fireTimers();
              });
    }
  }

  private void completeWatermark() throws Exception {
    sliceScheduled = false;
    firedTick = gate.closedTick();
    for (Grant grant : gate.upTo(pendingWatermark.getTimestamp())) {
      if (grant.mechanism().query() instanceof CountHistogram query) {
        emitCounts(query, grant);
      }
    }
    gate.forget(pendingWatermark.getTimestamp());
    output.emitWatermark(pendingWatermark);
  }

  @Override
  public void onEventTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
    // a grant to count takes no sample
    Grant grant =
        gate.at(timer.getTimestamp())
            .filter(g -> !(g.mechanism().query() instanceof CountHistogram))
            .orElse(null);
    UserPool stored = pools.value();
    // when time has ended, what is kept stays as it is
    if (stored == null || (timeHasEnded && grant == null)) {
      return;
    }
    String userId = timer.getKey();
    UniformRandomProvider random = coins.forUser(userId);
    UserPool pool = stored.copy();
    // a timer from before this epoch speaks for a tick that nothing can grant any more
    long tick = Math.max(timer.getTimestamp(), gate.firstTick() - 1);
    pool.advance(tick, gate.firstTick(), bounds, random, this::removeExample);
    if (grant != null) {
      emitSample(pool, grant, userId, random);
    }
    if (!timeHasEnded) {
      // while no mechanism is known the clock is only taken away; the first grant draws a new one
      pool.spendClocks(tick);
    }
    drawClocks(pool, tick, random);
    // this timer is gone; and where it was a leftover, nothing is certain to be armed
    store(pool, userId, NO_TIMER);
  }

  @Override
  public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) {
    throw new IllegalStateException("No timer of wall time is ever registered");
  }

  private void emitSample(UserPool pool, Grant grant, String userId, UniformRandomProvider random)
      throws Exception {
    RoundMechanism mechanism = grant.mechanism();
    int[] slots =
        pool.sample(
            grant.tick(), SamplingSchedule.of(mechanism), mechanism.groupSize(), bounds, random);
    if (slots.length == 0) {
      return;
    }
    List<Example> sampled = new ArrayList<>(slots.length);
    for (int slot : slots) {
      sampled.add(examples.get(slot).toExample());
    }
    output.collect(
        new StreamRecord<>(
            new UserSample(grant.epoch(), grant.round(), grant.tick(), userId, sampled),
            grant.tick()));
    counts.usersSampled.inc();
    counts.examplesSampled.inc(slots.length);
  }

  /**
   * Counts this subtask's users by how many events each sent in the last window that was complete
   * before the grant's tick. A user is in one bin, or in none, whatever others did.
   */
  private void emitCounts(CountHistogram query, Grant grant) throws Exception {
    long window = bounds.windowOf(grant.tick()) - 1;
    long[] users = new long[query.answerSize()];
    this.<String>getKeyedStateBackend()
        .applyToAllKeys(
            VoidNamespace.INSTANCE,
            VoidNamespaceSerializer.INSTANCE,
            poolDescriptor,
            (userId, state) -> {
              long seen = state.value().eventsSeenIn(window, bounds);
              if (seen > 0) {
                users[query.binOf(seen)]++;
              }
            });
    output.collect(
        new StreamRecord<>(
            new UserCounts(
                grant.epoch(), grant.round(), grant.tick(), Arrays.stream(users).boxed().toList()),
            grant.tick()));
  }

  // ---- one user's state ----

  /**
   * Where the user's timer belongs: at the earliest clock or at the clean-up of the oldest window,
   * whichever comes first. {@link #NO_TIMER} for nowhere.
   */
  private long timerOf(UserPool pool, String userId) {
    long expiry = pool.nextExpiry(bounds);
    long spread = Math.min(EXPIRY_SPREAD_TICKS, bounds.windowTicks());
    long delay = Math.floorMod(userId.hashCode(), spread);
    long cleanUp = expiry >= SamplingSchedule.LAST_TICK - delay ? NO_TIMER : expiry + delay;
    return Math.min(pool.nextClock(), cleanUp);
  }

  private void drawClocks(UserPool pool, long lastClosed, UniformRandomProvider random) {
    if (schedule != null && !timeHasEnded) {
      pool.drawClocks(schedule, lastClosed, random);
    }
  }

  private void store(UserPool pool, String userId, long timerBefore) throws Exception {
    if (pool.isEmpty()) {
      pools.clear();
      moveTimer(timerBefore, NO_TIMER);
    } else {
      pool.settleArrivals(firedTick + 1);
      pools.update(pool);
      moveTimer(timerBefore, timerOf(pool, userId));
    }
  }

  private void moveTimer(long before, long after) {
    if (before == after) {
      return;
    }
    if (before != NO_TIMER) {
      timers.deleteEventTimeTimer(VoidNamespace.INSTANCE, before);
    }
    if (after != NO_TIMER && !timeHasEnded) {
      timers.registerEventTimeTimer(VoidNamespace.INSTANCE, after);
    }
  }

  private void removeExample(int slot) {
    try {
      examples.remove(slot);
    } catch (Exception e) {
      throw new FlinkRuntimeException("An example could not be removed from keyed state", e);
    }
  }
}
