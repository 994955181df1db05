package io.murmuration.contribution;

import java.util.ArrayDeque;
import java.util.Iterator;

/**
 * Which round was charged at which of the last ticks, so that a stretch whose end is noticed late
 * still ends where it ended. Where it does not know, its answer is too large, never too small.
 * Mutable.
 */
final class RecentRounds {

  /** Clean-ups come at most 32 ticks late, and slices pass within a few. */
  private static final int KEPT = 128;

  private final ArrayDeque<Charged> charges = new ArrayDeque<>();

  /** The last round before those that are kept. */
  private long base;

  /** Rounds after {@code base} are at this tick or later. */
  private long knownFrom;

  private record Charged(long tick, long round) {}

  /**
   * @param base the last round that was charged before
   * @param knownFrom every further round is charged at this tick or later
   */
  RecentRounds(long base, long knownFrom) {
    this.base = base;
    this.knownFrom = knownFrom;
  }

  /** A round was charged, at a later tick than every one before. */
  void charged(long tick, long round) {
    charges.addLast(new Charged(tick, round));
    if (charges.size() > KEPT) {
      Charged forgotten = charges.removeFirst();
      base = forgotten.round();
      knownFrom = forgotten.tick() + 1;
    }
  }

  /** The last round before {@code tick}, or a later one that may have been. */
  long lastBefore(long tick) {
    if (tick <= knownFrom) {
      return base;
    }
    for (Iterator<Charged> latest = charges.descendingIterator(); latest.hasNext(); ) {
      Charged charge = latest.next();
      if (charge.tick() < tick) {
        return charge.round();
      }
    }
    return base;
  }
}
