package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.util.FlinkRuntimeException;

/**
 * The users of one subtask in keyed state: their pools, the texts beside them, and the timers that
 * each carries; the current user is the current key.
 *
 * <p>State, cleared when nothing is left of a user or the user is erased:
 *
 * <ul>
 *   <li>{@code pool}: the bookkeeping ({@link UserPool}), read and written once per event;
 *   <li>{@code examples}: slot → example, written once per event that is kept and read only when
 *       sampled, so that an event costs the same however many examples the user has;
 *   <li>event-time timers: at due ticks or at the clean-up of the oldest window ({@link
 *       UserTimers}), and at tick 0 for examples that came before the ticks were known. The pool is
 *       the truth; a timer that it does not confirm is a leftover;
 *   <li>{@code lifetime}, where users have one: what counted in earlier stretches, never cleared.
 *       What counts in the present stretch is part of the pool.
 * </ul>
 */
final class KeyedPoolState implements UserStore {

  /** A time before every tick of an epoch, so that it fires at the first one. */
  private static final long SETTLING_TIMER = 0;

  /**
   * Users' clean-ups are spread over so many ticks, or every window's end would be a stampede. What
   * is not yet cleaned up is not sampled either.
   */
  private static final long EXPIRY_SPREAD_TICKS = 32;

  private static final String ROCKSDB = "rocksdb";

  private final KeyedStateBackend<String> backend;
  private final ValueState<UserPool> pools;
  private final MapState<Integer, PooledExample> examples;

  /** What is left of users' lifetimes; null where they have none. */
  private final ValueState<Lifetime> lifetimes;

  private final InternalTimerService<VoidNamespace> timers;
  private final ContributionBounds bounds;
  private boolean timeHasEnded;

  /**
   * @param lifetimes null where users have none
   * @param bounds whose windows say when something can be cleaned up
   */
  KeyedPoolState(
      KeyedStateBackend<String> backend,
      ValueState<UserPool> pools,
      MapState<Integer, PooledExample> examples,
      ValueState<Lifetime> lifetimes,
      InternalTimerService<VoidNamespace> timers,
      ContributionBounds bounds) {
    this.backend = backend;
    this.pools = pools;
    this.examples = examples;
    this.lifetimes = lifetimes;
    this.timers = timers;
    this.bounds = bounds;
  }

  @Override
  public void endTime() {
    timeHasEnded = true;
  }

  /**
   * A walk over every user of whom something is kept when it begins, each exactly once; the user is
   * the current key when visited, and may be gone by then. RocksDB's keys are read as the walk goes
   * on, from the view of the store at its beginning. Other backends would fail over what is written
   * meanwhile, so the keys of these, which are in memory anyway, are copied first.
   */
  UserWalk walk(UserWalk.Visit visit, UserWalk.End end) {
    Stream<String> keys = backend.getKeys(UserState.POOL, VoidNamespace.INSTANCE);
    if (!backend.getBackendTypeIdentifier().equals(ROCKSDB)) {
      try (Stream<String> open = keys) {
        keys = open.toList().stream();
      }
    }
    return new UserWalk(
        keys,
        userId -> {
          backend.setCurrentKey(userId);
          visit.to(userId);
        },
        end);
  }

  @Override
  public Optional<Taken> find(String userId) throws Exception {
    UserPool stored = pools.value();
    return stored == null
        ? Optional.empty()
        : Optional.of(new Taken(userId, stored.copy(), timersOf(stored, userId), true));
  }

  @Override
  public Taken findOrCreate(String userId) throws Exception {
    return find(userId)
        .orElseGet(
            () -> new Taken(userId, new UserPool(bounds.windowTicks()), UserTimers.NONE, false));
  }

  /** The pool as it is stored, to look at; empty if nothing is kept of the user. */
  Optional<UserPool> look() throws Exception {
    return Optional.ofNullable(pools.value());
  }

  @Override
  public void store(Taken user, long nextTick) throws Exception {
    if (user.pool().isEmpty()) {
      pools.clear();
      moveTimers(user.timers(), UserTimers.NONE);
    } else {
      user.pool().settleArrivals(nextTick);
      pools.update(user.pool());
      moveTimers(user.timers(), timersOf(user.pool(), user.userId()));
    }
  }

  @Override
  public void rearm(Taken user) {
    moveTimers(user.timers().uncertain(), timersOf(user.pool(), user.userId()));
  }

  @Override
  public void awaitFirstTick() {
    timers.registerEventTimeTimer(VoidNamespace.INSTANCE, SETTLING_TIMER);
  }

  @Override
  public void erase(Taken user) throws Exception {
    user.pool().forEachSlot(this::remove);
    pools.clear();
    moveTimers(user.timers(), UserTimers.NONE);
    timers.deleteEventTimeTimer(VoidNamespace.INSTANCE, SETTLING_TIMER);
  }

  @Override
  public Optional<Lifetime> lifetime() throws Exception {
    return Optional.ofNullable(lifetimes.value());
  }

  @Override
  public void remember(Lifetime lifetime) {
    try {
      lifetimes.update(lifetime);
    } catch (IOException e) {
      throw new UncheckedIOException("A lifetime could not be written to keyed state", e);
    }
  }

  @Override
  public void keep(int slot, UserEvent event) throws Exception {
    examples.put(slot, new PooledExample(event.eventTimeMillis(), event.prompt(), event.text()));
  }

  @Override
  public List<Example> examples(int[] slots) throws Exception {
    List<Example> found = new ArrayList<>(slots.length);
    for (int slot : slots) {
      found.add(examples.get(slot).toExample());
    }
    return found;
  }

  @Override
  public void remove(int slot) {
    try {
      examples.remove(slot);
    } catch (Exception e) {
      throw new FlinkRuntimeException("An example could not be removed from keyed state", e);
    }
  }

  /** Says where the user's timers belong. */
  private UserTimers timersOf(UserPool pool, String userId) {
    long expiry = pool.nextExpiry(bounds);
    long spread = Math.min(EXPIRY_SPREAD_TICKS, bounds.windowTicks());
    long delay = Math.floorMod(userId.hashCode(), spread);
    return pool.timers(
        expiry >= SamplingSchedule.LAST_TICK - delay ? UserPool.NOT_DUE : expiry + delay);
  }

  private void moveTimers(UserTimers before, UserTimers after) {
    before.moveTo(
        after,
        tick -> timers.deleteEventTimeTimer(VoidNamespace.INSTANCE, tick),
        tick -> {
          if (!timeHasEnded) {
            timers.registerEventTimeTimer(VoidNamespace.INSTANCE, tick);
          }
        });
  }
}
