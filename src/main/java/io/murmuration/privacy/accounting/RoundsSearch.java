package io.murmuration.privacy.accounting;

import java.util.function.LongToDoubleFunction;

/** Finds how many rounds a budget affords when ε does not decrease with rounds. */
final class RoundsSearch {

  private RoundsSearch() {}

  /**
   * The largest number of rounds in [0, most] whose ε is at most the budget.
   *
   * <p>ε grows like a power of the number of rounds between √ and linear, so interpolating both on
   * a logarithmic scale converges in a few steps; each step also halves the bracket if the one
   * before did not.
   */
  static long largest(LongToDoubleFunction epsilonAfter, double budget, long most) {
    double most0 = epsilonAfter.applyAsDouble(most);
    if (most0 <= budget) {
      return most;
    }
    long low = 0;
    double lowEpsilon = 0;
    long high = most;
    double highEpsilon = most0;
    boolean halve = false;
    while (high - low > 1) {
      long width = high - low;
      long next = halve ? low + width / 2 : interpolate(low, lowEpsilon, high, highEpsilon, budget);
      double epsilon = epsilonAfter.applyAsDouble(next);
      if (epsilon <= budget) {
        low = next;
        lowEpsilon = epsilon;
        // The answer is usually very close: look just above before closing in from far away.
        long above = Math.min(high - 1, low + Math.max(1, low / 1_000_000));
        if (!halve && above > low) {
          double aboveEpsilon = epsilonAfter.applyAsDouble(above);
          if (aboveEpsilon <= budget) {
            low = above;
            lowEpsilon = aboveEpsilon;
          } else {
            high = above;
            highEpsilon = aboveEpsilon;
          }
        }
      } else {
        high = next;
        highEpsilon = epsilon;
      }
      halve = high - low > width / 2;
    }
    return low;
  }

  private static long interpolate(
      long low, double lowEpsilon, long high, double highEpsilon, double budget) {
    double guess;
    if (low > 0 && lowEpsilon > 0) {
      double slope = Math.log(highEpsilon / lowEpsilon) / Math.log((double) high / low);
      guess = slope > 0 ? low * Math.pow(budget / lowEpsilon, 1 / slope) : 0.5 * (low + high);
    } else {
      guess = high * Math.pow(budget / highEpsilon, 1.5);
    }
    return Math.max(low + 1, Math.min(high - 1, (long) guess));
  }
}
