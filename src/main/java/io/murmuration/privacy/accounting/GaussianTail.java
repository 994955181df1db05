package io.murmuration.privacy.accounting;

import org.apache.commons.numbers.gamma.Erfc;

/** The upper tail of the standard normal distribution, with a bound of its rounding error. */
final class GaussianTail {

  /** The unit roundoff of double precision. */
  static final double UNIT_ROUNDOFF = 0x1p-53;

  private static final double SQRT_HALF = Math.sqrt(0.5);

  private GaussianTail() {}

  /** P[Z &gt; z]. */
  static double above(double z) {
    return 0.5 * Erfc.value(z * SQRT_HALF);
  }

  /**
   * How far {@link #above} can be from the truth for z ≥ 0, if z itself carries up to four
   * roundings: a relative error r of z moves the tail by at most z·φ(z)·r ≤ (1 + z²)·tail·r, and
   * erfc is good to a few units in the last place. Where the tail leaves the range of normal
   * doubles, its roundings are no longer relative.
   */
  static double errorBound(double z, double tail) {
    return tail > 0
        ? (12 + 6 * z * z) * UNIT_ROUNDOFF * tail + Double.MIN_NORMAL
        : Double.MIN_NORMAL;
  }

  /** The smallest z ≥ 0, to within 1e-3 above, with P[Z &gt; z] ≤ mass. */
  static double quantileAbove(double mass) {
    double low = 0;
    double high = 38;
    while (high - low > 1e-3) {
      double middle = 0.5 * (low + high);
      if (above(middle) <= mass) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return high;
  }
}
