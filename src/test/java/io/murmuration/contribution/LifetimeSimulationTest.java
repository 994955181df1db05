package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.SamplerHistory.Partition;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Seeded lives of the counting rules: attempts on one ledger and one topic, restored from the last
 * or from any earlier checkpoint, or from nothing, with those that were taken over living on as if
 * nobody had told them. Rules for events and the id key change where somebody tries to change them.
 * The audit alone knows everything: no user may be in more rounds of a generation than a lifetime
 * has, whoever charged them.
 */
class LifetimeSimulationTest {

  private static final int LIVES = 10_000;
  private static final int LIVES_TO_CATCH_A_BUG = 20_000;
  private static final int STEPS = 500;
  private static final int USERS = 4;

  /** Mistakes, planted to see that the audit catches them. */
  private enum Bug {
    NONE,
    ERASURE_RESETS_THE_COUNT,
    STRETCH_BEGINS_WHEN_PROCESSED,
    END_READ_BEFORE_FENCING,
    SECOND_RESTORE_FORGETS_THE_FLOOR,
    /** A later event may be read again before an earlier one. */
    USERS_IN_TWO_PARTITIONS,
    START_WITHOUT_STATE,
    /** The pools are restored, what the sampler knew of rounds is not. */
    SAMPLER_WITHOUT_WITNESS,
    /** The sampler's state is restored, the source's is not, and begins where it was committed. */
    SOURCE_BEGINS_AFRESH,
    COUNT_EXPIRES,
    LIFETIME_ENFORCED_BY_A_LATE_TIMER,
    CHARGED_ROUND_LEFT_OUT,
    ROUNDS_OF_OTHERS_LEFT_OUT,
    ERASED_BEFORE_THE_EPOCH_STARTS,
    INTAKE_WITHOUT_LIMIT,
    /** Rounds are counted at the ticks at which they are seen, not by their numbers. */
    COUNTED_BY_TICK,
    ID_KEY_CHANGED,
    EVENT_RULES_CHANGED,
    /** A state from before a generation goes on after rounds of it that it does not go back to. */
    SECOND_BEGINNING_OF_A_GENERATION,
    GENERATION_FORGETS_WITHOUT_RESERVING
  }

  /**
   * One record.
   *
   * @param erasure whether it erases its user
   * @param odd whether it is valid under the strict rules too
   */
  private record Record(String user, boolean erasure, boolean odd) {}

  /** What is kept of a user: the stretch and the tick from which on nothing is live. */
  private record Kept(Stretch stretch, long expiry, long seenRounds) {
    /** Erased before an epoch started: nothing is live at any tick. */
    static final long ERASED = 0;
  }

  private record Checkpoint(
      SamplerHistory history,
      Map<String, Kept> kept,
      Map<String, Lifetime> lifetimes,
      int[] read) {}

  /** A sampler, with the grants that are on their way to it. */
  private static final class Attempt {
    final long epoch;
    final RoundBook book;
    final String key;
    final boolean strict;
    final int liveTicks;
    final Map<String, Kept> kept = new TreeMap<>();
    final Map<String, Lifetime> lifetimes = new TreeMap<>();
    final int[] read;

    final Deque<Object> signals = new ArrayDeque<>();
    boolean isDurable;
    boolean isStarted;
    long tick;
    Grant inFlight;

    Attempt(
        long epoch,
        RoundBook book,
        String key,
        boolean strict,
        int liveTicks,
        int[] read,
        long tick) {
      this.epoch = epoch;
      this.book = book;
      this.key = key;
      this.strict = strict;
      this.liveTicks = liveTicks;
      this.read = read.clone();
      this.tick = tick;
    }
  }

