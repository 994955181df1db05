package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
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
 * Seeded lives of the counting rules: several attempts on one ledger and one topic, restored from
 * any earlier checkpoint, with those that were taken over living on as if nobody had told them. The
 * audit alone knows everything: no user may be in more rounds than a lifetime has, whoever charged
 * them.
 */
class LifetimeSimulationTest {

  private static final int LIVES = 10_000;
  private static final int LIVES_TO_CATCH_A_BUG = 3_000;
  private static final int STEPS = 250;
  private static final int LIFETIME = 4;
  private static final int USERS = 4;
  private static final int LIVE_TICKS = 6;
  private static final SamplerIdentity IDENTITY = new SamplerIdentity("key", "rules", 2);
  private static final Horizon HORIZON = new Horizon(1, LIFETIME, 1);

  /** Mistakes, planted to see that the audit catches them. */
  private enum Bug {
    NONE,
    ERASURE_RESETS_THE_COUNT,
    STRETCH_BEGINS_WHEN_PROCESSED,
    END_READ_BEFORE_FENCING,
    SECOND_RESTORE_FORGETS_THE_FLOOR,
    USERS_IN_TWO_PARTITIONS,
    START_WITHOUT_STATE,
    COUNT_EXPIRES,
    LIFETIME_ENFORCED_BY_A_LATE_TIMER,
    CHARGED_ROUND_LEFT_OUT,
    ROUNDS_OF_OTHERS_LEFT_OUT,
    INTAKE_WITHOUT_LIMIT
  }

  /**
   * One record.
   *
   * @param erasure whether it erases its user
   */
  private record Record(String user, boolean erasure) {}

  /** What is kept of a user: the stretch and the tick from which on nothing is live. */
  private record Kept(Stretch stretch, long expiry) {}

  private record Checkpoint(
      SamplerHistory history,
      Map<String, Kept> kept,
      Map<String, Lifetime> lifetimes,
      int[] read) {}

  /** A sampler, with the grants that are on their way to it. */
  private static final class Attempt {
    final int epoch;
    final RoundBook book;
    final Map<String, Kept> kept = new TreeMap<>();
    final Map<String, Lifetime> lifetimes = new TreeMap<>();
    final int[] read;
    final Deque<Object> signals = new ArrayDeque<>();
    long tick;
    Grant inFlight;

