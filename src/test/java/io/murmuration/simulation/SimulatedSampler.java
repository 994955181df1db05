package io.murmuration.simulation;

import static io.murmuration.simulation.Audit.require;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.contribution.SamplingSchedule;
import io.murmuration.contribution.UserPool;
import io.murmuration.contribution.UserSample;
import io.murmuration.contribution.UserTurns;
import io.murmuration.event.Example;
import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.simulation.Elements.Barrier;
import io.murmuration.simulation.Elements.Tick;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * {@code bound & sample} on maps instead of keyed state: the real gate, pools, reservoirs and due
 * ticks. Its source is a log of events with an offset that is part of the state, as Kafka's is.
 */
final class SimulatedSampler {

  /**
   * One event of the input.
   *
   * @param text unique in the life
   */
  record Event(String userId, String text) {}

  /** What a checkpoint holds of it; pools are never written into once they are stored. */
  record State(
      long epoch,
      int offset,
      Map<String, UserPool> pools,
      Map<String, Map<Integer, String>> texts) {

    static State empty() {
      return new State(GrantGate.UNKNOWN, 0, Map.of(), Map.of());
    }
  }

  private final ContributionBounds bounds;
  private final boolean keepsAll;
  private final List<Event> input;
  private final Bug bug;
  private final UserPseudonyms turnKey;
  private final UserTurns turns;
  private final UniformRandomProvider coins;
  private final Consumer<Object> output;
  private final GrantGate gate;
  private final Map<String, UserPool> pools;
  private final Map<String, Map<Integer, String>> texts = new TreeMap<>();
  private final Map<Long, Set<UserSample>> sampledByTick = new TreeMap<>();
  private int offset;
  private SamplingSchedule schedule;
  private long grantsSeen;

  /**
   * @param keepsAll whether the bounds are larger than anything a life sends
   * @param input grows while the life goes on
   */
  SimulatedSampler(
      State restored,
      ContributionBounds bounds,
      boolean keepsAll,
      List<Event> input,
      Bug bug,
      UniformRandomProvider coins,
      Consumer<Object> output) {
    this.bounds = bounds;
    this.keepsAll = keepsAll;
    this.input = input;
    this.bug = bug;
    this.turnKey =
        bug == Bug.TURNS_OF_ANOTHER_KEY
            ? Accountants.key(coins.nextInt(1 << 7))
            : Accountants.TURNS;
    this.turns = UserTurns.of(turnKey);
    this.coins = coins;
    this.output = output;
    this.gate = new GrantGate(restored.epoch());
    this.pools = new TreeMap<>(restored.pools());
    restored.texts().forEach((user, kept) -> texts.put(user, new TreeMap<>(kept)));
    this.offset = restored.offset();
  }

  State snapshot() {
    checkCounts();
    Map<String, Map<Integer, String>> copies = new TreeMap<>();
    texts.forEach((user, kept) -> copies.put(user, new TreeMap<>(kept)));
    return new State(gate.lastEpoch(), offset, new TreeMap<>(pools), copies);
  }

  /** Every event up to the offset counts exactly once. */
  private void checkCounts() {
    Map<String, Set<String>> sent = new TreeMap<>();
    for (Event event : input.subList(0, offset)) {
      sent.computeIfAbsent(event.userId(), user -> new TreeSet<>()).add(event.text());
    }
    pools.forEach(
        (user, pool) -> {
          List<String> kept = new ArrayList<>();
          pool.forEachSlot(slot -> kept.add(texts.get(user).get(slot)));
          require(new HashSet<>(kept).size() == kept.size(), "an event counts twice", kept);
          require(sent.get(user).containsAll(kept), "an event of nobody is kept", kept);
          if (keepsAll) {
            require(kept.size() == sent.get(user).size(), "an event is lost of " + user, kept);
          }
        });
    require(!keepsAll || pools.keySet().equals(sent.keySet()), "a user is lost", sent.keySet());
  }

  boolean hasInput() {
    return offset < input.size();
  }

  void takeEvent() {
    Event event = input.get(offset++);
    UserPool stored = pools.get(event.userId());
    UserPool pool = stored == null ? new UserPool(bounds.windowTicks()) : stored.copy();
    int slot;
    if (gate.epochStarted()) {
      advance(event.userId(), pool, gate.closedTick() + 1);
      slot = pool.offer(gate.closedTick(), bounds, coins);
      drawDueTicks(pool, gate.closedTick());
    } else {
      slot = pool.offerProvisional(bounds, coins);
    }
    if (slot != UserPool.NOT_KEPT) {
      texts.computeIfAbsent(event.userId(), user -> new TreeMap<>()).put(slot, event.text());
    }
    pools.put(event.userId(), pool);
  }

