package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

/** The histogram of users by their events, and that bounds follow the grants. */
class UserCountsTest {

  /** Windows of 10 ticks, at most 2 events kept of each, 2 live. */
  private static final ContributionBounds BOUNDS = new ContributionBounds(10, 2, 2);

  private static final RoundMechanism COUNTING =
      new RoundMechanism(Sampler.ULS, 1, 1, 1, 1, 1, new CountHistogram(List.of(1, 2, 4, 8)));

  @Test
  void countsWhatArrivedInTheLastCompleteWindowKeptOrNot() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open().epoch(1, 1)) {
      say(job, "ann", 1);
      say(job, "bob", 7);
      say(job, "eve", 3);
      say(job, "dan", 2);
      job.erase("dan");
      job.tick(10);
      say(job, "bob", 1);
      say(job, "zoe", 5);
      job.grant(12, COUNTING);
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(12));
      assertThat(job.records()).containsExactly(new UserCounts(1, 1, 12, List.of(1L, 0L, 1L, 1L)));
    }
  }

  @Test
  void addingAUserMovesOneBinByOne() throws Exception {
    assertThat(counts("ann", "bob")).isEqualTo(List.of(0L, 2L, 0L, 0L));
    assertThat(counts("ann", "bob", "eve")).isEqualTo(List.of(0L, 3L, 0L, 0L));
  }

  private static List<Long> counts(String... users) throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open().epoch(1, 1)) {
      for (String user : users) {
        say(job, user, 2);
      }
      job.grant(11, COUNTING);
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(11));
      return ((UserCounts) job.records().get(0)).users();
    }
  }

  @Test
  void countsInQuanta_eachUserOnce_andTheWatermarkComesAfter() throws Exception {
    BoundAndSampleOperator operator =
        new BoundAndSampleOperator(
            BOUNDS, new SeededRandomness(1), new SamplerHarness.ThreeAtATime());
    try (SamplerHarness job = new SamplerHarness(operator, 1, 0).open().epoch(1, 1)) {
      for (int user = 0; user < 10; user++) {
        say(job, "user" + user, 2);
      }
      job.grant(11, COUNTING);
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(11));
      assertThat(job.flink.getOutput()).isEmpty();
      for (int user = 0; user < 10; user++) {
        say(job, "user" + user, 1);
      }
      job.pass(2_000);
      assertThat(job.flink.getOutput())
          .last()
          .isEqualTo(new org.apache.flink.streaming.api.watermark.Watermark(11));
      assertThat(job.records()).containsExactly(new UserCounts(1, 1, 11, List.of(0L, 10L, 0L, 0L)));
    }
  }

  @Test
  void countingSamplesNobodyAndLeavesDueTicksAlone() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open().epoch(1, 1)) {
      say(job, "ann", 2);
      assertThat(job.round(5, SamplerHarness.uls(1, 2))).hasSize(1);
      job.grant(6, COUNTING);
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(6));
      assertThat(job.records()).hasSize(1).allMatch(UserCounts.class::isInstance);
      assertThat(job.round(7, SamplerHarness.uls(1, 2))).hasSize(1);
    }
  }

  @Test
  void aGrantToCountThatARestoredStateHadSeenIsVoid() throws Exception {
    var state = snapshotWithGrantInFlight();
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).restore(state).epoch(2, 12)) {
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(12));
      assertThat(job.records()).isEmpty();
      job.grant(13, COUNTING);
      job.flink.processWatermark2(new org.apache.flink.streaming.api.watermark.Watermark(13));
      assertThat(job.records()).containsExactly(new UserCounts(2, 1, 13, List.of(0L, 1L, 0L, 0L)));
    }
  }

  private static org.apache.flink.runtime.checkpoint.OperatorSubtaskState
      snapshotWithGrantInFlight() throws Exception {
    try (SamplerHarness job = new SamplerHarness(BOUNDS, 1).open().epoch(1, 1)) {
      say(job, "ann", 2);
      job.tick(10);
      job.grant(11, COUNTING);
      return job.flink.snapshot(1, 1);
    }
  }

  @Test
  void noRoundTakesMoreThanItsOwnBoundWhenTheBoundShrinksAndGrows() throws Exception {
    ContributionBounds wide = new ContributionBounds(1_000, 8, 2);
    try (SamplerHarness job = new SamplerHarness(wide, 1).open().epoch(1, 1)) {
      say(job, "ann", 50);
      int tick = 1;
      for (int groupSize : new int[] {16, 6, 2, 10, 4, 16}) {
        for (int round = 0; round < 3; round++) {
          say(job, "ann", 5);
          List<UserSample> samples = job.round(++tick, SamplerHarness.els(1, groupSize));
          assertThat(samples).hasSize(1);
          assertThat(samples.get(0).examples()).hasSizeBetween(1, groupSize);
        }
      }
    }
  }

  @Test
  void recordsComeBackAsTheyWere() throws Exception {
    for (CohortRecord record :
        List.of(
            new UserCounts(3, 1L << 40, 7, List.of(0L, 5L)),
            new UserSample(
                1, 2, 3, "ann", List.of(new io.murmuration.event.Example(null, "hi"))))) {
      DataOutputSerializer out = new DataOutputSerializer(64);
      new CohortRecordSerializer().serialize(record, out);
      assertThat(
              new CohortRecordSerializer()
                  .deserialize(new DataInputDeserializer(out.getCopyOfBuffer())))
          .isEqualTo(record);
    }
  }

  private static void say(SamplerHarness job, String user, int events) throws Exception {
    for (int i = 0; i < events; i++) {
      job.say(user, user + " says " + i);
    }
  }
}
