package io.murmuration.event;

/**
 * Whether text can be written as UTF-8. Half of a surrogate pair cannot: encoders write a question
 * mark in its place, so that two different user ids could become one.
 */
final class WellFormed {

  private WellFormed() {}

  /** Whether every surrogate stands in a pair. */
  static boolean isWellFormed(CharSequence text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (Character.isHighSurrogate(unit)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(unit)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The text as it was given.
   *
   * @param what it is, for the message
   * @throws IllegalArgumentException if it is not well-formed
   */
  static String require(String text, String what) {
    if (!isWellFormed(text)) {
      throw new IllegalArgumentException(what + " holds half of a surrogate pair");
    }
    return text;
  }
}
