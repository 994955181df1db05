package io.murmuration.privacy.audit;

import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * An estimate of ε from true and false positive rates, for mechanisms that leak as a Gaussian one
 * does (Nasr et al., "Tight Auditing of Differentially Private Machine Learning", arXiv 2302.07956,
 * section 4).
 *
 * <p>It is no theorem for other mechanisms: randomised response at ε = 2 reads as 12. And it takes
 * canaries for independent, which they are in a white box, given what is public, and not in a black
 * one. So it is printed beside a verdict and decides none.
 */
public final class GaussianEstimate {

  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  private GaussianEstimate() {}

  /**
   * μ̂ = max over thresholds of Φ⁻¹(1 − FPR⁺) − Φ⁻¹(FNR⁺), at least 0, where both rates are upper
   * bounds that hold jointly for all thresholds.
   *
   * @param thresholds fixed before the scores were seen
   * @param significance the share of runs, at most, in which the answer exceeds the true μ
   */
  public static double mu(CanaryScores scores, double[] thresholds, double significance) {
    double each = Levels.significance(significance) / (2 * thresholds.length);
    double largest = 0;
    for (double threshold : thresholds) {
      int missed = scores.in() - scores.inAtLeast(threshold);
      double falsePositives =
          ClopperPearson.upper(scores.outAtLeast(threshold), scores.out(), each);
      double falseNegatives = ClopperPearson.upper(missed, scores.in(), each);
      if (falsePositives < 1 && falseNegatives < 1) {
        largest =
            Math.max(
                largest,
                NORMAL.inverseSurvivalProbability(falsePositives)
                    - NORMAL.inverseCumulativeProbability(falseNegatives));
      }
    }
    return largest;
  }

  /**
   * The ε of a Gaussian mechanism with that μ̂.
   *
   * @param delta δ in (0, 1) for which ε is asked
   */
  public static double epsilon(
      CanaryScores scores, double[] thresholds, double delta, double significance) {
    return new GaussianTradeOff(mu(scores, thresholds, significance)).epsilon(delta);
  }
}