  void take(Object element) {
    if (element instanceof Tick tick) {
      close(tick.tick());
      output.accept(tick);
    } else if (element instanceof Barrier) {
      output.accept(element);
    } else if ((BudgetSignal) element instanceof EpochStart start) {
      gate.startEpoch(start);
    } else if (element instanceof Grant grant && gate.admits(grant)) {
      begin(grant);
    }
  }

  private void begin(Grant grant) {
    SamplingSchedule granted = SamplingSchedule.of(grant.mechanism());
    if (!granted.equals(schedule)) {
      schedule = granted;
      for (String user : List.copyOf(pools.keySet())) {
        UserPool pool = pools.get(user).copy();
        advance(user, pool, gate.closedTick() + 1);
        pool.clearDueTicks(grant.tick() - 1);
        drawDueTicks(pool, grant.tick() - 1);
        store(user, pool);
      }
    }
    gate.add(grant);
    grantsSeen++;
  }

  private void close(long tick) {
    gate.close(tick);
    for (String user : List.copyOf(pools.keySet())) {
      UserPool pool = pools.get(user).copy();
      advance(user, pool, gate.firstTick() - 1);
      for (long due = pool.nextDueTick(); due <= tick; due = pool.nextDueTick()) {
        fire(user, pool, due);
      }
      store(user, pool);
    }
    gate.forget(tick);
  }

  /** A timer at the user's earliest due tick. */
  private void fire(String user, UserPool pool, long due) {
    long tick = Math.max(due, gate.firstTick() - 1);
    advance(user, pool, tick);
    gate.at(due).ifPresent(grant -> emit(user, pool, grant));
    pool.clearDueTicks(tick);
    drawDueTicks(pool, tick);
  }

  private void emit(String user, UserPool pool, Grant grant) {
    int groupSize = grant.mechanism().groupSize();
    int[] slots =
        pool.sample(grant.tick(), SamplingSchedule.of(grant.mechanism()), groupSize, bounds, coins);
    Grant seen = asTurnsSee(grant);
    if (bug == Bug.TURNS_OF_EXAMPLES) {
      slots =
          Arrays.stream(slots)
              .filter(slot -> turns.isTurnOf(texts.get(user).get(slot), seen))
              .toArray();
    } else if (!turns.isTurnOf(user, seen)) {
      return;
    }
    if (slots.length == 0) {
      return;
    }
    List<Example> examples = new ArrayList<>();
    for (int slot : slots) {
      examples.add(new Example(null, texts.get(user).get(slot)));
    }
    UserSample sample = new UserSample(grant.epoch(), grant.round(), grant.tick(), user, examples);
    require(examples.size() <= groupSize, "a user contributes more than the bound", sample);
    require(Set.copyOf(examples).size() == slots.length, "an example is sampled twice", sample);
    require(
        sampledByTick.computeIfAbsent(grant.tick(), t -> new HashSet<>()).add(sample),
        "a user is sampled twice",
        sample);
    output.accept(sample);
  }

  /** The grant as it is, or as a planted bug takes it. */
  private Grant asTurnsSee(Grant grant) {
    CorrelatedNoise noise = grant.mechanism().correlatedNoise();
    if (noise == null) {
      return grant;
    }
    long number = grant.roundInPhase();
    if (bug == Bug.TURNS_BY_TICK) {
      number = grant.tick();
    } else if (bug == Bug.TURNS_BY_GRANTS_SEEN) {
      number = grantsSeen;
    }
    return new Grant(
        grant.epoch(),
        grant.round(),
        grant.tick(),
        grant.phase(),
        // a planted key passes for the one that the ledger names
        grant
            .mechanism()
            .withCorrelatedNoise(new CorrelatedNoise(noise.numerators(), turnKey.fingerprint())),
        grant.epsilonSpent(),
        grant.delta(),
        grant.ledgerHash(),
        grant.clock(),
        grant.horizon(),
        number);
  }

  /** Every sample that this attempt let out for a tick. */
  Set<UserSample> sampledAt(long tick) {
    return sampledByTick.getOrDefault(tick, Set.of());
  }

  private void advance(String user, UserPool pool, long tick) {
    Map<Integer, String> kept = texts.getOrDefault(user, Map.of());
    pool.advance(tick, gate.firstTick(), bounds, coins, kept::remove);
  }

  private void drawDueTicks(UserPool pool, long closedTick) {
    if (schedule != null) {
      pool.drawDueTicks(schedule, closedTick, coins);
    }
  }

  private void store(String user, UserPool pool) {
    if (pool.isEmpty()) {
      pools.remove(user);
      texts.remove(user);
    } else {
      pools.put(user, pool);
    }
  }
}
