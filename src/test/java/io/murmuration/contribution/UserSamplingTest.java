package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.els;
import static io.murmuration.contribution.SamplerHarness.texts;
import static io.murmuration.contribution.SamplerHarness.uls;
import static io.murmuration.contribution.SamplerHarness.users;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.contribution.UserStore.Taken;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** What happens to users one by one, with users in memory and no operator around. */
class UserSamplingTest {

  private static final ContributionBounds BOUNDS = new ContributionBounds(10, 2, 3);
  private static final RoundMechanism EVERYBODY = uls(1, 8);
  private static final Participation ANYBODY = (user, grant) -> true;

  /**
   * Seeded, but which of a drawn user's examples are taken is drawn from a stream of its own, so
   * that it moves no due tick.
   */
  private static final class TwoStreams implements Randomness {
    private static final long serialVersionUID = 1L;
    private final transient SeededRandomness ticks = new SeededRandomness(3);
    private final transient UniformRandomProvider subsets = SeededRandomness.stream(4);

    @Override
    public UniformRandomProvider forUser(String userId) {
      UniformRandomProvider own = ticks.forUser(userId);
      return new UniformRandomProvider() {
        @Override
        public long nextLong() {
          return own.nextLong();
        }

        @Override
        public int nextInt(int bound) {
          return subsets.nextInt(bound);
        }
      };
    }
  }

  /** A sampler of which the test is the operator. */
  private static final class Job {
    final MemoryUsers users = new MemoryUsers(BOUNDS);
    final GrantGate gate = new GrantGate(GrantGate.UNKNOWN);
    final Lifetimes lifetimes;
    final UserSampling sampling;
    private long round;
    private int said;

    Job(Participation... rules) {
      this(/* book= */ null, rules);
    }

    Job(RoundBook book, Participation... rules) {
      lifetimes = book == null ? Lifetimes.UNLIMITED : new CountedLifetimes(book, users);
      List<Participation> all = new ArrayList<>(List.of(rules));
      all.add(lifetimes);
      sampling =
          new UserSampling(
              BOUNDS,
              new TwoStreams(),
              gate,
              users,
              lifetimes,
              all,
              new ContributionMetrics(
                  new UnregisteredMetricsGroup(), /* privateMetrics= */ true, () -> 0L));
    }

    Job started() {
      start(new EpochStart(1, 0));
      return this;
    }

    void start(EpochStart start) {
      gate.startEpoch(start);
      lifetimes.startEpoch(start);
      sampling.firedUpTo(gate.closedTick());
    }

    void says(String user, String text) throws Exception {
      sampling.arrived(
          UserEvent.interaction(user, "e" + said, 1L, /* prompt= */ null, text).at(0, said++));
    }

    Grant grant(long tick, RoundMechanism mechanism, Horizon horizon) throws Exception {
      Grant grant =
          new Grant(1, ++round, tick, 1, mechanism, 0.1, 1e-6, "00", PublicClock.UNKNOWN, horizon);
      lifetimes.granted(grant);
      Optional<UserWalk.Visit> visit = sampling.granted(grant);
      if (visit.isPresent()) {
        for (String user : List.copyOf(users.pools.keySet())) {
          visit.get().to(user);
        }
      }
      gate.add(grant);
      return grant;
    }

    List<UserSample> tick(long tick) throws Exception {
      gate.close(tick);
      List<UserSample> drawn = new ArrayList<>();
      for (String user : List.copyOf(users.timers.keySet())) {
        for (long due = users.nextTimer(user); due <= tick; due = users.nextTimer(user)) {
          users.timers.get(user).remove(due);
          sampling.fire(user, due).ifPresent(drawn::add);
        }
      }
      sampling.firedUpTo(tick);
      gate.forget(tick);
      lifetimes.fired();
      return drawn;
    }

    List<UserSample> round(long tick, RoundMechanism mechanism) throws Exception {
      grant(tick, mechanism, /* horizon= */ null);
      return tick(tick);
    }
  }

