package io.murmuration.cli;

import java.math.BigDecimal;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads whole numbers, also as 1e6; what is none or too large names the allowed range. */
final class WholeNumber {

  private WholeNumber() {}

  /** Numbers of rounds. The accountant checks the range of what fits. */
  static final class Rounds implements ITypeConverter<Long> {
    @Override
    public Long convert(String value) {
      return read("rounds", value, "[0, 10^9]").longValueExact();
    }
  }

  /** Populations. The plan checks the range of what fits. */
  static final class Population implements ITypeConverter<Long> {
    @Override
    public Long convert(String value) {
      return read("population", value, "[1, 2^31)").longValueExact();
    }
  }

  /** Group sizes. The mechanism checks the range of what fits. */
  static final class GroupSize implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String value) {
      return read("group size", value, "[1, 4096]").intValueExact();
    }
  }

  private static BigDecimal read(String name, String value, String range) {
    try {
      BigDecimal number = new BigDecimal(value.strip());
      // Every type that is asked for holds more than these digits.
      if (number.precision() - number.scale() <= 10
          && number.abs().compareTo(BigDecimal.valueOf(Integer.MAX_VALUE)) <= 0) {
        return new BigDecimal(number.toBigIntegerExact());
      }
    } catch (ArithmeticException | NumberFormatException e) {
      throw refused(name, value, range);
    }
    throw refused(name, value, range);
  }

  private static TypeConversionException refused(String name, String value, String range) {
    return new TypeConversionException(
        name + " must be a whole number in " + range + " but is " + value);
  }
}
