package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class RecentRoundsPropertyTest {

  @Property(seed = "20")
  void isExactForRecentTicks_andNeverTooSmallForOthers(
      @ForAll @LongRange(min = 0, max = 50) long base,
      @ForAll @Size(max = 400) List<@IntRange(min = 1, max = 5) Integer> steps) {
    long firstTick = 10;
    RecentRounds recent = new RecentRounds(base, firstTick);
    List<long[]> charges = new ArrayList<>();
    long tick = firstTick - 1;
    long round = base;
    for (int step : steps) {
      tick += step;
      round += step % 2 + 1;
      recent.charged(tick, round);
      charges.add(new long[] {tick, round});
    }
    for (long asked = 0; asked <= tick + 3; asked++) {
      long truth = base;
      for (long[] charge : charges) {
        truth = charge[0] < asked ? charge[1] : truth;
      }
      long kept = charges.size() <= 128 ? firstTick : charges.get(charges.size() - 128)[0];
      if (asked >= kept) {
        assertThat(recent.lastBefore(asked)).isEqualTo(truth);
      } else {
        assertThat(recent.lastBefore(asked)).isGreaterThanOrEqualTo(truth);
      }
    }
  }

  @Test
  void beforeAnyTickIsKnownTheAnswerIsTheLastRound() {
    assertThat(new RecentRounds(7, Long.MAX_VALUE).lastBefore(1_000_000)).isEqualTo(7);
  }
}
