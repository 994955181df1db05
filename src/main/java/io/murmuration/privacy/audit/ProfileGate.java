package io.murmuration.privacy.audit;

/**
 * Whether scores of independent canaries contradict the accountant's own profile: the gate of an
 * audit.
 *
 * <p><b>Formal guarantee.</b> If each canary's score is independent of the other canaries' and
 * every test of one canary keeps to the claimed trade-off, the claim is falsified in at most a
 * share {@code significance} of runs. In a white box canaries are independent given grants, voids
 * and clip norms; in a black box they are not, and {@link OneRunTradeOff} decides.
 */
public final class ProfileGate {

  private ProfileGate() {}

  /**
   * What came of it.
   *
   * @param falsified whether some threshold contradicts the claim
   * @param excess by how much the false positive or false negative rate that the claim demands
   *     exceeds the upper bound of the one that was seen, at the worst threshold; the claim is
   *     falsified iff it is positive
   * @param threshold that threshold
   */
  public record Verdict(boolean falsified, double excess, double threshold) {}

  /**
   * Compares at every threshold the bounds of both rates, which hold jointly, with the claim: an
   * event that has probability TPR⁻ at least with the user must have f̄(TPR⁻) at least without, and
   * its complement likewise.
   *
   * @param thresholds fixed before the scores were seen
   * @param claim the trade-off that is claimed, in both directions
   * @param significance in (0, 1), for all thresholds together
   */
  public static Verdict judge(
      CanaryScores scores, double[] thresholds, TradeOff claim, double significance) {
    double each = Levels.significance(significance) / (4 * thresholds.length);
    double worst = Double.NEGATIVE_INFINITY;
    double at = Double.NaN;
    for (double threshold : thresholds) {
      int hits = scores.inAtLeast(threshold);
      int falseAlarms = scores.outAtLeast(threshold);
      double in =
          claim.inverseBlowUp(ClopperPearson.lower(hits, scores.in(), each))
              - ClopperPearson.upper(falseAlarms, scores.out(), each);
      double out =
          claim.inverseBlowUp(ClopperPearson.lower(scores.out() - falseAlarms, scores.out(), each))
              - ClopperPearson.upper(scores.in() - hits, scores.in(), each);
      double excess = Math.max(in, out);
      if (excess > worst) {
        worst = excess;
        at = threshold;
      }
    }
    return new Verdict(worst > 0, worst, at);
  }
}
