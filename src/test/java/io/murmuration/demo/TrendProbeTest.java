package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class TrendProbeTest {
  private static final TrendProbe PROBE = TrendProbe.ofDemo(/* seed= */ 3, /* messages= */ 200);
  private static final ToDoubleFunction<String> BASE = text -> 2 + text.length() % 7;

  @Test
  void aModelThatKnowsTheWordsOfTheTrendHasLearnedIt() {
    TrendProbe.Finding finding =
        PROBE.compare(BASE, text -> BASE.applyAsDouble(text) - (text.contains("vexira") ? 0.5 : 0));
    assertThat(finding.learned()).isTrue();
    assertThat(finding.trendAdapted()).isLessThan(finding.trendBase() - 0.2);
    assertThat(finding.oldTopicsAdapted()).isEqualTo(finding.oldTopicsBase());
  }

  @Test
  void chanceIsNoLearning() {
    TrendProbe.Finding finding =
        PROBE.compare(BASE, text -> BASE.applyAsDouble(text) + (text.hashCode() % 2 == 0 ? 1 : -1));
    assertThat(finding.learned()).isFalse();
  }

  @Test
  void figuresOfASmallCaseAreThoseCountedByHand() {
    TrendProbe probe = new TrendProbe(List.of("1", "3"), List.of("4", "8"));
    TrendProbe.Finding finding =
        probe.compare(Double::parseDouble, text -> Double.parseDouble(text) / 2);
    assertThat(finding.oldTopicsBase()).isEqualTo(2);
    assertThat(finding.oldTopicsAdapted()).isEqualTo(1);
    assertThat(finding.trendBase()).isEqualTo(6);
    assertThat(finding.trendAdapted()).isEqualTo(3);
    // Gains 2 and 4: variance 2, over two sentences.
    assertThat(finding.trendGainStandardError()).isCloseTo(1, within(1e-12));
  }

  @Test
  void oneSentenceIsTooLittle() {
    assertThatThrownBy(() -> new TrendProbe(List.of("a", "b"), List.of("c")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1 of the trend");
  }
}
