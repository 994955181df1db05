package io.murmuration.calibration;

import java.util.List;

/**
 * A histogram whose bins carry independent Gaussian noise, read as a distribution.
 *
 * <p>The cumulative counts of the noised bins are unbiased, but need not ascend. They are replaced
 * by the ascending, non-negative sequence nearest to them in least squares (pool adjacent
 * violators). Setting negative bins to zero instead would add about 0.4 standard deviations of
 * noise for every empty bin and pull quantiles to the middle of the range.
 *
 * <p><b>Error.</b> A cumulative count has a noise of at most σ·√bins, σ being one bin's, and the
 * fit does not enlarge the greatest deviation. The quantile for a share s of N users is therefore,
 * with probability 1 − β, the true quantile for some share within ±2·σ·√(2·bins·ln(2·bins/β))/N of
 * s, up to the width of a bin.
 */
final class NoisyHistogram {

  private final double[] cumulative;

  private NoisyHistogram(double[] cumulative) {
    this.cumulative = cumulative;
  }

  /**
   * Makes one from noised bins.
   *
   * @param bins finite, of any sign, at least one
   */
  public static NoisyHistogram of(List<Double> bins) {
    if (bins.isEmpty()) {
      throw new IllegalArgumentException("a histogram must have at least one bin but has none");
    }
    double[] sums = new double[bins.size()];
    double sum = 0;
    for (int i = 0; i < sums.length; i++) {
      sum += bins.get(i);
      if (!Double.isFinite(sum)) {
        throw new IllegalArgumentException("bins must be finite but are " + bins);
      }
      sums[i] = sum;
    }
    return new NoisyHistogram(ascending(sums));
  }

  /** The nearest ascending sequence, then the nearest of those that is nowhere negative. */
  private static double[] ascending(double[] values) {
    double[] means = new double[values.length];
    int[] sizes = new int[values.length];
    int blocks = 0;
    for (double value : values) {
      means[blocks] = value;
      sizes[blocks++] = 1;
      while (blocks > 1 && means[blocks - 2] > means[blocks - 1]) {
        int size = sizes[blocks - 2] + sizes[blocks - 1];
        means[blocks - 2] =
            (means[blocks - 2] * sizes[blocks - 2] + means[blocks - 1] * sizes[blocks - 1]) / size;
        sizes[blocks - 2] = size;
        blocks--;
      }
    }
    double[] fitted = new double[values.length];
    int position = 0;
    for (int block = 0; block < blocks; block++) {
      for (int i = 0; i < sizes[block]; i++) {
        fitted[position++] = Math.max(0, means[block]);
      }
    }
    return fitted;
  }

  /** Whether nothing but noise was found, so that no quantile means anything. */
  public boolean isEmpty() {
    return !(total() > 0);
  }

  /** The estimated number of entries. */
  public double total() {
    return cumulative[cumulative.length - 1];
  }

  /** The estimated number of entries in a bin, not negative. */
  public double weight(int bin) {
    return cumulative[bin] - (bin == 0 ? 0 : cumulative[bin - 1]);
  }

  /**
   * The first bin up to which at least this share of the entries lies.
   *
   * @param share in (0, 1)
   * @throws IllegalStateException if it is empty
   */
  public int binOfQuantile(double share) {
    double wanted = wanted(share);
    int bin = 0;
    while (bin < cumulative.length - 1 && cumulative[bin] < wanted) {
      bin++;
    }
    return bin;
  }

  /**
   * The position at which the share is reached if each entry lies at its bin's centre and half of a
   * bin's weight is on either side of it, linear in between: in bins, from 0 to the last.
   *
   * @param share in (0, 1)
   * @throws IllegalStateException if it is empty
   */
  public double positionOfQuantile(double share) {
    double wanted = wanted(share);
    double before = middle(0);
    if (wanted <= before) {
      return 0;
    }
    for (int bin = 1; bin < cumulative.length; bin++) {
      double here = middle(bin);
      if (wanted <= here) {
        return bin - 1 + (wanted - before) / (here - before);
      }
      before = here;
    }
    return cumulative.length - 1;
  }

  private double middle(int bin) {
    return cumulative[bin] - weight(bin) / 2;
  }

  private double wanted(double share) {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException("a quantile's share must be in (0, 1) but is " + share);
    }
    if (isEmpty()) {
      throw new IllegalStateException("a quantile needs entries but the histogram is empty");
    }
    return share * total();
  }
}
