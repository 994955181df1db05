package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Users in memory; their timers are at their due ticks alone. */
final class MemoryUsers implements UserStore {

  final Map<String, UserPool> pools = new TreeMap<>();
  final Map<String, Long> timers = new TreeMap<>();
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
        .map(pool -> new Taken(userId, pool.copy(), pool.nextDueTick(), /* stored= */ true));
  }

  @Override
  public Taken findOrCreate(String userId) {
    return find(userId)
        .orElseGet(
            () ->
                new Taken(
                    userId, new UserPool(bounds.windowTicks()), NO_TIMER, /* stored= */ false));
  }

  @Override
  public void store(Taken user, long nextTick) {
    timers.remove(current);
    if (user.pool().isEmpty()) {
      pools.remove(current);
    } else {
      user.pool().settleArrivals(nextTick);
      pools.put(current, user.pool());
      rearm(user);
    }
  }

  @Override
  public void rearm(Taken user) {
    long due = user.pool().nextDueTick();
    if (due != NO_TIMER && !timeHasEnded) {
      timers.put(current, due);
    }
  }

  @Override
  public void awaitFirstTick() {
    timers.put(current, 0L);
  }

  @Override
  public void erase(Taken user) {
    pools.remove(current);
    timers.remove(current);
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