  private static final class World {
    final SplittableRandom random;
    final Bug bug;
    final List<List<Record>> topic = List.of(new ArrayList<>(), new ArrayList<>());
    final List<Attempt> attempts = new ArrayList<>();
    final List<Checkpoint> checkpoints = new ArrayList<>();
    final Map<String, Set<Long>> roundsOf = new TreeMap<>();
    final int lifetime;
    Horizon horizon;
    long epoch;
    long lastRound;
    long lastChargingEpoch;
    long clock = 1;
    String keyBefore = "key";
    boolean strictBefore;
    InputOffsets endsBefore = ends();
    int sampled;
    int restores;
    int refusals;
    int generations;

    World(long seed, Bug bug) {
      this.random = new SplittableRandom(seed);
      this.bug = bug;
      lifetime = 2 + random.nextInt(6);
      horizon = new Horizon(1, lifetime, 1);
    }

    InputOffsets ends() {
      List<Long> ends = topic.stream().map(partition -> (long) partition.size()).toList();
      return input(ends);
    }

    private static InputOffsets input(List<Long> ends) {
      return new InputOffsets("cluster", "topic", List.of(0L, 0L), ends);
    }

    void live() {
      start(Optional.empty());
      for (int step = 0; step < STEPS; step++) {
        int dice = random.nextInt(1000);
        Attempt attempt =
            random.nextInt(5) > 0
                ? attempts.get(attempts.size() - 1)
                : attempts.get(random.nextInt(attempts.size()));
        if (dice < 100) {
          write();
        } else if (dice < 380) {
          read(attempt);
        } else if (dice < 620) {
          tick(attempt);
        } else if (dice < 900) {
          deliver(attempt);
        } else if (dice < 960) {
          checkpoint(attempt);
        } else if (dice < 980 && !checkpoints.isEmpty()) {
          restores++;
          start(Optional.of(anyCheckpoint()));
        } else if (dice < 981) {
          start(Optional.empty());
        } else if (dice < 984 && lastRound >= horizon.firstRound()) {
          openGeneration();
        } else if (bug == Bug.COUNT_EXPIRES) {
          attempt.lifetimes.clear();
        } else if (random.nextInt(3) == 0) {
          endsBefore = ends();
        }
      }
    }

    private Checkpoint anyCheckpoint() {
      int latest = checkpoints.size() - 1;
      return checkpoints.get(random.nextBoolean() ? latest : random.nextInt(latest + 1));
    }

    private void write() {
      String user = "user" + random.nextInt(USERS);
      boolean odd = random.nextBoolean();
      if (random.nextInt(6) == 0) {
        topic.forEach(partition -> partition.add(new Record(user, /* erasure= */ true, odd)));
        return;
      }
      int partition = bug == Bug.USERS_IN_TWO_PARTITIONS ? random.nextInt(2) : user.hashCode() & 1;
      topic.get(partition).add(new Record(user, /* erasure= */ false, odd));
    }

    /** A person begins the next generation, from the last checkpoint or from nothing. */
    private void openGeneration() {
      if (bug == Bug.GENERATION_FORGETS_WITHOUT_RESERVING) {
        // the counts begin anew, but the budget is that of one generation
        attempts.get(attempts.size() - 1).lifetimes.clear();
        return;
      }
      generations++;
      horizon = new Horizon(horizon.generation() + 1, lifetime, lastRound + 1);
      roundsOf.clear();
      start(
          random.nextBoolean() || checkpoints.isEmpty()
              ? Optional.empty()
              : Optional.of(anyCheckpoint()));
    }

    void start(Optional<Checkpoint> from) {
      // a person may try whatever configuration comes to mind, and then what went well before
      String key = random.nextInt(25) == 0 ? "other" : keyBefore;
      boolean strict = random.nextInt(8) == 0 ? !strictBefore : strictBefore;
      if (!start(from, key, strict) && !checkpoints.isEmpty() && random.nextInt(4) > 0) {
        start(Optional.of(anyCheckpoint()), keyBefore, strictBefore);
      }
    }

