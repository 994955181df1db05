package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.uls;
import static io.murmuration.contribution.SamplerHarness.users;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Users' lifetimes in the sampler's keyed state, over rounds, restores and rescaling. */
class LifetimesTest {

  private static final String FIXTURE = "savepoint-lifetimes-1";
  private static final int ROUNDS = 3;
  private static final Horizon HORIZON = new Horizon(1, ROUNDS, 1);
  private static final SamplerIdentity IDENTITY = new SamplerIdentity("key", "rules", 1);

  /** Windows of four ticks, two of them live. */
  private static final ContributionBounds BOUNDS = new ContributionBounds(4, 8, 2);

  private static final RoundMechanism EVERYBODY = uls(1, 8);

  /** One topic with one partition, and one ledger. */
  private static final class Domain {
    final List<UserEvent> topic = new ArrayList<>();
    long epoch;
    long round;
    long lastChargingEpoch;

    void says(String user) {
      topic.add(
          UserEvent.interaction(user, "e" + topic.size(), 1, null, "text " + topic.size())
              .at(0, topic.size()));
    }

    void erases(String user) {
      topic.add(UserEvent.erasure(user, "", 0).at(0, topic.size()));
    }

    InputOffsets input() {
      return new InputOffsets("cluster", "topic", List.of(0L), List.of((long) topic.size()));
    }
  }

  /** An attempt: its own place in the topic, and the domain's ledger. */
  private static final class Attempt implements AutoCloseable {
    final Domain domain;
    final SamplerHarness sampler;
    int read;

    Attempt(Domain domain, SamplerHarness sampler, int read) {
      this.domain = domain;
      this.sampler = sampler;
      this.read = read;
    }

    void reads() throws Exception {
      while (read < domain.topic.size()) {
        sampler.flink.processElement1(new StreamRecord<>(domain.topic.get(read++)));
      }
    }

    List<String> round(long tick) throws Exception {
      return round(tick, EVERYBODY);
    }

    List<String> round(long tick, RoundMechanism mechanism) throws Exception {
      grants(tick, mechanism);
      return users(sampler.tick(tick));
    }

    void grants(long tick, RoundMechanism mechanism) throws Exception {
      sampler.signal(new IntakeLimit(domain.epoch, domain.round + 1, domain.input()));
      domain.lastChargingEpoch = domain.epoch;
      sampler.signal(
          new Grant(
              domain.epoch,
              ++domain.round,
              tick,
              1,
              mechanism,
              0.1,
              1e-6,
              "00",
              PublicClock.UNKNOWN,
              HORIZON));
    }

    @Override
    public void close() throws Exception {
      sampler.close();
    }
  }

  private static SamplerHarness sampler(SamplerIdentity identity, int parallelism, int subtask)
      throws Exception {
    return new SamplerHarness(
        new BoundAndSampleOperator(
            BOUNDS, identity, new SeededRandomness(5), SamplerHarness.NEVER_OVER),
        parallelism,
        subtask);
  }

  private static void starts(Attempt attempt, long firstTick) throws Exception {
    Domain domain = attempt.domain;
    attempt.sampler.startEpoch(
        new EpochStart(
            ++domain.epoch,
            firstTick,
            domain.round,
            domain.lastChargingEpoch,
            HORIZON,
            domain.input()));
  }

  private static Attempt first(Domain domain) throws Exception {
    Attempt attempt = new Attempt(domain, sampler(IDENTITY, 1, 0).open(), 0);
    starts(attempt, 100);
    return attempt;
  }

  private static Attempt restored(Domain domain, OperatorSubtaskState state, int read)
      throws Exception {
    return new Attempt(domain, sampler(IDENTITY, 1, 0).restore(state), read);
  }

  /**
   * Writes the fixture: ann is retired, bob's stretch has ended, and something is kept of cem.
   *
   * @param args the directory of this package's test resources
   */
  public static void main(String[] args) throws Exception {
    try (Attempt job = livedIn(new Domain())) {
      OperatorSnapshotUtil.writeStateHandle(
          job.sampler.flink.snapshot(1, 1), Path.of(args[0], FIXTURE).toString());
    }
  }

  private static Attempt livedIn(Domain domain) throws Exception {
    Attempt job = first(domain);
    domain.says("ann");
    domain.says("bob");
    job.reads();
    job.round(100);
    domain.erases("bob");
    job.reads();
    job.round(101);
    job.round(102);
    domain.says("cem");
    job.reads();
    return job;
  }

