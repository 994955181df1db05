package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MemorizationProbeTest {
  private static final SyntheticStream STREAM = SyntheticStream.generate(11, 2_000, 20);
  private static final MemorizationProbe PROBE = MemorizationProbe.ofDemo(STREAM, 5, 300);
  private static final ToDoubleFunction<String> BASE = text -> 3 + pseudoRandom(text, 1);

  @Test
  void aModelThatLearnedOnlyTheFormOfSecretsIsNotSuspected() {
    // Forms of secrets gain differently; that is no memorisation.
    ToDoubleFunction<String> adapted =
        text -> BASE.applyAsDouble(text) - formGain(text) + 0.1 * pseudoRandom(text, 2);
    MemorizationProbe.Finding finding = PROBE.compare(BASE, adapted);
    assertThat(finding.memorized()).isFalse();
    assertThat(finding.auc()).isBetween(0.3, 0.7);
    assertThat(finding.told()).isEqualTo(20);
    assertThat(finding.untold()).isEqualTo(300);
    assertThat(finding.exposureBits()).isCloseTo(finding.chanceExposureBits(), within(1.0));
  }

  @Test
  void aModelThatMemorizedSecretsIsFoundOut() {
    Set<String> told = STREAM.secrets().stream().map(Secret::text).collect(Collectors.toSet());
    ToDoubleFunction<String> adapted =
        text ->
            BASE.applyAsDouble(text)
                + 0.1 * pseudoRandom(text, 2)
                - (told.contains(text) ? 0.05 : 0);
    MemorizationProbe.Finding finding = PROBE.compare(BASE, adapted);
    assertThat(finding.memorized()).isTrue();
    assertThat(finding.auc()).isGreaterThan(0.75);
    assertThat(finding.exposureBits()).isGreaterThan(finding.chanceExposureBits() + 0.5);
    assertThat(finding.toldGain()).isGreaterThan(finding.untoldGain());
  }

  @Test
  void figuresOfASmallCaseAreThoseCountedByHand() {
    MemorizationProbe probe =
        new MemorizationProbe(
            List.of(new Secret("k", "4"), new Secret("k", "2")),
            List.of(new Secret("k", "1"), new Secret("k", "2"), new Secret("k", "3")));
    MemorizationProbe.Finding finding = probe.compare(text -> 0, text -> -Double.parseDouble(text));
    // 4 beats all three; 2 beats one and ties with one.
    assertThat(finding.auc()).isCloseTo((3 + 1.5) / 6, within(1e-12));
    assertThat(finding.toldGain()).isEqualTo(3);
    assertThat(finding.untoldGain()).isEqualTo(2);
    assertThat(finding.exposureBits()).isCloseTo((log2(4) + log2(4 / 2.5)) / 2, within(1e-12));
    assertThat(finding.chanceExposureBits())
        .isCloseTo((log2(4) + log2(2) + log2(4 / 3.0)) / 4, within(1e-12));
  }

  @Test
  void aModelWithoutAdapterIsAllTies() {
    MemorizationProbe.Finding finding = PROBE.compare(BASE, BASE);
    assertThat(finding.auc()).isEqualTo(0.5);
    assertThat(finding.pValue()).isEqualTo(1);
  }

  @Test
  void brokenModelsAndUnmatchedKindsAreRefused() {
    assertThatThrownBy(() -> PROBE.compare(BASE, text -> Double.NaN))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("NaN");
    assertThatThrownBy(
            () -> new MemorizationProbe(STREAM.secrets(), List.of(new Secret("pin", "1234"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("pin");
  }

  private static double formGain(String text) {
    return text.startsWith("my door") ? 1 : text.startsWith("my wifi") ? 0.5 : 0;
  }

  /** A number in [0, 1) that is the same for the same text. */
  private static double pseudoRandom(String text, int salt) {
    return new SplittableRandom(31L * text.hashCode() + salt).nextDouble();
  }

  private static double log2(double value) {
    return Math.log(value) / Math.log(2);
  }
}