    /** Starts an attempt, and answers whether it was accepted. */
    private boolean start(Optional<Checkpoint> from, String key, boolean strict) {
      epoch++;
      SamplerIdentity identity = new SamplerIdentity(key, strict ? "strict" : "lax", 2);
      Optional<SamplerHistory> history = from.map(Checkpoint::history);
      boolean isMistaken = false;
      if (bug == Bug.START_WITHOUT_STATE && from.isEmpty()) {
        isMistaken = true;
      } else if (bug == Bug.SAMPLER_WITHOUT_WITNESS) {
        isMistaken = true;
        history = Optional.empty();
      }
      history = history.map(before -> mistaken(before, identity));
      RoundBook book;
      try {
        book = new RoundBook(identity, history);
      } catch (IllegalArgumentException e) {
        refusals++;
        return false;
      }
      Attempt attempt =
          new Attempt(
              epoch,
              book,
              key,
              strict,
              /* liveTicks= */ 1 + random.nextInt(8),
              from.map(Checkpoint::read).orElse(new int[2]),
              clock);
      from.ifPresent(
          state -> {
            attempt.kept.putAll(state.kept());
            attempt.lifetimes.putAll(state.lifetimes());
          });
      if (from.isPresent() && random.nextInt(30) == 0 && !mayBeginAfresh(attempt)) {
        refusals++;
        return false;
      }
      // records are read before the epoch starts, too
      for (int reads = random.nextInt(6); reads > 0; reads--) {
        read(attempt);
      }
      if (random.nextInt(4) == 0) {
        checkpoint(attempt);
      }
      attempts.add(attempt);
      if (attempts.size() > 3) {
        attempts.remove(random.nextInt(attempts.size() - 1));
      }
      if (random.nextInt(12) == 0) {
        // the ledger is away, and stays away from this attempt
        return true;
      }
      InputOffsets input = bug == Bug.END_READ_BEFORE_FENCING ? endsBefore : ends();
      if (bug == Bug.STRETCH_BEGINS_WHEN_PROCESSED) {
        input = input(List.of(0L, 0L));
      }
      long charging =
          bug == Bug.ROUNDS_OF_OTHERS_LEFT_OUT && history.isPresent()
              ? history.get().lineage()
              : lastChargingEpoch;
      try {
        book.startEpoch(
            new EpochStart(
                epoch,
                clock + 1,
                lastRound,
                charging,
                isMistaken ? new Horizon(horizon.generation(), lifetime, lastRound + 1) : horizon,
                input));
      } catch (IllegalArgumentException e) {
        refusals++;
        return false;
      }
      attempt.isStarted = true;
      keyBefore = key;
      strictBefore = strict;
      return true;
    }

    /** A source without state begins where something was committed, or anywhere. */
    private boolean mayBeginAfresh(Attempt attempt) {
      try {
        for (int partition = 0; partition < 2; partition++) {
          int end = topic.get(partition).size();
          attempt.read[partition] = random.nextBoolean() ? end : random.nextInt(end + 1);
          if (bug != Bug.SOURCE_BEGINS_AFRESH) {
            attempt.book.beginsAfresh(partition, attempt.read[partition]);
          }
        }
        return true;
      } catch (IllegalArgumentException e) {
        return false;
      }
    }

    /** What a mistake makes of a restored history. */
    private SamplerHistory mistaken(SamplerHistory before, SamplerIdentity identity) {
      return new SamplerHistory(
          bug == Bug.ID_KEY_CHANGED || bug == Bug.EVENT_RULES_CHANGED
              ? new SamplerIdentity(
                  bug == Bug.ID_KEY_CHANGED ? identity.idKey() : before.identity().idKey(),
                  bug == Bug.EVENT_RULES_CHANGED
                      ? identity.eventRules()
                      : before.identity().eventRules(),
                  2)
              : before.identity(),
          before.topic(),
          bug == Bug.SECOND_BEGINNING_OF_A_GENERATION && before.lastRound() < horizon.firstRound()
              ? lastChargingEpoch
              : before.lineage(),
          before.horizon(),
          /* endsEarly= */ false,
          before.lastRound(),
          before.nextRound(),
          before.gaps(),
          bug == Bug.SECOND_RESTORE_FORGETS_THE_FLOOR
              ? before.partitions().stream().map(Partition::caughtUp).toList()
              : before.partitions());
    }

