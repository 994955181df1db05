package io.murmuration.calibration;

import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import java.util.ArrayList;
import java.util.List;

/** Public logarithmic bins of users' event counts. */
public final class CountBins {

  private CountBins() {}

  /**
   * Bins that end at 1, 2, 3, 4, 6, 8, 12, 16, … (two an octave) and at the largest bound, so that
   * a median read off as the end of its bin is at most 1.5 times too large.
   *
   * @param largest the largest bound that could be chosen, at least 1
   */
  public static CountHistogram upTo(int largest) {
    List<Integer> bounds = new ArrayList<>();
    for (long power = 1; power < largest; power *= 2) {
      bounds.add((int) power);
      if (power > 1 && power + power / 2 < largest) {
        bounds.add((int) (power + power / 2));
      }
    }
    bounds.add(largest);
    return new CountHistogram(bounds);
  }
}
