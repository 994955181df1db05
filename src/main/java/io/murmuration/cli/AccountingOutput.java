package io.murmuration.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What the accounting commands print: a JSON object for programs or aligned lines for people. */
final class AccountingOutput {

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  @Option(names = "--json", description = "Print a JSON object.")
  private boolean json;

  boolean json() {
    return json;
  }

  /** Turns what the accountant refuses into a usage error. */
  static <T> T checked(CommandSpec spec, Supplier<T> question) {
    try {
      return question.get();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  void print(CommandSpec spec, Map<String, ?> answer) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      printJson(out, answer);
      return;
    }
    int width = answer.keySet().stream().mapToInt(String::length).max().orElse(0);
    answer.forEach(
        (key, value) ->
            out.printf(
                "%-" + width + "s  %s%n", key.replace('_', ' '), AccountingOutput.text(value)));
    out.flush();
  }

  static void printJson(PrintWriter out, Object value) {
    try {
      out.println(JSON.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    out.flush();
  }

  /**
   * A value for people: numbers with six significant digits, rounded up so that no cost shrinks.
   */
  static String text(Object value) {
    if (value instanceof Double number && Double.isFinite(number)) {
      BigDecimal rounded =
          BigDecimal.valueOf(number)
              .round(new MathContext(6, RoundingMode.CEILING))
              .stripTrailingZeros();
      boolean plain = number == 0 || (Math.abs(number) >= 1e-4 && Math.abs(number) < 1e7);
      if (plain) {
        return rounded.toPlainString();
      }
      BigDecimal digits = rounded.movePointLeft(rounded.precision() - rounded.scale() - 1);
      return digits.toPlainString() + "e" + (rounded.precision() - rounded.scale() - 1);
    }
    return String.valueOf(value);
  }
}
