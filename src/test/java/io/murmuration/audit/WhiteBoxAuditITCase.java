package io.murmuration.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mechanism as it runs, audited: honest pipelines pass, and each planted fault is caught. Noise
 * and coins are the real ones, so that nothing here has a seed; the four honest runs of a build
 * raise a false alarm with probability 10⁻⁶ together, and each fault is missed with probability
 * 10⁻³ at most (docs/audit.md has the distances).
 */
@Timeout(600)
class WhiteBoxAuditITCase {

  private static final Logger LOG = LoggerFactory.getLogger(WhiteBoxAuditITCase.class);

  private static final long KEY = 77;

  @RegisterExtension static final MiniClusterExtension CLUSTER = ClusterPipeline.cluster();

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({"ULS, 2", "ULS, 8", "ELS, 2", "ELS, 8"})
  void theHonestPipelinePasses(Sampler sampler, double epsilon) throws Exception {
    WhiteBoxRun run = WhiteBoxRun.honest(sampler, epsilon, directory);
    report(run);
    assertThat(run.findings()).noneMatch(Finding::alarm);
    List<Execution> tape = run.tape();
    // all but the rounds that the restart voided before they ran
    assertThat(tape)
        .hasSizeBetween(run.setting().rounds() - ClusterPipeline.LIVES, run.setting().rounds());
    assertThat(tape.stream().map(Execution::epoch).distinct()).containsExactly(1L, 2L, 3L);
    assertThat(tape.stream().map(Execution::round).toList()).doesNotHaveDuplicates();
  }

  @Test
  void halvedNoiseIsCaughtByItsVarianceAndByTheAccountantsProfile() throws Exception {
    assertThat(
            alarms(
                WhiteBoxRun.large(Sampler.ULS, 2),
                Plant.nothing().withNoise(PlantedNoise.scaled(0.5))))
        .contains("noise of a round", "noise of all rounds", "accountant's profile");
  }

  @Test
  void noiseThatARestoredAttemptDrawsAgainIsCaught() throws Exception {
    assertThat(alarms(small(), Plant.nothing().withNoise(PlantedNoise.sameKeyInEveryAttempt(KEY))))
        .contains("repeated noise");
  }

  private static AuditSetting small() {
    return AuditSetting.of(
        Sampler.ULS,
        /* epsilon= */ 8,
        WhiteBoxRun.Q,
        /* rounds= */ 45,
        Canaries.toss(/* loud= */ 1800, /* quiet= */ 600));
  }

  private List<String> alarms(AuditSetting setting, Plant plant) throws Exception {
    WhiteBoxRun run = WhiteBoxRun.of(setting, plant, directory);
    report(run);
    return run.findings().stream().filter(Finding::isNoLuck).map(Finding::test).toList();
  }

  private static void report(WhiteBoxRun run) {
    LOG.info("{}", run);
    run.findings().forEach(finding -> LOG.info("{}", finding));
  }
}
