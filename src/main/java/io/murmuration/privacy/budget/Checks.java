package io.murmuration.privacy.budget;

/** NaN-safe range checks of this package's values. */
final class Checks {

  private Checks() {}

  static void text(String name, String value) {
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(name + " is required");
    }
  }

  static void atLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s must be at least %d but is %d".formatted(name, least, value));
    }
  }

  static void epsilon(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "%s must be positive and finite but is %s".formatted(name, value));
    }
  }

  static void delta(String name, double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException("%s must be in (0, 1) but is %s".formatted(name, value));
    }
  }
}
