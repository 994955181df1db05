package io.murmuration.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.GaussianEstimate;
import io.murmuration.privacy.audit.OneRunTradeOff;
import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.privacy.audit.SteinkeBound;
import io.murmuration.privacy.audit.Thresholds;
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

  private static final double Q = 0.067;
  private static final long KEY = 77;

  @RegisterExtension static final MiniClusterExtension CLUSTER = ClusterPipeline.cluster();

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({"ULS, 2", "ULS, 8", "ELS, 2", "ELS, 8"})
  void theHonestPipelinePasses(Sampler sampler, double epsilon) throws Exception {
    AuditSetting setting = large(sampler, epsilon);
    List<Execution> tape = ClusterPipeline.run(setting, Plant.nothing(), directory);
    List<Finding> findings = Battery.judge(setting, tape, claim(setting));
    report(setting, tape, findings);
    assertThat(findings).noneMatch(Finding::alarm);
    // all but the rounds that the restart voided before they ran
    assertThat(tape).hasSizeBetween(setting.rounds() - ClusterPipeline.LIVES, setting.rounds());
    assertThat(tape.stream().map(Execution::epoch).distinct()).containsExactly(1L, 2L, 3L);
    assertThat(tape.stream().map(Execution::round).toList()).doesNotHaveDuplicates();
  }

  @Test
  void halvedNoiseIsCaughtByItsVarianceAndByTheAccountantsProfile() throws Exception {
    assertThat(alarms(large(Sampler.ULS, 2), Plant.nothing().withNoise(PlantedNoise.scaled(0.5))))
        .contains("noise of a round", "noise of all rounds", "accountant's profile");
  }

  @Test
  void noiseThatARestoredAttemptDrawsAgainIsCaught() throws Exception {
    assertThat(alarms(small(), Plant.nothing().withNoise(PlantedNoise.sameKeyInEveryAttempt(KEY))))
        .contains("repeated noise");
  }

  private static AuditSetting large(Sampler sampler, double epsilon) {
    return AuditSetting.of(
        sampler, epsilon, Q, /* rounds= */ 150, Canaries.toss(/* loud= */ 5000, /* quiet= */ 1000));
  }

  private static AuditSetting small() {
    return AuditSetting.of(
        Sampler.ULS,
        /* epsilon= */ 8,
        Q,
        /* rounds= */ 45,
        Canaries.toss(/* loud= */ 1800, /* quiet= */ 600));
  }

  private static PrivacyProfile claim(AuditSetting setting) {
    return PrivacyProfile.of(setting.charged(), /* step= */ setting.epsilon() / 16);
  }

  private List<String> alarms(AuditSetting setting, Plant plant) throws Exception {
    List<Execution> tape = ClusterPipeline.run(setting, plant, directory);
    List<Finding> findings = Battery.judge(setting, tape, claim(setting));
    report(setting, tape, findings);
    return findings.stream().filter(Finding::isNoLuck).map(Finding::test).toList();
  }

  /** Estimates stand beside the verdict; they decide nothing. */
  private static void report(AuditSetting setting, List<Execution> tape, List<Finding> findings) {
    CanaryScores scores = Battery.scores(setting, tape);
    int guesses = (int) Math.round(0.3 * scores.canaries());
    double[] thresholds = Thresholds.forClaim(setting.epsilon());
    LOG.info(
        "{} epsilon {}: at least {} (guesses), {} (guesses, Gaussian), {} (rates, Gaussian)",
        setting.sampler(),
        setting.epsilon(),
        SteinkeBound.epsilon(scores.guess(guesses), AuditSetting.DELTA, 0.05),
        OneRunTradeOff.epsilon(scores.guess(guesses), AuditSetting.DELTA, 0.05),
        GaussianEstimate.epsilon(scores, thresholds, AuditSetting.DELTA, 0.05));
    findings.forEach(finding -> LOG.info("{}", finding));
  }
}
