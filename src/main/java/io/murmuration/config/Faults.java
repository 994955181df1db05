package io.murmuration.config;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;

/** Collects what is wrong with a configuration, so that one error reports all of it. */
final class Faults {

  private final Configuration configuration;
  private final List<String> faults = new ArrayList<>();
  private int partStart;

  Faults(Configuration configuration) {
    this.configuration = configuration;
  }

  /**
   * The option's value; a fault, and null, where it has neither value nor default or does not
   * parse.
   */
  <T> T required(ConfigOption<T> option) {
    T value = optional(option);
    if (value == null && faults.stream().noneMatch(fault -> fault.startsWith(option.key() + " "))) {
      add(option, "is required: " + OptionDocs.plainDescription(option));
    }
    return value;
  }

  /**
   * The option's value or default; null where there is none; a fault, and null, where it does not
   * parse.
   */
  <T> T optional(ConfigOption<T> option) {
    try {
      return configuration.getOptional(option).orElse(option.defaultValue());
    } catch (IllegalArgumentException e) {
      add(option, "cannot be read: " + rootMessage(e));
      return null;
    }
  }

  /** Whether a value is given, other than a default. */
  boolean isGiven(ConfigOption<?> option) {
    return configuration.contains(option);
  }

  /**
   * A required number in an interval; NaN is always a fault.
   *
   * @param above not in the interval
   * @param atMost in the interval
   * @param range the interval, for people
   * @return NaN where there is none, which was reported
   */
  double inRange(ConfigOption<Double> option, double above, double atMost, String range) {
    return inRange(option, required(option), above, atMost, range);
  }

  private double inRange(
      ConfigOption<Double> option, Double value, double above, double atMost, String range) {
    if (value == null) {
      return Double.NaN;
    }
    if (!(value > above && value <= atMost)) {
      add(option, "must be in " + range + " but is " + value);
    }
    return value;
  }

  /** A required number in [0, 1]. */
  double fraction(ConfigOption<Double> option) {
    Double value = required(option);
    if (value != null && !(value >= 0 && value <= 1)) {
      add(option, "must be in [0, 1] but is " + value);
    }
    return value == null ? Double.NaN : value;
  }

  /** A required number in (0, 1). */
  double strictFraction(ConfigOption<Double> option) {
    return strictFraction(option, required(option));
  }

  /** A number in (0, 1), or null where none is given. */
  Double optionalStrictFraction(ConfigOption<Double> option) {
    Double value = optional(option);
    strictFraction(option, value);
    return value;
  }

  private double strictFraction(ConfigOption<Double> option, Double value) {
    return inRange(option, value, 0, Math.nextDown(1.0), "(0, 1)");
  }

  /** A required number in (0, 1]. */
  double probability(ConfigOption<Double> option) {
    return inRange(option, 0, 1, "(0, 1]");
  }

  /** A required positive finite number. */
  double positive(ConfigOption<Double> option) {
    return positive(option, required(option));
  }

  /** A positive finite number, or null where none is given. */
  Double optionalPositive(ConfigOption<Double> option) {
    Double value = optional(option);
    positive(option, value);
    return value;
  }

  private double positive(ConfigOption<Double> option, Double value) {
    return inRange(option, value, 0, Double.MAX_VALUE, "(0, ∞)");
  }

  /** A required whole number of at least {@code minimum}. */
  <N extends Number> N atLeast(ConfigOption<N> option, long minimum) {
    return atLeast(option, required(option), minimum);
  }

  /** A whole number of at least {@code minimum}, or null where none is given. */
  <N extends Number> N optionalAtLeast(ConfigOption<N> option, long minimum) {
    return atLeast(option, optional(option), minimum);
  }

  private <N extends Number> N atLeast(ConfigOption<N> option, N value, long minimum) {
    if (value != null && value.longValue() < minimum) {
      add(option, "must be at least " + minimum + " but is " + value);
    }
    return value;
  }

  void add(ConfigOption<?> option, String fault) {
    faults.add(option.key() + " " + fault);
  }

  void add(String fault) {
    faults.add(fault);
  }

  /** Starts a part: {@link #build} looks only at faults since the last call. */
  void startPart() {
    partStart = faults.size();
  }

  /** Builds a part; a rule that the part's own constructor checks becomes one more fault. */
  <T> T build(Supplier<T> part) {
    if (faults.size() > partStart) {
      return null;
    }
    try {
      return part.get();
    } catch (IllegalArgumentException e) {
      add(rootMessage(e));
      return null;
    }
  }

  void throwIfAny() {
    if (!faults.isEmpty()) {
      throw new InvalidConfigurationException(faults);
    }
  }

  private static String rootMessage(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage();
  }
}
