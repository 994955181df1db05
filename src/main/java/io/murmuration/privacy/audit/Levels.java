package io.murmuration.privacy.audit;

/** Checks of arguments that many functions share. */
final class Levels {

  private Levels() {}

  static double significance(double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException("significance must be in (0, 1) but is " + value);
    }
    return value;
  }

  static double delta(double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException("delta must be in [0, 1) but is " + value);
    }
    return value;
  }

  static double positiveDelta(double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException("delta must be in (0, 1) but is " + value);
    }
    return value;
  }

  static double epsilon(double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("epsilon must be at least 0 and finite but is " + value);
    }
    return value;
  }
}