    void read(Attempt attempt) {
      // each attempt lags in one of the partitions
      int partition = random.nextInt(8) > 0 ? (int) (attempt.epoch & 1) : random.nextInt(2);
      int offset = attempt.read[partition];
      if (offset == topic.get(partition).size()) {
        return;
      }
      Record record = topic.get(partition).get(offset);
      attempt.read[partition]++;
      if (attempt.strict && record.odd()) {
        // a dead letter
        return;
      }
      attempt.book.saw(partition, offset);
      String user = attempt.key + record.user();
      expire(attempt, user, attempt.tick + 1);
      Kept kept = attempt.kept.get(user);
      if (record.erasure()) {
        if (kept != null && !attempt.isStarted && bug != Bug.ERASED_BEFORE_THE_EPOCH_STARTS) {
          // the stretch ends when it is known what was charged meanwhile
          attempt.kept.put(user, new Kept(kept.stretch(), Kept.ERASED, kept.seenRounds()));
        } else if (kept != null) {
          end(attempt, user, kept, attempt.book.endedNow(kept.stretch()));
          if (bug == Bug.ERASURE_RESETS_THE_COUNT) {
            attempt.lifetimes.remove(user);
          }
        }
        return;
      }
      Optional<Lifetime> past = Optional.ofNullable(attempt.lifetimes.get(user));
      if (kept == null && past.filter(attempt.book::isRetired).isPresent()) {
        return;
      }
      Stretch stretch =
          kept == null
              ? attempt.book.begin(past, partition, offset)
              : attempt.book.extend(kept.stretch(), partition, offset);
      if (bug == Bug.CHARGED_ROUND_LEFT_OUT && kept == null && attempt.inFlight != null) {
        stretch =
            new Stretch(
                stretch.generation(),
                stretch.used(),
                Math.max(stretch.start(), attempt.inFlight.round() + 1),
                partition,
                offset);
      }
      if (attempt.book.isRetired(stretch) && bug != Bug.LIFETIME_ENFORCED_BY_A_LATE_TIMER) {
        attempt.lifetimes.put(user, attempt.book.endedNow(stretch));
        attempt.kept.remove(user);
      } else {
        attempt.kept.put(
            user,
            new Kept(
                stretch, attempt.tick + attempt.liveTicks, kept == null ? 0 : kept.seenRounds()));
      }
    }

    /** No tick is known before the epoch starts. */
    private void expire(Attempt attempt, String user, long tick) {
      Kept kept = attempt.kept.get(user);
      if (attempt.isStarted && kept != null && kept.expiry() <= tick) {
        end(attempt, user, kept, attempt.book.endedAt(kept.stretch(), kept.expiry()));
      }
    }

    private void end(Attempt attempt, String user, Kept kept, Lifetime ended) {
      attempt.kept.remove(user);
      attempt.lifetimes.put(
          user,
          bug == Bug.COUNTED_BY_TICK
              ? new Lifetime(
                  ended.generation(),
                  kept.stretch().used() + kept.seenRounds(),
                  ended.end(),
                  ended.retired())
              : ended);
    }

    /** Public time passes; the holder of the ledger may charge a round. */
    void tick(Attempt attempt) {
      clock++;
      boolean busy =
          attempt.inFlight != null || attempt.signals.stream().anyMatch(Grant.class::isInstance);
      if (attempt.epoch == epoch
          && attempt.isStarted
          && attempt.isDurable
          && !busy
          && random.nextInt(3) > 0) {
        InputOffsets ends =
            bug == Bug.INTAKE_WITHOUT_LIMIT ? input(List.of(9_999L, 9_999L)) : ends();
        lastRound++;
        lastChargingEpoch = epoch;
        if (random.nextInt(8) == 0) {
          // charged, but nobody knows: void
          return;
        }
        attempt.signals.add(new IntakeLimit(attempt.epoch, lastRound, ends));
        attempt.signals.add(
            new Grant(
                attempt.epoch,
                lastRound,
                clock,
                1,
                SamplerHarness.uls(1, 1),
                0.1,
                1e-6,
                "00",
                PublicClock.UNKNOWN,
                horizon));
      }
      attempt.signals.add(clock);
    }

