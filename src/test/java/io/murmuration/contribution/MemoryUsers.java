package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/** Users in memory; nothing of them is cleaned up before they are due. */
final class MemoryUsers implements UserStore {

  final Map<String, UserPool> pools = new TreeMap<>();
  final Map<String, TreeSet<Long>> timers = new TreeMap<>();
  final Map<String, Lifetime> lifetimes = new TreeMap<>();
  private final Map<String, Map<Integer, Example>> examples = new TreeMap<>();
  private final ContributionBounds bounds;
  private String current;
  private boolean timeHasEnded;

  MemoryUsers(ContributionBounds bounds) {
    this.bounds = bounds;
  }

  /** What is kept of a user's texts. */
  List<String> texts(String userId) {
    return examples.getOrDefault(userId, Map.of()).values().stream().map(Example::text).toList();
  }

  /** The tick of a user's first timer, {@link UserPool#NOT_DUE} for none. */
  long nextTimer(String userId) {
    TreeSet<Long> ticks = timers.getOrDefault(userId, new TreeSet<>());
    return ticks.isEmpty() ? UserPool.NOT_DUE : ticks.first();
  }

  /** Makes a user the current one. */
  MemoryUsers of(String userId) {
    current = userId;
    return this;
  }

  @Override
  public void endTime() {
    timeHasEnded = true;
  }

  @Override
  public Optional<Taken> find(String userId) {
    current = userId;
    return Optional.ofNullable(pools.get(userId))
        .map(pool -> new Taken(userId, pool.copy(), timersOf(pool), /* stored= */ true));
  }

  @Override
  public Taken findOrCreate(String userId) {
    return find(userId)
        .orElseGet(
            () ->
                new Taken(
                    userId,
                    new UserPool(bounds.windowTicks()),
                    UserTimers.NONE,
                    /* stored= */ false));
  }

  @Override
  public void store(Taken user, long nextTick) {
    if (user.pool().isEmpty()) {
      pools.remove(current);
      moveTimers(user.timers(), UserTimers.NONE);
    } else {
      user.pool().settleArrivals(nextTick);
      pools.put(current, user.pool());
      moveTimers(user.timers(), timersOf(user.pool()));
    }
  }

  @Override
  public void rearm(Taken user) {
    moveTimers(user.timers().uncertain(), timersOf(user.pool()));
  }

  private static UserTimers timersOf(UserPool pool) {
    return pool.timers(/* cleanUp= */ SamplingSchedule.LAST_TICK);
  }

  private void moveTimers(UserTimers before, UserTimers after) {
    TreeSet<Long> ticks = timers.computeIfAbsent(current, user -> new TreeSet<>());
    before.moveTo(after, ticks::remove, tick -> register(ticks, tick));
    if (ticks.isEmpty()) {
      timers.remove(current);
    }
  }

  private void register(TreeSet<Long> ticks, long tick) {
    if (!timeHasEnded) {
      ticks.add(tick);
    }
  }

  @Override
  public void awaitFirstTick() {
    timers.computeIfAbsent(current, user -> new TreeSet<>()).add(0L);
  }

  @Override
  public void erase(Taken user) {
    pools.remove(current);
    moveTimers(user.timers(), UserTimers.NONE);
    examples.remove(current);
  }

  @Override
  public Optional<Lifetime> lifetime() {
    return Optional.ofNullable(lifetimes.get(current));
  }

  @Override
  public void remember(Lifetime lifetime) {
    lifetimes.put(current, lifetime);
  }

  @Override
  public void keep(int slot, UserEvent event) {
    examples
        .computeIfAbsent(current, user -> new TreeMap<>())
        .put(slot, new Example(event.prompt(), event.text()));
  }

  @Override
  public List<Example> examples(int[] slots) {
    return Arrays.stream(slots).mapToObj(slot -> examples.get(current).get(slot)).toList();
  }

  @Override
  public void remove(int slot) {
    examples.get(current).remove(slot);
  }
}