  @Test
  void whoIsDue_isDrawnWithWhatIsKept() throws Exception {
    Job job = new Job().started();
    job.says("ann", "a");
    job.says("bob", "b");
    List<UserSample> drawn = job.round(0, EVERYBODY);
    assertThat(users(drawn)).containsExactly("ann", "bob");
    assertThat(texts(drawn)).containsExactly("a", "b");
  }

  @Test
  void atATickWithoutAGrant_nobodyIsDrawn_andEverybodyIsDueAgain() throws Exception {
    Job job = new Job().started();
    job.says("ann", "a");
    job.round(0, EVERYBODY);
    assertThat(job.tick(1)).isEmpty();
    assertThat(job.users.nextTimer("ann")).isEqualTo(2);
  }

  @Test
  void atATickWhereUsersAreCounted_nobodyIsDrawn() throws Exception {
    Job job = new Job().started();
    job.says("ann", "a");
    job.round(0, EVERYBODY);
    RoundMechanism counting =
        new RoundMechanism(Sampler.ULS, 1, 1, 1, 1, 1, new CountHistogram(List.of(1, 2)));
    job.gate.add(new Grant(1, 7, 1, 1, counting, 0.1, 1e-6, "00"));
    assertThat(job.tick(1)).isEmpty();
  }

  @Test
  void anotherSchedule_visitsEverybody_andTheSameOneNobody() throws Exception {
    Job job = new Job().started();
    job.says("ann", "a");
    job.round(0, uls(1e-12, 8));
    assertThat(job.users.pools.get("ann").nextDueTick()).isGreaterThan(1);
    assertThat(users(job.round(1, EVERYBODY))).containsExactly("ann");
    Grant again = new Grant(1, 9, 2, 1, EVERYBODY, 0.1, 1e-6, "00");
    assertThat(job.sampling.granted(again)).isEmpty();
    assertThat(job.sampling.granted(new Grant(1, 9, 2, 1, uls(0.5, 8), 0.1, 1e-6, "00")))
        .isPresent();
  }

  @Test
  void anotherSchedule_whileARoundIsInFlight_isRefused() throws Exception {
    Job job = new Job().started();
    job.grant(0, EVERYBODY, /* horizon= */ null);
    assertThatThrownBy(() -> job.grant(1, uls(0.5, 8), /* horizon= */ null))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("round 1 is in flight");
  }

  @Test
  void eventsBeforeTheEpoch_waitForTheFirstTick() throws Exception {
    Job job = new Job();
    job.says("ann", "a");
    job.says("ann", "b");
    job.says("ann", "c");
    job.started();
    assertThat(texts(job.round(0, EVERYBODY))).hasSize(BOUNDS.examplesPerWindow());
  }

  @Test
  void atTheEndOfTime_whatIsGrantedIsDrawn_andNobodyIsDueAgain() throws Exception {
    Job job = new Job().started();
    job.says("ann", "a");
    job.round(0, EVERYBODY);
    job.grant(1, EVERYBODY, /* horizon= */ null);
    job.sampling.endTime();
    assertThat(users(job.tick(1))).containsExactly("ann");
    assertThat(job.users.timers).isEmpty();
    assertThat(job.users.pools).containsKey("ann");
  }

  @Nested
  class Rules {

    @Test
    void allMustLetAUserIn() throws Exception {
      Participation notAnn = (user, grant) -> !user.userId().equals("ann");
      Participation notInTheFirst = (user, grant) -> grant.round() > 1;
      for (Job job : List.of(new Job(notAnn, notInTheFirst), new Job(notInTheFirst, notAnn))) {
        job.started();
        job.says("ann", "a");
        job.says("bob", "b");
        assertThat(job.round(0, EVERYBODY)).isEmpty();
        assertThat(users(job.round(1, EVERYBODY))).containsExactly("bob");
      }
    }

    @Test
    void areAskedAboutThePoolAsItIsAtTheTick() throws Exception {
      List<Integer> windows = new ArrayList<>();
      Job job =
          new Job(
                  (user, grant) -> {
                    windows.add(user.pool().windowCount());
                    return true;
                  })
              .started();
      job.says("ann", "old");
      job.round(0, EVERYBODY);
      job.tick(19);
      job.says("ann", "new");
      job.round(29, EVERYBODY);
      job.round(30, EVERYBODY);
      assertThat(windows).as("the first is over at 30").containsExactly(1, 2, 1);
    }

