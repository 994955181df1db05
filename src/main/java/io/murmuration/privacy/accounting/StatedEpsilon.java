package io.murmuration.privacy.accounting;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** An ε for people: never below the computed one, which is an upper bound and must stay one. */
public final class StatedEpsilon {

  private StatedEpsilon() {}

  /**
   * An ε with so many decimals, rounded up.
   *
   * @param epsilon at least 0; infinite where nothing can be promised
   * @param decimals at least 0
   */
  public static String text(double epsilon, int decimals) {
    return Double.isFinite(epsilon)
        ? BigDecimal.valueOf(epsilon).setScale(decimals, RoundingMode.CEILING).toPlainString()
        : String.valueOf(epsilon);
  }
}
