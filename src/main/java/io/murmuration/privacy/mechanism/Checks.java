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
}