    /**
     * With the same bits and with the rule, users are drawn in exactly those rounds in which they
     * would be without, but for the ones that the rule closes to them. Who is kept out and not
     * given a new due tick is due no more, and whose coin is thrown only when let in is drawn
     * elsewhere.
     */
    @Test
    void takeAwayWhatTheyClose_andMoveNothing() throws Exception {
      Participation everyThird = (user, grant) -> (grant.round() + user.userId().length()) % 3 == 0;
      for (RoundMechanism mechanism : List.of(uls(0.4, 100), els(0.2, 6))) {
        List<String> free = livedIn(new Job(ANYBODY), mechanism, everyThird);
        List<String> ruled = livedIn(new Job(everyThird), mechanism, everyThird);
        assertThat(ruled).hasSizeGreaterThan(20).isEqualTo(free);
      }
    }

    /** Who was drawn in which round, with how many examples, of the rounds that a rule opens. */
    private static List<String> livedIn(Job job, RoundMechanism mechanism, Participation open)
        throws Exception {
      job.started();
      List<String> drawn = new ArrayList<>();
      for (long tick = 0; tick < 60; tick++) {
        for (String user : List.of("a", "bb", "ccc", "dddd")) {
          if ((tick + user.length()) % 4 == 0) {
            job.says(user, user + tick);
          }
        }
        for (UserSample sample : job.round(tick, mechanism)) {
          Grant grant = new Grant(1, sample.round(), tick, 1, mechanism, 0.1, 1e-6, "00");
          Taken user = new Taken(sample.userId(), /* pool= */ null, UserTimers.NONE, true);
          if (open.mayBeDrawn(user, grant)) {
            drawn.add(
                "%s in round %d with %d"
                    .formatted(sample.userId(), sample.round(), sample.examples().size()));
          }
        }
      }
      return drawn;
    }
  }

  @Nested
  class LifetimesOfOneRound {

    private static final Horizon HORIZON = new Horizon(1, /* rounds= */ 1, /* firstRound= */ 1);

    private Job started() {
      RoundBook book = new RoundBook(new SamplerIdentity("key", "rules", 1), Optional.empty());
      Job job = new Job(book);
      job.start(new EpochStart(1, 0, /* lastRound= */ 0, 0, HORIZON, input(0)));
      return job;
    }

    private InputOffsets input(long end) {
      return new InputOffsets("cluster", "topic", List.of(0L), List.of(end));
    }

    private List<UserSample> round(Job job, long tick) throws Exception {
      job.lifetimes.limit(new IntakeLimit(1, tick + 1, input(job.said)));
      job.grant(tick, EVERYBODY, HORIZON);
      return job.tick(tick);
    }

    @Test
    void endWithTheRound_andWhatWasKeptGoes() throws Exception {
      Job job = started();
      job.says("ann", "a");
      assertThat(users(round(job, 0))).containsExactly("ann");
      assertThat(job.users.pools).isEmpty();
      assertThat(job.users.timers).isEmpty();
      assertThat(job.users.texts("ann")).isEmpty();
      assertThat(job.users.lifetimes.get("ann").retired()).isTrue();
    }

    @Test
    void onceOver_letNothingBeKept() throws Exception {
      Job job = started();
      job.says("ann", "a");
      round(job, 0);
      job.says("ann", "again");
      job.says("bob", "b");
      assertThat(job.users.pools).containsOnlyKeys("bob");
      assertThat(users(round(job, 1))).containsExactly("bob");
    }

    @Test
    void areUsedByARoundOfAnErasedUser() throws Exception {
      Job job = started();
      job.says("ann", "a");
      job.lifetimes.limit(new IntakeLimit(1, 1, input(1)));
      job.grant(0, EVERYBODY, HORIZON);
      job.sampling.erase("ann");
      assertThat(job.tick(0)).isEmpty();
      job.says("ann", "again");
      assertThat(job.users.pools).isEmpty();
    }
  }
}
