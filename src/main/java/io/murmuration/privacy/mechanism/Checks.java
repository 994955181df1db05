package io.murmuration.privacy.mechanism;

/** NaN-safe range checks of the values of mechanism, ledger and budget. */
public final class Checks {

  private Checks() {}

  /** Requires a text that is not blank. */
  public static void text(String name, String value) {
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(name + " is required");
    }
  }

  /** Requires an integer of at least {@code least}. */
  public static void atLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s must be at least %d but is %d".formatted(name, least, value));
    }
  }

  /** Requires a positive and finite ε. */
  public static void epsilon(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "%s must be positive and finite but is %s".formatted(name, value));
    }
  }

  /** Requires a δ in (0, 1). */
  public static void delta(String name, double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException("%s must be in (0, 1) but is %s".formatted(name, value));
    }
  }
}
