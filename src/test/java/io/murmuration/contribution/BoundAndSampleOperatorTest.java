package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.els;
import static io.murmuration.contribution.SamplerHarness.texts;
import static io.murmuration.contribution.SamplerHarness.uls;
import static io.murmuration.contribution.SamplerHarness.users;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

class BoundAndSampleOperatorTest {

  private static final RoundMechanism ALWAYS = uls(1, 8);
  private static final ContributionBounds BOUNDS = new ContributionBounds(10, 2, 3);

  private static SamplerHarness started() throws Exception {
    return new SamplerHarness(BOUNDS, 1).open().epoch(1, 0);
  }

  @Test
  void sampleOfAGrantedTick_isEmittedBeforeItsWatermark() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "hello");
      job.grant(0, ALWAYS);
      job.flink.processWatermark2(new Watermark(0));
      List<Object> output = new ArrayList<>(job.flink.getOutput());
      assertThat(output).hasSize(2);
      assertThat(output.get(1)).isEqualTo(new Watermark(0));
      UserSample sample = job.samples().get(0);
      assertThat(sample.userId()).isEqualTo("ann");
      assertThat(sample.epoch()).isEqualTo(1);
      assertThat(sample.round()).isEqualTo(1);
      assertThat(sample.tick()).isZero();
      assertThat(texts(List.of(sample))).containsExactly("hello");
    }
  }

  @Test
  void productionOperator_travelsToTheTaskManagers() throws Exception {
    BoundAndSampleOperator shipped = InstantiationUtil.clone(new BoundAndSampleOperator(BOUNDS));
    try (SamplerHarness job = new SamplerHarness(shipped, 1, 0).open().epoch(1, 0)) {
      job.say("ann", "hello");
      assertThat(job.round(0, ALWAYS)).hasSize(1);
    }
  }

  @Test
  void tickWithoutAGrant_letsNothingOut() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "hello");
      assertThat(job.round(0, ALWAYS)).hasSize(1);
      assertThat(job.tick(1)).isEmpty();
      assertThat(job.tick(2)).isEmpty();
      assertThat(job.round(3, ALWAYS)).hasSize(1);
    }
  }

  @Test
  void everyPendingGrant_isServedWhenWatermarksSkip() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "hello");
      job.grant(2, ALWAYS);
      job.grant(4, ALWAYS);
      assertThat(job.tick(6)).extracting(UserSample::tick).containsExactly(2L, 4L);
    }
  }

  @Test
  void example_isNotSampledAtATickThatWasClosedWhenItArrived() throws Exception {
    try (SamplerHarness job = started()) {
      assertThat(job.round(5, ALWAYS)).isEmpty();
      job.say("ann", "late");
      job.grant(5, ALWAYS);
      assertThat(job.tick(5)).isEmpty();
      assertThat(texts(job.round(6, ALWAYS))).containsExactly("late");
    }
  }

  @Test
  void pool_neverExceedsItsBound_inOneWindowOrAcrossWindows() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open().epoch(1, 0)) {
      RoundMechanism all = uls(1, 1000);
      for (long tick = 0; tick < 100; tick++) {
        for (int i = 0; i < 20; i++) {
          job.say("flood", tick + "-" + i);
        }
        List<String> texts = texts(job.round(tick, all));
        assertThat(texts).hasSizeLessThanOrEqualTo(BOUNDS.poolSize());
        long oldestLive = (tick / 10 - 2) * 10;
        assertThat(texts)
            .allSatisfy(
                text ->
                    assertThat(Long.parseLong(text.substring(0, text.indexOf('-'))))
                        .isGreaterThanOrEqualTo(oldestLive));
      }
    }
  }

  @Test
  void window_isNotSampledOnceItsTicksAreOver_whetherCleanedUpOrNot() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "old");
      assertThat(job.round(29, ALWAYS)).hasSize(1);
      assertThat(job.round(30, ALWAYS)).isEmpty();
    }
  }

  @Test
  void userWithNothingLeft_leavesNeitherStateNorTimers() throws Exception {
    try (SamplerHarness job = started()) {
      job.round(0, uls(1e-9, 8));
      for (int user = 0; user < 50; user++) {
        job.say("user" + user, "text");
      }
      assertThat(job.stateEntries()).isEqualTo(100);
      job.tick(29);
      assertThat(job.stateEntries()).isEqualTo(100);
      job.tick(30 + BOUNDS.windowTicks());
      assertThat(job.stateEntries()).isZero();
      assertThat(job.timers()).isZero();
    }
  }

  @Test
  void elsUserWithNothingLeft_leavesNeitherStateNorTimers() throws Exception {
    try (SamplerHarness job = started()) {
      job.round(0, els(0.1, 6));
      for (int event = 0; event < 50; event++) {
        job.say("ann", "text");
        job.tick(event + 1);
      }
      job.tick(200);
      assertThat(job.stateEntries()).isZero();
      assertThat(job.timers()).isZero();
    }
  }

  @Test
  void erasedUser_isGoneAtOnce_andMayComeBack() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "secret");
      job.say("bob", "other");
      job.round(0, uls(0.5, 8));
      job.erase("ann");
      job.erase("nobody");
      assertThat(job.stateEntries()).isEqualTo(2);
      assertThat(job.timers()).isEqualTo(1);
      job.say("ann", "new life");
      List<String> seen = new ArrayList<>();
      for (long tick = 1; tick < 25; tick++) {
        seen.addAll(texts(job.round(tick, uls(0.5, 8))));
      }
      assertThat(seen).contains("new life", "other").doesNotContain("secret");
    }
  }

  @Test
  void elsUserErased_leavesNoneOfSeveralTimers() throws Exception {
    try (SamplerHarness job = started()) {
      job.round(0, els(0.1, 6));
      for (int event = 0; event < 200; event++) {
        job.say("ann", "text");
        job.tick(1 + event / 50);
      }
      assertThat(job.timers()).isGreaterThan(1);
      job.erase("ann");
      assertThat(job.stateEntries()).isZero();
      assertThat(job.timers()).isZero();
    }
  }

  @Test
  void userErasedBeforeTicksAreKnown_leavesNothing() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open()) {
      job.say("ann", "secret");
      job.erase("ann");
      assertThat(job.stateEntries()).isZero();
      assertThat(job.timers()).isZero();
    }
  }

  @Test
  void eventsBeforeTheEpoch_waitForItsFirstTick() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open()) {
      for (int i = 0; i < 100; i++) {
        job.say("ann", "early" + i);
      }
      job.epoch(1, 1_000_005);
      assertThat(texts(job.round(1_000_005, ALWAYS))).hasSize(BOUNDS.examplesPerWindow());
      assertThat(job.round(1_000_029, ALWAYS)).hasSize(1);
      assertThat(job.round(1_000_030, ALWAYS)).isEmpty();
    }
  }

  @Test
  void restoredJob_neitherReplaysNorRefillsItsWindow() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      job.say("ann", "a");
      job.say("ann", "b");
      job.round(0, ALWAYS);
      job.grant(1, ALWAYS);
      state = job.flink.snapshot(1, 1);
    }
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 2).restore(state)) {
      for (int i = 0; i < 10; i++) {
        job.say("ann", "c" + i);
      }
      job.epoch(2, 2);
      assertThat(job.tick(2)).isEmpty();
      assertThat(texts(job.round(3, ALWAYS))).hasSize(BOUNDS.examplesPerWindow());
    }
  }

  @Test
  void grantsOfARestoredEpoch_areRefused() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      job.say("ann", "a");
      job.epoch(7, 3);
      state = job.flink.snapshot(1, 1);
    }
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 2).restore(state)) {
      job.signal(new EpochStart(7, 4));
      job.signal(job.grantOf(7, 5, ALWAYS));
      job.epoch(8, 6);
      job.signal(job.grantOf(7, 6, ALWAYS));
      assertThat(job.tick(6)).isEmpty();
      assertThat(job.round(7, ALWAYS)).hasSize(1);
    }
  }

  @Test
  void samplingGoesOnAfterARestore_withDueTicksThatPassedMeanwhile() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      for (int user = 0; user < 40; user++) {
        job.say("user" + user, "text");
      }
      job.round(0, uls(0.5, 1));
      state = job.flink.snapshot(1, 1);
    }
    ContributionBounds longer = new ContributionBounds(1_000_000, 2, 3);
    try (SamplerHarness job = new SamplerHarness(longer, 2).restore(state).epoch(2, 500)) {
      List<String> sampled = new ArrayList<>();
      for (long tick = 500; tick < 520; tick++) {
        sampled.addAll(users(job.round(tick, uls(0.5, 1))));
      }
      assertThat(sampled.stream().distinct()).hasSize(40);
    }
  }

  @Test
  void rescaledJob_keepsEveryUserExactlyOnce() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      for (int user = 0; user < 60; user++) {
        job.say("user" + user, "text");
      }
      job.round(0, ALWAYS);
      state = job.flink.snapshot(1, 1);
    }
    List<String> sampled = new ArrayList<>();
    for (int subtask = 0; subtask < 3; subtask++) {
      OperatorSubtaskState part =
          AbstractStreamOperatorTestHarness.repartitionOperatorState(
              state, SamplerHarness.MAX_PARALLELISM, 1, 3, subtask);
      BoundAndSampleOperator operator =
          new BoundAndSampleOperator(BOUNDS, new SeededRandomness(5), SamplerHarness.NEVER_OVER);
      try (SamplerHarness job = new SamplerHarness(operator, 3, subtask).restore(part)) {
        job.signal(new EpochStart(1, 0));
        job.epoch(2, 1);
        sampled.addAll(users(job.round(1, ALWAYS)));
      }
    }
    assertThat(sampled)
        .containsExactlyInAnyOrderElementsOf(
            IntStream.range(0, 60).mapToObj(user -> "user" + user).toList());
  }

  @Test
  void newProbability_redrawsEveryDueTickBeforeItsFirst() throws Exception {
    try (SamplerHarness job = started()) {
      for (int user = 0; user < 100; user++) {
        job.say("user" + user, "text");
      }
      assertThat(job.round(0, uls(1e-12, 1))).isEmpty();
      assertThat(job.round(1, uls(1, 1))).hasSize(100);
      assertThat(job.round(2, els(1, 6))).hasSize(100);
      assertThat(job.round(3, uls(1e-12, 1))).isEmpty();
      assertThat(job.timers()).isEqualTo(100);
    }
  }

  @Test
  void newProbabilityWhileARoundIsInFlight_fails() throws Exception {
    try (SamplerHarness job = started()) {
      job.grant(1, uls(0.5, 1));
      assertThatThrownBy(() -> job.grant(2, uls(0.25, 1)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("in flight");
    }
  }

  @Test
  void groupSizeOfTheGrant_boundsAUlsSample() throws Exception {
    try (SamplerHarness job =
        new SamplerHarness(new ContributionBounds(10, 20, 1), 1).open().epoch(1, 0)) {
      for (int i = 0; i < 20; i++) {
        job.say("ann", "text" + i);
      }
      assertThat(texts(job.round(0, uls(1, 3)))).hasSize(3).doesNotHaveDuplicates();
      assertThat(texts(job.round(1, uls(1, 5)))).hasSize(5).doesNotHaveDuplicates();
    }
  }

  @Test
  void smallerGroupSizeOfAnElsGrant_cutsThePoolFirst() throws Exception {
    try (SamplerHarness job = started()) {
      for (long tick = 0; tick < 30; tick += 10) {
        job.tick(tick);
        job.say("ann", "a" + tick);
        job.say("ann", "b" + tick);
      }
      assertThat(texts(job.round(25, els(1, 100)))).hasSize(6);
      assertThat(texts(job.round(26, els(1, 3)))).hasSize(3);
      job.say("ann", "more");
      assertThat(texts(job.round(27, els(1, 3)))).hasSize(3);
      assertThatThrownBy(() -> job.grant(28, els(1, 2))).hasMessageContaining("group size");
    }
  }

  @Test
  void elsUser_sendsExactlyTheExamplesWhoseTickItIs_inOneRecord() throws Exception {
    try (SamplerHarness job =
        new SamplerHarness(new ContributionBounds(1000, 50, 1), 3).open().epoch(1, 0)) {
      for (int i = 0; i < 50; i++) {
        job.say("ann", "text" + i);
      }
      int total = 0;
      for (long tick = 0; tick < 40; tick++) {
        List<UserSample> round = job.round(tick, els(0.2, 50));
        assertThat(round).hasSizeLessThanOrEqualTo(1);
        assertThat(texts(round)).doesNotHaveDuplicates();
        total += texts(round).size();
      }
      assertThat(total).isBetween(300, 500);
    }
  }

  @Test
  void endOfTime_firesPendingGrantsOnly_andRearmsNothing() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      for (int user = 0; user < 20; user++) {
        job.say("user" + user, "text");
      }
      job.round(0, ALWAYS);
      job.grant(1, ALWAYS);
      assertThat(job.tick(Long.MAX_VALUE)).hasSize(20);
      assertThat(job.timers()).isZero();
      assertThat(job.stateEntries()).isEqualTo(40);
      job.say("user0", "after the end");
      assertThat(job.timers()).isZero();
      state = job.flink.snapshot(1, 1);
    }
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 2).restore(state).epoch(2, 2)) {
      assertThat(job.round(2, ALWAYS)).hasSize(20);
      job.tick(100);
      assertThat(job.stateEntries()).isZero();
    }
  }

  @Test
  void interactions_neverAdvanceTime() throws Exception {
    try (SamplerHarness job = started()) {
      job.say("ann", "a");
      job.grant(5, ALWAYS);
      job.flink.processWatermark1(new Watermark(Long.MAX_VALUE));
      job.flink.processWatermarkStatus1(WatermarkStatus.IDLE);
      assertThat(job.flink.getOutput()).isEmpty();
      assertThat(job.tick(5)).hasSize(1);
    }
  }

  @Test
  void tickBeforeItsEpoch_fails() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open()) {
      assertThatThrownBy(() -> job.tick(3)).hasMessageContaining("epoch");
    }
  }

  @Test
  void massOfTimers_isFiredInQuanta_andWhatArrivesBetweenBelongsToTheNextTick() throws Exception {
    BoundAndSampleOperator operator =
        new BoundAndSampleOperator(
            BOUNDS, new SeededRandomness(1), new SamplerHarness.ThreeAtATime());
    try (SamplerHarness job = new SamplerHarness(operator, 1, 0).open().epoch(1, 0)) {
      for (int user = 0; user < 10; user++) {
        job.say("user" + user, "in time");
      }
      job.grant(0, ALWAYS);
      job.pass(1_000);
      List<UserSample> sampled = new ArrayList<>(job.tick(0));
      assertThat(sampled).hasSize(3);
      for (int user = 0; user < 10; user++) {
        job.say("user" + user, "too late");
      }
      job.pass(2_000);
      sampled.addAll(job.samples());
      assertThat(sampled).hasSize(10);
      assertThat(users(sampled)).doesNotHaveDuplicates();
      assertThat(texts(sampled)).containsOnly("in time");
      job.grant(1, ALWAYS);
      job.flink.processWatermark2(new Watermark(1));
      job.pass(4_000);
      assertThat(job.flink.getOutput()).contains(new Watermark(1));
    }
  }

  @Test
  void firstGrant_givesDueTicksInQuanta_andNoTimerOfItsTickFiresBefore() throws Exception {
    for (boolean rocks : new boolean[] {false, true}) {
      SamplerHarness job =
          new SamplerHarness(
              new BoundAndSampleOperator(
                  BOUNDS, new SeededRandomness(1), new SamplerHarness.ThreeAtATime()),
              1,
              0);
      if (rocks) {
        job.on(new EmbeddedRocksDBStateBackend());
      }
      try (job) {
        job.open().epoch(1, 0);
        for (int user = 0; user < 10; user++) {
          job.say("user" + user, "in time");
        }
        job.grant(0, ALWAYS);
        int withDueTick = 0;
        for (int user = 0; user < 10; user++) {
          withDueTick += job.storedPool("user" + user).schedule().isPresent() ? 1 : 0;
        }
        assertThat(withDueTick).as("users with a due tick after one quantum").isEqualTo(3);
        job.flink.processWatermark2(new Watermark(0));
        job.say("new", "too late");
        job.erase("user9");
        job.erase("user0");
        assertThat(job.flink.getOutput()).isEmpty();
        job.pass(4_000);
        assertThat(job.flink.getOutput()).contains(new Watermark(0));
        assertThat(users(job.samples()))
            .containsExactlyInAnyOrderElementsOf(
                IntStream.range(1, 9).mapToObj(user -> "user" + user).toList());
      }
    }
  }

  @Test
  void checkpointBetweenTwoQuantaOfDueTicks_isAsGoodAsAnyOther() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job =
        new SamplerHarness(
                new BoundAndSampleOperator(
                    BOUNDS, new SeededRandomness(1), new SamplerHarness.ThreeAtATime()),
                1,
                0)
            .on(new EmbeddedRocksDBStateBackend())
            .open()
            .epoch(1, 0)) {
      for (int user = 0; user < 10; user++) {
        job.say("user" + user, "text");
      }
      job.grant(0, ALWAYS);
      state = job.flink.snapshot(1, 1);
    }
    try (SamplerHarness job =
        new SamplerHarness(BOUNDS, 2)
            .on(new EmbeddedRocksDBStateBackend())
            .restore(state)
            .epoch(2, 1)) {
      assertThat(users(job.round(1, ALWAYS))).hasSize(10).doesNotHaveDuplicates();
    }
  }

  @Test
  void firstGrantAfterARestore_leavesPoolsWithDueTicksOfItsScheduleAsTheyAre() throws Exception {
    OperatorSubtaskState state;
    try (SamplerHarness job = started()) {
      job.say("ann", "text");
      job.round(0, uls(1e-9, 8));
      job.say("bob", "text");
      state = job.flink.snapshot(1, 1);
    }
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 2).restore(state).epoch(2, 5)) {
      job.say("cid", "has no due tick yet");
      UserPool ann = job.storedPool("ann");
      UserPool bob = job.storedPool("bob");
      UserPool cid = job.storedPool("cid");
      job.grant(5, uls(1e-9, 8));
      assertThat(job.storedPool("ann")).isSameAs(ann);
      assertThat(job.storedPool("bob")).isSameAs(bob);
      assertThat(job.storedPool("cid")).isNotSameAs(cid);
      job.tick(5);
      job.grant(6, uls(1e-8, 8));
      assertThat(job.storedPool("ann")).isNotSameAs(ann);
    }
  }

  @Test
  void rocksDb_behavesLikeTheHeap() throws Exception {
    List<UserSample> onHeap = new ArrayList<>();
    List<UserSample> onRocks = new ArrayList<>();
    for (boolean rocks : new boolean[] {false, true}) {
      SamplerHarness job = new SamplerHarness(BOUNDS, 9);
      if (rocks) {
        job.on(new EmbeddedRocksDBStateBackend());
      }
      try (job) {
        job.open().epoch(1, 0);
        assertThat(job.flink.getOperator().getKeyedStateBackend().getBackendTypeIdentifier())
            .isEqualTo(rocks ? "rocksdb" : "hashmap");
        for (long tick = 0; tick < 60; tick++) {
          for (int user = 0; user < 10; user++) {
            job.say("user" + user, "text" + tick);
          }
          RoundMechanism mechanism = tick < 30 ? uls(0.3, 2) : els(0.2, 6);
          (rocks ? onRocks : onHeap).addAll(job.round(tick, mechanism));
        }
      }
    }
    assertThat(onRocks).containsExactlyInAnyOrderElementsOf(onHeap).isNotEmpty();
  }
}
