package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

class RoundSpanPropertyTest {

  @Property
  void countsWhatCountingOneByOneCounts(
      @ForAll @LongRange(min = 0, max = 200) long from,
      @ForAll @LongRange(min = 0, max = 200) long to,
      @ForAll @IntRange(min = 1, max = 17) int bands,
      @ForAll @IntRange(min = 0, max = 16) int anyPhase) {
    int phase = anyPhase % bands;
    assertThat(RoundSpan.count(from, to, bands, phase))
        .isEqualTo(
            LongStream.rangeClosed(from, to).filter(round -> round % bands == phase).count());
    assertThat(RoundSpan.count(from, to)).isEqualTo(Math.max(0, to - from + 1));
  }

  /** Under bands every user is in their own phase's rounds alone: together these are all rounds. */
  @Property
  void thePhasesOfAllBandsAreAllRounds(
      @ForAll @LongRange(min = 0, max = 1_000_000) long from,
      @ForAll @LongRange(min = 0, max = 1_000_000) long to,
      @ForAll @IntRange(min = 1, max = 64) int bands) {
    long sum = 0;
    for (int phase = 0; phase < bands; phase++) {
      sum += RoundSpan.count(from, to, bands, phase);
    }
    assertThat(sum).isEqualTo(RoundSpan.count(from, to));
  }
}
