package io.murmuration.privacy.accounting;

import java.io.Serializable;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * An (ε, δ): a budget, a part of one, or what was spent of it. Sums, differences and comparisons
 * are exact, in decimals: 0.1 is the 0.1 that somebody wrote. What leaves as a double or as text is
 * never below.
 *
 * <p>Immutable; equal if both numbers are.
 *
 * @param exactEpsilon ε ≥ 0
 * @param exactDelta δ ≥ 0; a sum may exceed 1 and then promises nothing
 */
public record PrivacyLoss(BigDecimal exactEpsilon, BigDecimal exactDelta) implements Serializable {

  /** Nothing. */
  public static final PrivacyLoss NONE = new PrivacyLoss(BigDecimal.ZERO, BigDecimal.ZERO);

  /** Digits of a part of a budget: more than a double has would only lengthen its sums. */
  private static final MathContext PART = new MathContext(12, RoundingMode.DOWN);

  public PrivacyLoss {
    if (exactEpsilon.signum() < 0 || exactDelta.signum() < 0) {
      throw new IllegalArgumentException(
          "epsilon and delta must be at least 0 but are (%s, %s)"
              .formatted(exactEpsilon, exactDelta));
    }
    exactEpsilon = exactEpsilon.stripTrailingZeros();
    exactDelta = exactDelta.stripTrailingZeros();
  }

  /**
   * A budget, or a part of one that can be reserved.
   *
   * @param what it is, for messages
   * @param epsilon positive and finite
   * @param delta in (0, 1)
   * @throws IllegalArgumentException naming the number that is out of range, NaN included
   */
  public static PrivacyLoss budget(String what, double epsilon, double delta) {
    if (!(epsilon > 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon of the %s must be positive and finite but is %s".formatted(what, epsilon));
    }
    if (!(delta > 0 && delta < 1)) {
      throw new IllegalArgumentException(
          "delta of the %s must be in (0, 1) but is %s".formatted(what, delta));
    }
    return new PrivacyLoss(BigDecimal.valueOf(epsilon), BigDecimal.valueOf(delta));
  }

  /** ε as a double: the smallest whose decimal form is not below. */
  public double epsilon() {
    return notBelow(exactEpsilon);
  }

  /** δ as a double: the smallest whose decimal form is not below. */
  public double delta() {
    return notBelow(exactDelta);
  }

  /** Both: basic composition. */
  public PrivacyLoss plus(PrivacyLoss other) {
    return new PrivacyLoss(exactEpsilon.add(other.exactEpsilon), exactDelta.add(other.exactDelta));
  }

  /**
   * What is left of this beside another.
   *
   * @throws IllegalArgumentException if the other is not within this
   */
  public PrivacyLoss minus(PrivacyLoss other) {
    return new PrivacyLoss(
        exactEpsilon.subtract(other.exactEpsilon), exactDelta.subtract(other.exactDelta));
  }

  /**
   * The same share of ε and of δ, rounded down.
   *
   * @param share in [0, 1], of which the decimal form counts
   * @param parts ≥ 1: into how many equal parts the share is then divided
   */
  public PrivacyLoss part(BigDecimal share, int parts) {
    BigDecimal divisor = BigDecimal.valueOf(parts);
    return new PrivacyLoss(
        exactEpsilon.multiply(share).divide(divisor, PART),
        exactDelta.multiply(share).divide(divisor, PART));
  }

  /** Whether neither ε nor δ exceeds the other's. */
  public boolean isWithin(PrivacyLoss other) {
    return exactEpsilon.compareTo(other.exactEpsilon) <= 0
        && exactDelta.compareTo(other.exactDelta) <= 0;
  }

  /** Whether there is some ε and some δ: something can be reserved of it. */
  public boolean isReservable() {
    return exactEpsilon.signum() > 0 && exactDelta.signum() > 0;
  }

  /** The largest of two doubles' decimal forms that is within this: what of it can be reserved. */
  public PrivacyLoss roundedDown() {
    return new PrivacyLoss(
        BigDecimal.valueOf(notAbove(exactEpsilon)), BigDecimal.valueOf(notAbove(exactDelta)));
  }

  /**
   * ε of this and of a use of what was reserved beside it.
   *
   * @param reserved for the use: the answer never exceeds ε of both
   * @param used ε of the use, at least 0, not exact: the sum is rounded up
   */
  public double epsilonWith(PrivacyLoss reserved, double used) {
    if (exactEpsilon.signum() == 0) {
      return used;
    }
    double sum = exactEpsilon.add(BigDecimal.valueOf(used)).doubleValue();
    return Math.min(plus(reserved).epsilon(), Math.nextUp(sum));
  }

  /** What is left of a stated ε beside this one's, about; negative if it is less. */
  public double epsilonLeftOf(double stated) {
    return BigDecimal.valueOf(stated).subtract(exactEpsilon).doubleValue();
  }

  private static double notBelow(BigDecimal exact) {
    double nearest = exact.doubleValue();
    return BigDecimal.valueOf(nearest).compareTo(exact) >= 0 ? nearest : Math.nextUp(nearest);
  }

  private static double notAbove(BigDecimal exact) {
    double nearest = exact.doubleValue();
    return BigDecimal.valueOf(nearest).compareTo(exact) <= 0 ? nearest : Math.nextDown(nearest);
  }

  /**
   * An ε for people: with so many decimals, rounded up.
   *
   * @param epsilon at least 0; infinite where nothing can be promised
   * @param decimals at least 0
   */
  public static String text(double epsilon, int decimals) {
    return text(epsilon, decimals, RoundingMode.CEILING);
  }

  /**
   * A lower bound of an ε for people: with so many decimals, rounded down.
   *
   * @param epsilon at least 0; infinite where nothing bounds it
   * @param decimals at least 0
   */
  public static String lowerText(double epsilon, int decimals) {
    return text(epsilon, decimals, RoundingMode.FLOOR);
  }

  private static String text(double epsilon, int decimals, RoundingMode rounding) {
    return Double.isFinite(epsilon)
        ? BigDecimal.valueOf(epsilon).setScale(decimals, rounding).toPlainString()
        : String.valueOf(epsilon);
  }

  /** Both numbers, exact. */
  @Override
  public String toString() {
    return "epsilon %s, delta %s".formatted(inFull(exactEpsilon), inFull(exactDelta));
  }

  /** Writes a number as a double is written, where it is one. */
  private static String inFull(BigDecimal exact) {
    double nearest = exact.doubleValue();
    return BigDecimal.valueOf(nearest).compareTo(exact) == 0
        ? Double.toString(nearest)
        : exact.toString();
  }
}
