package io.murmuration.report;

import io.murmuration.privacy.accounting.PrivacyLoss;
import java.time.Duration;
import java.util.Locale;

/** Numbers and times as the page shows them. */
final class Words {

  private Words() {}

  /** A public parameter: whole, or four digits. */
  static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Math.abs(value) < 1e-3
            ? Double.toString(value)
            : String.format(Locale.ROOT, "%.4g", value);
  }

  /** An ε that is promised: whole, or with four decimals and rounded up. */
  static String epsilon(double epsilon) {
    return epsilon == Math.rint(epsilon) ? number(epsilon) : PrivacyLoss.text(epsilon, 4);
  }

  /** A whole number with its thousands apart. */
  static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  /** Three decimals. */
  static String loss(double natsPerToken) {
    return String.format(Locale.ROOT, "%.3f", natsPerToken);
  }

  /** Says a duration in the largest unit of which there are three. */
  static String duration(Duration duration) {
    if (duration.toDays() >= 3) {
      return count(duration.toDays()) + " days";
    }
    if (duration.toHours() >= 3) {
      return duration.toHours() + " hours";
    }
    return duration.toMinutes() >= 3
        ? duration.toMinutes() + " minutes"
        : duration.toSeconds() + " seconds";
  }

  /** Text with U+FFFD in place of characters that a page must not hold. */
  static String printable(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              boolean keeps =
                  c == '\n'
                      || (!Character.isISOControl(c)
                          && Character.getType(c) != Character.SURROGATE);
              printable.appendCodePoint(keeps ? c : '\ufffd');
            });
    return printable.toString();
  }
}
