package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.els;
import static io.murmuration.contribution.SamplerHarness.uls;
import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two streams that differ in one user's events, with the same random bits for everybody else:
 * nobody else's samples may differ in a bit.
 */
class IsolationTest {

  private static final String NEIGHBOUR = "mallory";

  private static List<UserSample> samplesOfOthers(RoundMechanism mechanism, boolean withNeighbour)
      throws Exception {
    List<UserSample> others = new ArrayList<>();
    try (SamplerHarness job = new SamplerHarness(new ContributionBounds(7, 2, 3), 77)) {
      job.open();
      for (long tick = -1; tick < 60; tick++) {
        if (tick == 0) {
          job.epoch(1, 0);
        }
        if (withNeighbour) {
          flood(job, tick);
        }
        for (int user = 0; user < 20; user++) {
          if ((user + tick) % 3 == 0) {
            job.say("user" + user, "text " + user + " of tick " + tick);
          }
        }
        if (tick >= 0) {
          others.addAll(tick % 5 == 4 ? job.tick(tick) : job.round(tick, mechanism));
        }
      }
    }
    others.removeIf(sample -> sample.userId().equals(NEIGHBOUR));
    return others;
  }

  /** Thousands of events, absurd timestamps and texts, erasures, and watermarks of its own. */
  private static void flood(SamplerHarness job, long tick) throws Exception {
    for (int i = 0; i < 2_000; i++) {
      long absurd = i % 2 == 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
      UserEvent event =
          UserEvent.interaction(
              NEIGHBOUR, "e" + i, absurd, null, "\uD83D" + "\u0000".repeat(i % 9));
      job.flink.processElement1(new StreamRecord<>(event, absurd));
    }
    job.flink.processWatermark1(new Watermark(Long.MAX_VALUE));
    if (tick % 11 == 3) {
      job.erase(NEIGHBOUR);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void othersSamples_areBitIdentical_whateverOneUserSends(boolean userLevel) throws Exception {
    RoundMechanism mechanism = userLevel ? uls(0.3, 2) : els(0.3, 6);
    List<UserSample> without = samplesOfOthers(mechanism, false);
    List<UserSample> with = samplesOfOthers(mechanism, true);
    assertThat(without).hasSizeGreaterThan(100);
    assertThat(with).containsExactlyInAnyOrderElementsOf(without);
  }
}
