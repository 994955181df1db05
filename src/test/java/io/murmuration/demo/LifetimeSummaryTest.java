package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.demo.LifetimeSummary.Lives;
import io.murmuration.demo.LifetimeSummary.Topic;
import io.murmuration.privacy.mechanism.Horizon;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class LifetimeSummaryTest {

  private static LifetimeSummary summary(String halt, double lastLoss, long beyond) {
    return new LifetimeSummary(
        new LifetimeSummary.Run(
            120,
            halt,
            new Horizon(1, 30, 1),
            7.99,
            8,
            1e-6,
            120,
            180_000,
            20_000,
            Duration.ofSeconds(330),
            Path.of("out/releases")),
        List.of(
            new Topic("the comet", 1, 40, 6.3, 3.1, 0.02),
            new Topic("the game", 41, 80, 5.9, lastLoss, 0.02)),
        new Lives(9_000, 30 + beyond, beyond, 1_200, 0));
  }

  @Test
  void saysWhatWasPromisedLearnedAndAudited() {
    assertThat(summary(null, 3, 0).render())
        .contains("nobody's words influence more than 30 rounds of generation 1")
        .contains("120, 4.0 lifetimes of 30 (training has not halted)")
        .contains("the comet", "1-40", "6.300", "3.100")
        .contains("The model has learned all 2 generations of topics")
        .contains("30 of at most 30")
        .contains("again, after all had expired", "1,200")
        .contains("Nobody was found in more rounds than a lifetime has");
    assertThat(summary(null, 3, 0).isWithinLifetimes()).isTrue();
  }

  @Test
  void saysWhatWentWrong() {
    assertThat(summary("the budget is spent", 3, 0).render())
        .contains("training HALTED: the budget is spent");
    assertThat(summary(null, 5.85, 0).render())
        .as("within four standard errors")
        .contains("has learned only 1 of 2 generations");
    assertThat(summary(null, 3, 4).render())
        .contains("4 people were found in MORE rounds than a lifetime has");
    assertThat(summary(null, 3, 4).isWithinLifetimes()).isFalse();
    LifetimeSummary nobody =
        new LifetimeSummary(summary(null, 3, 0).run(), List.of(), new Lives(0, 0, 0, 0, 0));
    assertThat(nobody.isWithinLifetimes()).as("an audit that saw nothing proves nothing").isFalse();
    assertThat(nobody.render()).contains("nothing was audited").doesNotContain("Nobody was found");
    LifetimeSummary stale =
        new LifetimeSummary(summary(null, 3, 0).run(), List.of(), new Lives(9_000, 30, 0, 0, 2));
    assertThat(stale.isWithinLifetimes()).isFalse();
    assertThat(stale.render())
        .contains("2 people were sampled AFTER all that they had said had expired")
        .doesNotContain("Nobody was found");
  }
}
