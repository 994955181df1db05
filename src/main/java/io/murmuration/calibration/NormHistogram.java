package io.murmuration.calibration;

import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;

/**
 * How a gradient norm enters a histogram of logarithmic bins: its weight of one is spread over the
 * two bins whose centres enclose it, in proportion to the nearness of their logarithms.
 *
 * <p><b>Formal guarantee.</b> One norm adds weights w and 1 − w, a vector of L2 norm at most 1.
 *
 * <p>Why not simply the nearest bin: adding one user changes the shapes of micro-batches and so the
 * rounding of other users' norms, by about 10⁻⁶ relative. Then somebody else's norm might change
 * its bin, a change of √2 that no accounting covers. Spread weights move by about 10⁻⁶ / ln(ratio),
 * for which the margin of 10⁻³ on every sensitivity makes room, as for gradients.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>NaN or infinite</td><td>nothing is added</td></tr>
 * <tr><td>below the first centre, 0 too</td><td>all in the first bin</td></tr>
 * <tr><td>above the last centre</td><td>all in the last bin</td></tr>
 * </table>
 */
public final class NormHistogram {

  private NormHistogram() {}

  /**
   * Adds one user's norm at one candidate.
   *
   * @param query how the histograms are laid out
   * @param candidate index of the candidate
   * @param norm of the user's mean gradient
   * @param sums all histograms, one behind the other; modified
   */
  public static void add(NormHistograms query, int candidate, double norm, double[] sums) {
    if (!Double.isFinite(norm)) {
      return;
    }
    int first = candidate * query.bins();
    int last = query.bins() - 1;
    double position = Math.log(norm / query.smallestNorm()) / Math.log(query.ratio());
    if (!(position > 0)) {
      sums[first]++;
    } else if (position >= last) {
      sums[first + last]++;
    } else {
      int below = (int) position;
      double part = position - below;
      sums[first + below] += 1 - part;
      sums[first + below + 1] += part;
    }
  }

  /** The norm at a position between the centres, as {@link NoisyHistogram} gives them. */
  static double normAt(NormHistograms query, double position) {
    return query.smallestNorm() * Math.pow(query.ratio(), position);
  }
}
