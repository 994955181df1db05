package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The summary as a person sees it. */
class DemoSummaryTest {
  private static final DemoSummary.Run RUN =
      new DemoSummary.Run(
          /* rounds= */ 80,
          /* releases= */ 80,
          /* epsilonSpent= */ 7.91234,
          /* epsilonBudget= */ 8,
          /* delta= */ 1e-6,
          /* events= */ 51_234,
          new TreeMap<>(Map.of("EMPTY_TEXT", 2L, "KEY_MISMATCH", 1L)),
          Duration.ofSeconds(312),
          "the rounds are done",
          /* late= */ 0,
          Path.of("out"),
          Path.of("report.html"));

  @Test
  void theSummaryOfAPrivateRunSaysWhatTheDesignIsFor() {
    DemoSummary summary =
        new DemoSummary(
            RUN,
            new DemoSummary.HeldOut(3.5, 1.75),
            Optional.of(new TrendProbe.Finding(1.1, 0.9, 5.9, 2.6, 0.02)),
            Optional.of(
                new MemorizationProbe.Finding(20, 400, 0.3, 0.31, 0.512, 0.431, 1.5, 1.42)));
    assertThat(summary.render())
        .isEqualTo(
            """

            rounds                            80 (the rounds are done)
            later than scheduled              none of them
            privacy spent                     epsilon 7.9124 of 8.0 at delta 1.0E-6, per user
            events fed                        51,234
            dead letters                      3 (EMPTY_TEXT 2, KEY_MISMATCH 1)
            releases                          80 in out
            report                            report.html
            wall time                         5 min 12 s

            loss, nats per token                  base       now
            held-out text                        3.500     1.750
              old topics                         1.100     0.900
              the trend                          5.900     2.600

            The model has learned the trend that many users share.

            gain, nats per token                  told    untold
            20 secrets told, 400 untold          0.300     0.310
            told secret gains more            in 51 % of pairs (50 % is chance; p = 0.431)
            exposure of told secrets          1.50 bits (1.42 is chance)

            The secrets of single users are no more likely than secrets nobody wrote.
            """);
  }

  @Test
  void theSummaryOfAFailedOrLeakyRunSaysThatToo() {
    DemoSummary summary =
        new DemoSummary(
            RUN,
            new DemoSummary.HeldOut(3.5, 3.5),
            Optional.of(new TrendProbe.Finding(1.1, 1.1, 5.9, 5.89, 0.02)),
            Optional.of(
                new MemorizationProbe.Finding(20, 400, 2.3, 0.31, 0.95, 0.0001, 7.5, 1.42)));
    assertThat(summary.render()).contains("has NOT learned").contains("MORE likely");
  }

  @Test
  void aStreamOfRealUsersHasNoProbes() {
    String rendered =
        new DemoSummary(RUN, new DemoSummary.HeldOut(5.19, 3.2), Optional.empty(), Optional.empty())
            .render();
    assertThat(rendered)
        .contains("5.190     3.200")
        .doesNotContain("secret")
        .doesNotContain("trend");
  }
}