  /** Nobody knows yet what was charged meanwhile. */
  @Test
  void whoIsErasedBeforeAnEpochStarts_losesTheTextsAtOnce_andIsCountedInRoundsOfTheFormerAttempt()
      throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState state;
    int read;
    try (Attempt before = first(domain)) {
      domain.says("ann");
      before.reads();
      assertThat(before.round(100)).containsExactly("ann");
      state = before.sampler.flink.snapshot(1, 1);
      read = before.read;
      assertThat(before.round(101)).containsExactly("ann");
    }
    domain.erases("ann");
    try (Attempt fenced = new Attempt(domain, sampler(IDENTITY, 1, 0).restore(state), read)) {
      fenced.reads();
      assertThat(fenced.sampler.storedPool("ann").size()).isZero();
      state = fenced.sampler.flink.snapshot(2, 2);
      read = fenced.read;
    }
    try (Attempt after = new Attempt(domain, sampler(IDENTITY, 1, 0).restore(state), read)) {
      starts(after, 200);
      assertThat(after.sampler.tick(200)).isEmpty();
      assertThat(after.sampler.storedPool("ann")).as("the stretch is over").isNull();
      domain.says("ann");
      after.reads();
      assertThat(after.round(201)).containsExactly("ann");
      assertThat(after.round(202)).as("the fourth round").isEmpty();
    }
  }

  @Test
  void aSourceWithoutState_isRefusedBehindASamplerThatGoesOn() throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState state;
    try (Attempt before = first(domain)) {
      before.sampler.flink.processElement1(new StreamRecord<>(UserEvent.beginning(0, 0)));
      domain.says("ann");
      before.reads();
      assertThat(before.round(100)).containsExactly("ann");
      state = before.sampler.flink.snapshot(1, 1);
    }
    try (Attempt after = new Attempt(domain, sampler(IDENTITY, 1, 0).restore(state), 1)) {
      assertThatThrownBy(
              () ->
                  after.sampler.flink.processElement1(
                      new StreamRecord<>(UserEvent.beginning(0, 1))))
          .isInstanceOf(SuppressRestartsException.class)
          .hasStackTraceContaining("the source has no state");
    }
  }

  @Test
  void savepointOfTheFirstVersion_isRestored() throws Exception {
    Domain domain = new Domain();
    livedIn(domain).close();
    Path copy = Files.createTempFile("savepoint", "");
    try (InputStream fixture = getClass().getResourceAsStream(FIXTURE)) {
      Files.write(copy, fixture.readAllBytes());
      try (Attempt job =
          restored(
              domain, OperatorSnapshotUtil.readStateHandle(copy.toString()), domain.topic.size())) {
        starts(job, 103);
        domain.says("ann");
        domain.says("bob");
        job.reads();
        assertThat(job.round(103)).containsExactlyInAnyOrder("bob", "cem");
        assertThat(job.round(104)).as("bob's third").containsExactlyInAnyOrder("bob", "cem");
        assertThat(job.round(105)).containsExactly("cem");
        assertThat(job.round(106)).isEmpty();
      }
    } finally {
      Files.delete(copy);
    }
  }

  @Test
  void afterAsManyRounds_aUserRetires_andOthersGoOn() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      domain.says("ann");
      job.reads();
      assertThat(job.round(100)).containsExactly("ann");
      domain.says("bob");
      domain.says("ann");
      job.reads();
      assertThat(job.round(101)).containsExactlyInAnyOrder("ann", "bob");
      assertThat(job.round(102)).containsExactlyInAnyOrder("ann", "bob");
      assertThat(job.sampler.storedPool("ann")).as("texts are gone with the last round").isNull();
      domain.says("ann");
      domain.says("bob");
      job.reads();
      assertThat(job.round(103)).containsExactly("bob");
      domain.says("cem");
      job.reads();
      assertThat(job.round(104)).containsExactly("cem");
      assertThat(job.sampler.storedPool("ann")).isNull();
    }
  }

  @Test
  void underExampleLevelSampling_usersRetireAlike() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      for (int i = 0; i < 4; i++) {
        domain.says("ann");
      }
      job.reads();
      for (long tick = 100; tick < 103; tick++) {
        assertThat(job.round(tick, SamplerHarness.els(1, 8))).containsExactly("ann");
      }
      domain.says("ann");
      domain.says("bob");
      job.reads();
      assertThat(job.round(103, SamplerHarness.els(1, 8))).containsExactly("bob");
    }
  }

  @Test
  void aRoundInWhichAUserWasNotSampled_counts() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      domain.says("ann");
      job.reads();
      for (long tick = 100; tick < 103; tick++) {
        job.round(tick, uls(1e-9, 8));
      }
      assertThat(job.round(103)).isEmpty();
    }
  }

  @Test
  void roundsBetweenTwoStretches_doNotCount_evenIfTheEndIsNoticedLate() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      domain.says("ann");
      job.reads();
      // what arrives in ticks 96 to 99 is gone at 104
      job.round(100, uls(1e-9, 8));
      for (long tick = 101; tick < 108; tick++) {
        job.sampler.tick(tick);
      }
      for (long tick = 108; tick < 128; tick++) {
        job.round(tick, uls(1e-9, 8));
      }
      domain.says("ann");
      job.reads();
      assertThat(job.round(128)).as("the second of three").containsExactly("ann");
      assertThat(job.round(129)).as("the third").containsExactly("ann");
      assertThat(job.round(130)).isEmpty();
    }
  }

  /** The timers of a tick without a round may fire for long, while the next round is granted. */
  @Test
  void aRecord_countsInARoundThatItMayJoin_alsoWhileTimersOfTheTickBeforeFire() throws Exception {
    Domain domain = new Domain();
    SamplerHarness sampler =
        new SamplerHarness(
            new BoundAndSampleOperator(
                BOUNDS, IDENTITY, new SeededRandomness(5), new SamplerHarness.ThreeAtATime()),
            1,
            0);
    try (Attempt job = new Attempt(domain, sampler.open(), 0)) {
      starts(job, 100);
      for (int user = 0; user < 10; user++) {
        domain.says("user" + user);
      }
      job.reads();
      job.round(100);
      sampler.pass(2_000);
      sampler.tick(101);
      domain.says("late");
      job.grants(102, EVERYBODY);
      sampler.pass(4_000);
      job.reads();
      assertThat(sampler.storedPool("late").stretch.start()).isEqualTo(domain.round);
      List<String> sampled = new ArrayList<>(users(sampler.tick(102)));
      sampler.pass(8_000);
      sampled.addAll(users(sampler.samples()));
      assertThat(sampled).contains("late");
    }
  }

  @Test
  void anErasure_keepsTheCount() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      for (long tick = 100; tick < 103; tick++) {
        domain.says("ann");
        job.reads();
        job.round(tick);
        domain.erases("ann");
        job.reads();
      }
      domain.says("ann");
      job.reads();
      job.round(103);
      assertThat(job.round(104)).isEmpty();
    }
  }

  /** As long as nobody has written before the charge, a later restore need not know of it. */
  @Test
  void aRecordThatWasWrittenAfterTheCharge_isNotInTheRound() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      domain.says("ann");
      job.reads();
      job.sampler.tick(100);
      InputOffsets before = new InputOffsets("cluster", "topic", List.of(0L), List.of(0L));
      job.sampler.signal(new IntakeLimit(domain.epoch, 1, before));
      job.sampler.signal(
          new Grant(
              domain.epoch, 1, 101, 1, EVERYBODY, 0.1, 1e-6, "00", PublicClock.UNKNOWN, HORIZON));
      domain.round = 1;
      assertThat(users(job.sampler.tick(101))).isEmpty();
      assertThat(job.round(102)).containsExactly("ann");
    }
  }

  @Test
  void rolledBack_whatIsReadAgain_countsFromTheRoundsThatItWasIn() throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState old;
    try (Attempt job = first(domain)) {
      old = job.sampler.flink.snapshot(1, 1);
      domain.says("ann");
      job.reads();
      job.sampler.tick(100);
      assertThat(job.round(101)).containsExactly("ann");
      assertThat(job.round(102)).containsExactly("ann");
    }
    try (Attempt job = restored(domain, old, 0)) {
      starts(job, 200);
      job.reads();
      job.sampler.tick(200);
      assertThat(job.round(201)).as("the third").containsExactly("ann");
      assertThat(job.round(202)).isEmpty();
    }
  }

  @Test
  void rolledBack_whatIsKeptAlready_countsInTheRoundsOfOthers() throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState old;
    try (Attempt job = first(domain)) {
      domain.says("ann");
      job.reads();
      old = job.sampler.flink.snapshot(1, 1);
      job.sampler.tick(100);
      job.round(101);
      job.round(102);
      job.round(103);
    }
    try (Attempt job = restored(domain, old, 1)) {
      starts(job, 104);
      assertThat(job.round(104)).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void rescaled_everybodyKeepsTheCount(int parallelism) throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState whole;
    int population = 20;
    try (Attempt job = first(domain)) {
      for (int user = 0; user < population; user++) {
        domain.says("user" + user);
      }
      job.reads();
      job.sampler.tick(100);
      assertThat(job.round(101)).hasSize(population);
      assertThat(job.round(102)).hasSize(population);
      whole = job.sampler.flink.snapshot(1, 1);
    }
    int thirdRounds = 0;
    int fourthRounds = 0;
    long epoch = domain.epoch;
    long round = domain.round;
    for (int subtask = 0; subtask < parallelism; subtask++) {
      OperatorSubtaskState part =
          AbstractStreamOperatorTestHarness.repartitionOperatorState(
              whole, SamplerHarness.MAX_PARALLELISM, 1, parallelism, subtask);
      // every subtask is told the same
      domain.epoch = epoch;
      domain.round = round;
      domain.lastChargingEpoch = epoch;
      try (Attempt job =
          new Attempt(
              domain, sampler(IDENTITY, parallelism, subtask).restore(part), domain.topic.size())) {
        starts(job, 103);
        thirdRounds += job.round(103).size();
        fourthRounds += job.round(104).size();
      }
    }
    assertThat(thirdRounds).isEqualTo(population);
    assertThat(fourthRounds).isZero();
  }

  @Test
  void withoutState_isRefused_onceRoundsAreCharged() throws Exception {
    Domain domain = new Domain();
    try (Attempt job = first(domain)) {
      job.round(100);
    }
    try (Attempt job = new Attempt(domain, sampler(IDENTITY, 1, 0).open(), 0)) {
      assertThatThrownBy(() -> starts(job, 200))
          .isInstanceOf(SuppressRestartsException.class)
          .hasRootCauseMessage(
              "Users' lifetimes cannot be counted on: the sampler has no state but round 1 is"
                  + " charged in generation 1, so that it cannot know how much of their lifetimes"
                  + " users have spent; start from a savepoint or checkpoint that holds it, or begin"
                  + " a new generation (--new-generation)");
    }
  }

  @Test
  void stateThatCountsNothing_isRefused() throws Exception {
    OperatorSubtaskState uncounted;
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 5).open().epoch(1, 100)) {
      job.say("ann", "hello");
      uncounted = job.flink.snapshot(1, 1);
    }
    SamplerHarness job = sampler(IDENTITY, 1, 0);
    assertThatThrownBy(() -> job.restore(uncounted))
        .hasRootCauseInstanceOf(IllegalArgumentException.class)
        .hasStackTraceContaining("counts no lifetimes");
  }

  /**
   * Or it would read on without counting, for as long as the ledger is out of reach, and whoever
   * went on from its state would not know in which rounds those records had been.
   */
  @Test
  void stateThatCounts_isRefused_whereNothingIsCounted() throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState counted;
    try (Attempt job = first(domain)) {
      counted = job.sampler.flink.snapshot(1, 1);
    }
    SamplerHarness job = new SamplerHarness(BOUNDS, 5);
    assertThatThrownBy(() -> job.restore(counted))
        .hasRootCauseInstanceOf(IllegalArgumentException.class)
        .hasStackTraceContaining("counts users' lifetimes")
        .hasStackTraceContaining("horizon.enabled: true");
  }

  @Test
  void stateUnderAnotherKeyOfIds_isRefused() throws Exception {
    Domain domain = new Domain();
    OperatorSubtaskState state;
    try (Attempt job = first(domain)) {
      state = job.sampler.flink.snapshot(1, 1);
    }
    SamplerIdentity other = new SamplerIdentity("other", "rules", 1);
    SamplerHarness job = sampler(other, 1, 0);
    assertThatThrownBy(() -> job.restore(state)).hasStackTraceContaining("another id key");
  }

  /** Threads of a real job tell it; here it is told in order. */
  private record Told(List<String> lines) implements ArrivalListener {
    private static final long serialVersionUID = 1L;

    @Override
    public void arrived(String userId, long tick) {
      lines.add(userId + " at " + tick);
    }

    @Override
    public void began(long firstTick) {
      lines.add("began at " + firstTick);
    }
  }

  @Test
  void anAuditIsToldAtWhichTickSomethingArrived_butNotOfWhatIsTurnedAway() throws Exception {
    Domain domain = new Domain();
    Told told = new Told(new ArrayList<>());
    SamplerHarness sampler =
        new SamplerHarness(
                new BoundAndSampleOperator(
                    BOUNDS, IDENTITY, new SeededRandomness(5), SamplerHarness.NEVER_OVER, told),
                1,
                0)
            .open();
    try (Attempt attempt = new Attempt(domain, sampler, 0)) {
      domain.says("ann");
      attempt.reads();
      starts(attempt, 100);
      domain.says("ann");
      attempt.reads();
      attempt.grants(100, EVERYBODY);
      domain.says("bob");
      attempt.reads();
      assertThat(users(sampler.tick(100))).as("bob's came after the charge").containsExactly("ann");
      domain.says("bob");
      domain.erases("bob");
      attempt.reads();
      for (long tick = 101; tick < 100 + ROUNDS; tick++) {
        attempt.round(tick);
      }
      domain.says("ann");
      attempt.reads();
    }
    assertThat(told.lines())
        .containsExactly("ann at -1", "began at 100", "ann at 100", "bob at 100", "bob at 101");
  }
}
