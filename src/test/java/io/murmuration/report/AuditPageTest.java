package io.murmuration.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.GaussianTradeOff;
import io.murmuration.privacy.audit.OneRunVerdict;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AuditPageTest {

  private static CanaryScores scores(double mu) {
    SplittableRandom random = new SplittableRandom(1);
    double[] scores = new double[1000];
    boolean[] in = new boolean[scores.length];
    for (int i = 0; i < scores.length; i++) {
      in[i] = random.nextBoolean();
      scores[i] = (in[i] ? mu : 0) + random.nextGaussian();
    }
    return new CanaryScores(scores, in);
  }

  private static String page(double leaking, double claimed) {
    CanaryScores scores = scores(leaking);
    GaussianTradeOff claim = new GaussianTradeOff(claimed);
    return AuditPage.of(
        "audit <1>",
        "round-00000080",
        OneRunVerdict.of(scores, claim.epsilon(1e-5), 1e-5, claim),
        scores);
  }

  @Test
  void saysThatAClaimStandsAndThatThisProvesLittle() {
    assertThat(page(/* leaking= */ 0.1, /* claimed= */ 1))
        .contains("This audit does not contradict the claim of round-00000080.")
        .contains("That the claim is true. A lower bound never proves one")
        .contains("4.38")
        .contains("<svg")
        .contains("audit &lt;1")
        .doesNotContain("audit <1>")
        .doesNotContain("<script");
  }

  @Test
  void saysThatAClaimIsFalse() {
    assertThat(page(/* leaking= */ 3, /* claimed= */ 0.5))
        .contains("The claim of round-00000080 is false, at confidence 95 %.")
        .contains("class=\"warning\"");
  }

  @Test
  void saysWhatCouldHaveBeenFound() {
    assertThat(page(/* leaking= */ 0.1, /* claimed= */ 1))
        .containsPattern("leaks that \\d+ of 300 right guesses would not show");
    assertThat(page(/* leaking= */ 0.1, /* claimed= */ 6))
        .contains("not even 300 right guesses of 300 would contradict");
  }
}
