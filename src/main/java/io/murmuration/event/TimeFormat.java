package io.murmuration.event;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** How a time is written. Nothing in a number tells its unit, so it is never guessed. */
public enum TimeFormat {
  /** A string, ISO 8601 with an offset. */
  ISO,
  /** Seconds since 1970, as a number that may have a fraction. */
  SECONDS,
  /** Milliseconds since 1970, as a whole number. */
  MILLIS,
  /** Microseconds since 1970, as a whole number. */
  MICROS,
  /** Nanoseconds since 1970, as a whole number. */
  NANOS;

  private static final long MILLIS_PER_SECOND = 1000;
  private static final long MICROS_PER_MILLI = 1000;
  private static final long NANOS_PER_MILLI = 1_000_000;

  /** No 64 bits of milliseconds have more digits before the point, or a time more behind it. */
  private static final int MOST_DIGITS = 32;

  /**
   * Milliseconds since 1970 of a number in this unit; what is finer is rounded down.
   *
   * @throws IllegalArgumentException if this is {@link #ISO}, or 64 bits do not reach that far
   */
  long millis(long number) {
    try {
      return switch (this) {
        case ISO -> throw new IllegalArgumentException("is not an ISO 8601 instant but a number");
        case SECONDS -> Math.multiplyExact(number, MILLIS_PER_SECOND);
        case MILLIS -> number;
        case MICROS -> Math.floorDiv(number, MICROS_PER_MILLI);
        case NANOS -> Math.floorDiv(number, NANOS_PER_MILLI);
      };
    } catch (ArithmeticException e) {
      throw tooFar(e);
    }
  }

  /**
   * The same of a number with a fraction.
   *
   * @throws IllegalArgumentException also where this unit has no fractions
   */
  long millis(BigDecimal number) {
    // first, since a large exponent would be written out by what follows
    if (number.precision() > MOST_DIGITS || Math.abs((long) number.scale()) > MOST_DIGITS) {
      throw tooFar(/* cause= */ null);
    }
    try {
      if (this == SECONDS) {
        return number
            .multiply(BigDecimal.valueOf(MILLIS_PER_SECOND))
            .setScale(0, RoundingMode.FLOOR)
            .longValueExact();
      }
      if (number.stripTrailingZeros().scale() > 0) {
        throw new IllegalArgumentException(
            "must be a whole number of %s but has a fraction".formatted(unit()));
      }
      return millis(number.longValueExact());
    } catch (ArithmeticException e) {
      throw tooFar(e);
    }
  }

  /**
   * Milliseconds since 1970 of an ISO 8601 instant with an offset.
   *
   * @throws IllegalArgumentException if it is none, or 64 bits do not reach that far
   */
  static long isoMillis(String text) {
    try {
      return Instant.parse(text).toEpochMilli();
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException("is not an ISO 8601 instant", e);
    } catch (ArithmeticException e) {
      throw tooFar(e);
    }
  }

  /** What a value of this format is, in words. */
  String words() {
    return switch (this) {
      case ISO -> "a string, an ISO 8601 instant";
      case SECONDS -> "a number of seconds";
      case MILLIS, MICROS, NANOS -> "a whole number of " + unit();
    };
  }

  private String unit() {
    return switch (this) {
      case ISO -> "an ISO 8601 instant";
      case SECONDS -> "seconds";
      case MILLIS -> "milliseconds";
      case MICROS -> "microseconds";
      case NANOS -> "nanoseconds";
    };
  }

  private static IllegalArgumentException tooFar(Throwable cause) {
    return new IllegalArgumentException(
        "lies further from 1970 than 64 bits of milliseconds reach", cause);
  }
}