    void deliver(Attempt attempt) {
      Object signal = attempt.signals.poll();
      if (signal instanceof IntakeLimit limit) {
        attempt.book.limit(limit);
      } else if (signal instanceof Grant grant) {
        attempt.book.granted(grant);
        attempt.inFlight = grant;
      } else if (signal instanceof Long watermark) {
        attempt.tick = Math.max(attempt.tick, watermark);
        if (attempt.inFlight != null) {
          sample(attempt, attempt.inFlight);
          attempt.inFlight = null;
        }
        attempt.book.fired();
      }
    }

    void sample(Attempt attempt, Grant grant) {
      for (String user : List.copyOf(attempt.kept.keySet())) {
        if (random.nextInt(4) > 0) {
          // clean-up may come later; what is not live does not count
          expire(attempt, user, grant.tick());
        }
        Kept kept = attempt.kept.get(user);
        if (kept == null || kept.expiry() <= grant.tick()) {
          continue;
        }
        attempt.kept.put(user, new Kept(kept.stretch(), kept.expiry(), kept.seenRounds() + 1));
        boolean late = bug == Bug.LIFETIME_ENFORCED_BY_A_LATE_TIMER && random.nextInt(3) > 0;
        if ((late || attempt.book.mayTakePart(kept.stretch(), grant))
            && grant.horizon().equals(horizon)) {
          sampled++;
          String person = user.substring(attempt.key.length());
          Set<Long> rounds = roundsOf.computeIfAbsent(person, u -> new TreeSet<>());
          rounds.add(grant.round());
          if (rounds.size() > lifetime) {
            throw new AssertionError(
                "%s is in rounds %s of lifetime %d".formatted(person, rounds, lifetime));
          }
        }
      }
    }

    /** At an aligned barrier: what was sent before it has arrived, in half of the cases all. */
    void checkpoint(Attempt attempt) {
      while (!attempt.signals.isEmpty() && random.nextInt(8) > 0) {
        deliver(attempt);
      }
      SamplerHistory known = attempt.book.snapshot();
      if (known.gaps().size() > lifetime) {
        throw new AssertionError("more gaps than a lifetime has rounds: " + known);
      }
      checkpoints.add(
          new Checkpoint(
              known,
              new TreeMap<>(attempt.kept),
              new TreeMap<>(attempt.lifetimes),
              attempt.read.clone()));
      attempt.isDurable |= attempt.isStarted;
    }
  }

  private static boolean isViolated(long seed, Bug bug) {
    try {
      new World(seed, bug).live();
      return false;
    } catch (AssertionError e) {
      return true;
    }
  }

  @Test
  void noUserIsInMoreRoundsThanALifetimeHas() {
    long sampled = 0;
    long restores = 0;
    long refusals = 0;
    long generations = 0;
    for (long seed = 0; seed < LIVES; seed++) {
      World world = new World(seed, Bug.NONE);
      try {
        world.live();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
      }
      sampled += world.sampled;
      restores += world.restores;
      refusals += world.refusals;
      generations += world.generations;
    }
    // guards against lives in which nothing happens
    assertThat(sampled).isGreaterThan(5L * LIVES);
    assertThat(restores).isGreaterThan(4L * LIVES);
    assertThat(refusals).isGreaterThan(LIVES / 2);
    assertThat(generations).isGreaterThan(LIVES / 10);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void plantedBugsAreCaught(Bug bug) {
    assertThat(IntStream.range(0, LIVES_TO_CATCH_A_BUG).anyMatch(seed -> isViolated(seed, bug)))
        .isTrue();
  }
}
