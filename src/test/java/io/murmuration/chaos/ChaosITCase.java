package io.murmuration.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One cycle of {@code scripts/chaos}: everything is killed once, and every kind of restore. */
class ChaosITCase {

  /**
   * Another seed each day would find more and fail for nobody's change; scripts/chaos is for that.
   */
  private static final long SEED = 7;

  @TempDir private Path directory;

  @Test
  @Timeout(1_800)
  void nothingIsSpentPublishedOrCountedTwice() throws Exception {
    ChaosOptions options =
        new ChaosOptions(
            directory,
            SEED,
            Duration.ZERO,
            /* kills= */ 0,
            /* brokerAway= */ Duration.ZERO,
            /* firstPort= */ 0,
            /* horizon= */ null);
    try (ChaosRun run = new ChaosRun(options, System.err::println)) {
      ChaosAudit.Result result = run.run();
      System.err.println(result.table());
      assertThat(result.violations()).isEmpty();
    }
  }
}
