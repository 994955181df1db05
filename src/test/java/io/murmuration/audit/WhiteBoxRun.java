package io.murmuration.audit;

import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.GaussianEstimate;
import io.murmuration.privacy.audit.OneRunTradeOff;
import io.murmuration.privacy.audit.PrivacyProfile;
import io.murmuration.privacy.audit.SteinkeBound;
import io.murmuration.privacy.audit.Thresholds;
import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * A pipeline, on the mini cluster or through its operators alone, and what the battery says of it.
 * Coins, sampling and noise are the real ones: a run has no seed, and no two are alike.
 *
 * @param setting what was claimed
 * @param tape what was executed
 * @param findings of every test
 */
record WhiteBoxRun(AuditSetting setting, List<Execution> tape, List<Finding> findings) {

  static final double Q = 0.067;

  /** What the build audits. */
  static final int CANARIES = 6000;

  static final int ROUNDS = 150;

  /** What planted faults are caught with, see {@link PlantedFaultsStatisticalTest}. */
  static final int FEWEST_CANARIES = 2400;

  static final int FEWEST_ROUNDS = 45;

  /** Of a lifetime, so that counting goes through a restore. */
  private static final int ROUNDS_AFTER_A_RESTORE = 2;

  /** The share of canaries that is guessed for the estimates, fixed beforehand. */
  private static final double GUESSED = 0.3;

  private static final double SIGNIFICANCE = 0.05;

  /** The pipeline as it is, in the size that the build audits. */
  static WhiteBoxRun honest(Sampler sampler, double epsilon, Path directory) throws Exception {
    return of(large(sampler, epsilon), Plant.nothing(), directory);
  }

  static WhiteBoxRun of(AuditSetting setting, Plant plant, Path directory) throws Exception {
    return judged(setting, ClusterPipeline.run(setting, plant, directory));
  }

  /** The operators as they are, where everybody retires soon after the first restore. */
  static WhiteBoxRun ofLifetimes(Sampler sampler, double epsilon, int canaries, int rounds)
      throws Exception {
    AuditSetting setting =
        AuditSetting.ofLifetimes(
            sampler,
            epsilon,
            Q,
            rounds,
            /* lifetime= */ rounds / ClusterPipeline.LIVES + ROUNDS_AFTER_A_RESTORE,
            toss(canaries));
    return judged(setting, OperatorPipeline.run(setting, Plant.nothing()));
  }

  private static WhiteBoxRun judged(AuditSetting setting, List<Execution> tape) {
    PrivacyProfile claim = PrivacyProfile.of(setting.charged(), /* step= */ setting.epsilon() / 16);
    return new WhiteBoxRun(setting, tape, Battery.judge(setting, tape, claim));
  }

  static AuditSetting large(Sampler sampler, double epsilon) {
    return setting(sampler, epsilon, CANARIES, ROUNDS);
  }

  static AuditSetting setting(Sampler sampler, double epsilon, int canaries, int rounds) {
    return AuditSetting.of(sampler, epsilon, Q, rounds, toss(canaries));
  }

  private static Canaries toss(int canaries) {
    int quiet = canaries / 6;
    return Canaries.toss(canaries - quiet, quiet);
  }

  boolean isClean() {
    return findings.stream().noneMatch(Finding::alarm);
  }

  /** The verdict in a line, and the estimates beside it, which decide nothing. */
  @Override
  public String toString() {
    CanaryScores scores = Battery.scores(setting, tape);
    int guesses = (int) Math.round(GUESSED * scores.canaries());
    Finding nearest =
        findings.stream()
            .max(Comparator.comparingDouble(finding -> finding.distance() - finding.limit()))
            .orElseThrow();
    return String.format(
        Locale.ROOT,
        "%s epsilon %s: %s, nearest %s with %.1f of %.1f; epsilon at least %.2f (guesses), %.2f"
            + " (guesses, Gaussian), %.2f (rates, Gaussian)",
        setting.sampler(),
        setting.epsilon(),
        isClean() ? "clean" : "ALARM",
        nearest.test(),
        nearest.distance(),
        nearest.limit(),
        SteinkeBound.epsilon(scores.guess(guesses), AuditSetting.DELTA, SIGNIFICANCE),
        OneRunTradeOff.epsilon(scores.guess(guesses), AuditSetting.DELTA, SIGNIFICANCE),
        GaussianEstimate.epsilon(
            scores, Thresholds.forClaim(setting.epsilon()), AuditSetting.DELTA, SIGNIFICANCE));
  }
}