    Attempt(int epoch, RoundBook book, int[] read, long tick) {
      this.epoch = epoch;
      this.book = book;
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
    int epoch;
    long lastRound;
    long clock = 1;
    InputOffsets endsBefore = ends();
    int sampled;
    int restores;

    World(long seed, Bug bug) {
      this.random = new SplittableRandom(seed);
      this.bug = bug;
    }

    InputOffsets ends() {
      List<Long> ends = topic.stream().map(partition -> (long) partition.size()).toList();
      return new InputOffsets("cluster", "topic", List.of(0L, 0L), ends);
    }

    void live() {
      start(Optional.empty());
      for (int step = 0; step < STEPS; step++) {
        int dice = random.nextInt(100);
        Attempt attempt = attempts.get(random.nextInt(attempts.size()));
        if (dice < 15) {
          String user = "user" + random.nextInt(USERS);
          int partition =
              bug == Bug.USERS_IN_TWO_PARTITIONS ? random.nextInt(2) : user.hashCode() & 1;
          topic.get(partition).add(new Record(user, random.nextInt(8) == 0));
        } else if (dice < 45) {
          read(attempt);
        } else if (dice < 65) {
          tick(attempt);
        } else if (dice < 92) {
          deliver(attempt);
        } else if (dice < 96) {
          checkpoint(attempt);
        } else if (dice < 98 && !checkpoints.isEmpty()) {
          restores++;
          Checkpoint from = checkpoints.get(random.nextInt(checkpoints.size()));
          start(bug == Bug.START_WITHOUT_STATE ? Optional.empty() : Optional.of(from));
        } else if (bug == Bug.COUNT_EXPIRES) {
          attempt.lifetimes.clear();
        } else if (random.nextInt(3) == 0) {
          endsBefore = ends();
        }
      }
    }

    void start(Optional<Checkpoint> from) {
      epoch++;
      Optional<SamplerHistory> history = from.map(Checkpoint::history);
      if (bug == Bug.SECOND_RESTORE_FORGETS_THE_FLOOR) {
        history = history.map(World::withoutFloors);
      }
      if (bug == Bug.ROUNDS_OF_OTHERS_LEFT_OUT) {
        history = history.map(this::withoutGap);
      }
      RoundBook book = new RoundBook(IDENTITY, history, ends());
      Attempt attempt =
          new Attempt(epoch, book, from.map(Checkpoint::read).orElse(new int[2]), clock);
      from.ifPresent(
          state -> {
            attempt.kept.putAll(state.kept());
            attempt.lifetimes.putAll(state.lifetimes());
          });
      // records are read before the epoch starts, too
      read(attempt);
      InputOffsets input = bug == Bug.END_READ_BEFORE_FENCING ? endsBefore : ends();
      boolean pretends = bug == Bug.START_WITHOUT_STATE && lastRound > 0;
      if (bug == Bug.STRETCH_BEGINS_WHEN_PROCESSED) {
        input = new InputOffsets("cluster", "topic", List.of(0L, 0L), List.of(0L, 0L));
      }
      if (pretends) {
        book.startEpoch(new EpochStart(epoch, clock + 1, lastRound, null, input));
      } else {
        book.startEpoch(new EpochStart(epoch, clock + 1, lastRound, HORIZON, input));
      }
      attempts.add(attempt);
      if (attempts.size() > 3) {
        attempts.remove(random.nextInt(attempts.size() - 1));
      }
    }

    private SamplerHistory withoutGap(SamplerHistory history) {
      return new SamplerHistory(
          history.identity(),
          history.clusterId(),
          history.topicId(),
          history.horizon(),
          lastRound,
          history.nextRound(),
          List.of(),
          history.partitions());
    }

    private static SamplerHistory withoutFloors(SamplerHistory history) {
      Map<Integer, SamplerHistory.Partition> partitions = new TreeMap<>();
      history
          .partitions()
          .forEach((number, partition) -> partitions.put(number, partition.caughtUp()));
      return new SamplerHistory(
          history.identity(),
          history.clusterId(),
          history.topicId(),
          history.horizon(),
          history.lastRound(),
          history.nextRound(),
          history.gaps(),
          partitions);
    }

    void read(Attempt attempt) {
      // each attempt lags in one of the partitions
      int partition = random.nextInt(8) > 0 ? attempt.epoch & 1 : random.nextInt(2);
      int offset = attempt.read[partition];
      if (offset == topic.get(partition).size()) {
        return;
      }
      Record record = topic.get(partition).get(offset);
      attempt.read[partition]++;
      attempt.book.saw(partition, offset);
      expire(attempt, record.user(), attempt.tick + 1);
      Kept kept = attempt.kept.get(record.user());
      if (record.erasure()) {
        if (kept != null) {
          attempt.kept.remove(record.user());
          Lifetime ended = attempt.book.endedNow(kept.stretch());
          if (bug == Bug.ERASURE_RESETS_THE_COUNT) {
            attempt.lifetimes.remove(record.user());
          } else {
            attempt.lifetimes.put(record.user(), ended);
          }
        }
        return;
      }
      Lifetime past = attempt.lifetimes.getOrDefault(record.user(), Lifetime.NONE);
      if (kept == null && attempt.book.isRetired(past)) {
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
        attempt.lifetimes.put(record.user(), attempt.book.endedNow(stretch));
        attempt.kept.remove(record.user());
      } else {
        attempt.kept.put(record.user(), new Kept(stretch, attempt.tick + LIVE_TICKS));
      }
    }

    void expire(Attempt attempt, String user, long tick) {
      Kept kept = attempt.kept.get(user);
      if (kept != null && kept.expiry() <= tick) {
        attempt.kept.remove(user);
        attempt.lifetimes.put(user, attempt.book.endedAt(kept.stretch(), kept.expiry()));
      }
    }

    /** Public time passes; the holder of the ledger may charge a round. */
    void tick(Attempt attempt) {
      clock++;
      boolean holder = attempt.epoch == epoch;
      boolean busy =
          attempt.inFlight != null || attempt.signals.stream().anyMatch(Grant.class::isInstance);
      if (holder && !busy && random.nextInt(3) > 0) {
        InputOffsets ends =
            bug == Bug.INTAKE_WITHOUT_LIMIT
                ? new InputOffsets("cluster", "topic", List.of(0L, 0L), List.of(9_999L, 9_999L))
                : ends();
        lastRound++;
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
                HORIZON));
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
        boolean late = bug == Bug.LIFETIME_ENFORCED_BY_A_LATE_TIMER && random.nextInt(3) > 0;
        if (kept != null
            && kept.expiry() > grant.tick()
            && (late || attempt.book.mayTakePart(kept.stretch(), grant))) {
          sampled++;
          Set<Long> rounds = roundsOf.computeIfAbsent(user, u -> new TreeSet<>());
          rounds.add(grant.round());
          if (rounds.size() > LIFETIME) {
            throw new AssertionError(user + " is in rounds " + rounds);
          }
        }
      }
    }

    /** At an aligned barrier: what was sent before it has arrived, in half of the cases all. */
    void checkpoint(Attempt attempt) {
      while (!attempt.signals.isEmpty() && random.nextInt(8) > 0) {
        deliver(attempt);
      }
      SamplerHistory history = attempt.book.snapshot();
      checkpoints.add(
          new Checkpoint(
              history,
              new TreeMap<>(attempt.kept),
              new TreeMap<>(attempt.lifetimes),
              attempt.read.clone()));
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
    for (long seed = 0; seed < LIVES; seed++) {
      World world = new World(seed, Bug.NONE);
      try {
        world.live();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
      }
      sampled += world.sampled;
      restores += world.restores;
    }
    // guards against lives in which nothing happens
    assertThat(sampled).isGreaterThan(5L * LIVES);
    assertThat(restores).isGreaterThan(2L * LIVES);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void plantedBugsAreCaught(Bug bug) {
    assertThat(IntStream.range(0, LIVES_TO_CATCH_A_BUG).anyMatch(seed -> isViolated(seed, bug)))
        .isTrue();
  }
}
