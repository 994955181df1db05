package io.murmuration.contribution;

/** Arithmetic on intervals of round numbers. */
final class RoundSpan {

  private RoundSpan() {}

  /** How many rounds there are from {@code from} to {@code to}, both included; 0 if none. */
  static long count(long from, long to) {
    return count(from, to, /* bands= */ 1, /* phase= */ 0);
  }

  /**
   * How many rounds from {@code from} to {@code to}, both included, leave the remainder {@code
   * phase} when divided by {@code bands}. Where noise is correlated over so many bands, a user
   * takes part in these rounds alone, and only they count.
   *
   * @param from at least 0
   * @param bands at least 1
   * @param phase in [0, bands)
   */
  static long count(long from, long to, int bands, int phase) {
    if (to < from) {
      return 0;
    }
    return Math.floorDiv(to - phase, bands) - Math.floorDiv(from - 1 - phase, bands);
  }
}
