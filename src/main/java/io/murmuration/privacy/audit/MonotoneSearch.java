package io.murmuration.privacy.audit;

import java.util.function.DoublePredicate;

/** Bisection for where a statement about an increasing quantity stops being true. */
final class MonotoneSearch {

  /** Relative and absolute precision of what is found, always on the side where it still holds. */
  private static final double PRECISION = 1e-9;

  private MonotoneSearch() {}

  /**
   * The largest x ≥ 0, to within 1e-9 below, at which the statement holds; 0 if it holds nowhere,
   * {@code limit} if it holds up to there.
   *
   * @param holds true up to some x and false from there on
   * @param limit how far to look
   */
  static double largest(DoublePredicate holds, double limit) {
    if (!holds.test(0)) {
      return 0;
    }
    double low = 0;
    double high = 1;
    while (high < limit && holds.test(high)) {
      low = high;
      high = 2 * high;
    }
    if (high >= limit) {
      if (holds.test(limit)) {
        return limit;
      }
      high = limit;
    }
    while (high - low > PRECISION * Math.max(1, low)) {
      double middle = 0.5 * (low + high);
      if (holds.test(middle)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
