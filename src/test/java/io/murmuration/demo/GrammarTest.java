package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class GrammarTest {
  @Test
  void referencesAreExpandedAndEveryAlternativeComes() {
    Grammar grammar =
        Grammar.parse(List.of("# tea or $1", "[drink]", "a <size> tea", "[size]", "big", "$1"));
    SplittableRandom random = new SplittableRandom(1);
    assertThat(Stream.generate(() -> grammar.expand("drink", random)).limit(50).distinct())
        .containsExactlyInAnyOrder("a big tea", "a $1 tea");
  }

  @Test
  void brokenGrammarsAreRefused() {
    assertThatThrownBy(() -> Grammar.parse(List.of("lost line"))).hasMessageContaining("lost line");
    assertThatThrownBy(() -> Grammar.parse(List.of("[a]", "<b>")))
        .hasMessageContaining("rule b has no alternatives");
    assertThatThrownBy(() -> Grammar.parse(List.of("[a]", "<b>", "[b]", "<a>")))
        .hasMessageContaining("contains itself");
    assertThatThrownBy(() -> Grammar.parse(List.of("[a]", "x", "[a]", "y")))
        .hasMessageContaining("twice");
  }
}
