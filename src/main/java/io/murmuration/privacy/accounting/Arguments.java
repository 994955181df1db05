package io.murmuration.privacy.accounting;

/** Checks of what callers hand in. The message names the parameter, its value and its range. */
final class Arguments {

  /** Beyond this many rounds the composition is refused. */
  static final long MAX_ROUNDS = 1_000_000_000L;

  /** The smallest δ: below it the tails leave the range of double precision. */
  static final double MIN_DELTA = 1e-100;

  private Arguments() {}

  static double probability(String name, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new IllegalArgumentException(name + " must be in (0, 1] but is " + value);
    }
    return value;
  }

  static double delta(double value) {
    if (!(value >= MIN_DELTA && value < 1)) {
      throw new IllegalArgumentException("delta must be in [" + MIN_DELTA + ", 1) but is " + value);
    }
    return value;
  }

  static double nonNegativeEpsilon(double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("epsilon must be in [0, ∞) and finite but is " + value);
    }
    return value;
  }

  static double positiveEpsilon(double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("epsilon must be in (0, ∞) and finite but is " + value);
    }
    return value;
  }

  static double inRange(String name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw new IllegalArgumentException(
          name + " must be in [" + low + ", " + high + "] but is " + value);
    }
    return value;
  }

  static int inRange(String name, int value, int low, int high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          name + " must be in [" + low + ", " + high + "] but is " + value);
    }
    return value;
  }

  static long rounds(long value) {
    return rounds(value, 0);
  }

  static long rounds(long value, long low) {
    if (value < low || value > MAX_ROUNDS) {
      throw new IllegalArgumentException(
          "rounds must be in [" + low + ", " + MAX_ROUNDS + "] but is " + value);
    }
    return value;
  }
}
