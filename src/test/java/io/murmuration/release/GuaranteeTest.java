package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.Horizon;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The guarantee in words, in code and in {@code docs/guarantee.md}. */
class GuaranteeTest {

  /** {@code 1. *Premise.* detail}. */
  private static final Pattern ASSUMPTION = Pattern.compile("(?m)^(\\d)\\. \\*([^*]+)\\.\\*");

  private static String document() throws IOException {
    return Files.readString(Path.of("docs/guarantee.md"));
  }

  @Test
  void theDocumentExplainsTheSameAssumptionsInTheSameOrder() throws IOException {
    String section = document().split("## Assumptions\n")[1].split("\n## ")[0];
    List<MatchResult> explained = ASSUMPTION.matcher(section).results().toList();

    assertThat(explained)
        .extracting(found -> found.group(2).replaceAll("\\s+", " "))
        .containsExactlyElementsOf(
            Guarantee.ASSUMPTIONS.stream().map(Guarantee.Assumption::premise).toList());
    assertThat(explained)
        .extracting(found -> Integer.valueOf(found.group(1)))
        .containsExactly(1, 2, 3, 4, 5);
  }

  @Test
  void theDocumentStatesTheSameRelation() throws IOException {
    assertThat(document()).contains("| neighbouring relation | " + Guarantee.RELATION + " |");
  }

  @Test
  void theDocumentSaysBothPromises() throws IOException {
    String document = document().replaceAll("\\s+", " ");
    assertThat(document)
        .contains(Guarantee.PROMISE_OF_THE_DOMAIN)
        .contains(Guarantee.PROMISE_OF_LIFETIMES);
  }

  @Test
  void thePromiseOfLifetimesSaysHowManyRoundsOfWhichGeneration() {
    assertThat(Guarantee.promise(Optional.empty())).isEqualTo(Guarantee.PROMISE_OF_THE_DOMAIN);
    assertThat(Guarantee.promise(Optional.of(new Horizon(2, 12_928, 1))))
        .isEqualTo(
            "The budget is each user's: nobody's words influence more than 12,928 rounds of"
                + " generation 2, and training goes on without an end.");
    assertThat(Guarantee.statement("chat", 3, 1.5, 1e-6, Optional.empty()))
        .isEqualTo(Guarantee.sentence("chat", 3, 1.5, 1e-6));
  }

  @Test
  void theSentenceNeverStatesLessThanEpsilon() {
    assertThat(Guarantee.sentence("chat", 3, /* epsilon= */ 1.00001, /* delta= */ 1e-6))
        .isEqualTo(
            "All releases of the domain chat up to and including round 3 together are (1.0001,"
                + " 1.0E-6)-differentially private at user level.");
  }
}
