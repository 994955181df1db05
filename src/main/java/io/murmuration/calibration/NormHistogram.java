package io.murmuration.calibration;

import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.noise.NoiseGrid;

/**
 * How a gradient norm enters a histogram of logarithmic bins: its weight of one is spread over the
 * two bins whose centres enclose it, in proportion to the nearness of their logarithms, and rounded
 * to the grid of the round.
 *
 * <p><b>Formal guarantee.</b> One norm adds whole grid units k₁ and k₂ with k₁² + k₂² ≤ ⌊R/J⌋ for
 * the grid's squared bound R and J candidates, so that a user's norms at all candidates together
 * stay within R. The weights w and 1 − w have an L2 norm of at most 1, and are rounded towards
 * zero; where that is not enough, since a grid unit is a double, they lose a unit more.
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
   * @param grid of the round, whose sensitivity is that of all candidates together
   * @param sums all histograms, one behind the other, in grid units; modified
   */
  public static void add(
      NormHistograms query, int candidate, double norm, NoiseGrid grid, long[] sums) {
    if (!Double.isFinite(norm)) {
      return;
    }
    int first = candidate * query.bins();
    int last = query.bins() - 1;
    double position = Math.log(norm / query.smallestNorm()) / Math.log(query.ratio());
    if (!(position > 0)) {
      addWeights(query, grid, sums, first, 1);
    } else if (position >= last) {
      addWeights(query, grid, sums, first + last - 1, 0);
    } else {
      int below = (int) position;
      addWeights(query, grid, sums, first + below, 1 - (position - below));
    }
  }

  /** Adds a weight to a bin, and the rest of 1 to the next. */
  private static void addWeights(
      NormHistograms query, NoiseGrid grid, long[] sums, int bin, double weight) {
    long bound = grid.squaredBound() / query.groupSizes().size();
    // never far from it, so that the loop ends at once
    long largest = (long) Math.sqrt(bound);
    long lower = Math.min(largest, grid.towardsZero(weight));
    long upper = Math.min(largest, grid.towardsZero(1 - weight));
    while (lower * lower + upper * upper > bound) {
      lower = Math.max(0, lower - 1);
      upper = Math.max(0, upper - 1);
    }
    sums[bin] += lower;
    sums[bin + 1] += upper;
  }

  /** The norm at a position between the centres, as {@link NoisyHistogram} gives them. */
  static double normAt(NormHistograms query, double position) {
    return query.smallestNorm() * Math.pow(query.ratio(), position);
  }
}
