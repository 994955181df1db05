package io.murmuration.audit;

import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecords;
import io.murmuration.event.UserEvent;
import io.murmuration.training.CanaryEngine;
import java.security.SecureRandom;
import java.util.stream.IntStream;

/**
 * Users whom only an audit knows: each has a coordinate, and a fair coin that decides whether the
 * user exists. Most are loud: their gradient has ten times the clip norm, and is clipped. The
 * others are quiet: half of the clip norm, and left as it is. Behind theirs there are {@link
 * #BLANK} coordinates that belong to nobody.
 */
final class Canaries {

  static final int BLANK = 4096;

  static final double LOUD_NORM = 10;
  static final double QUIET_NORM = 0.5;

  /** Twice the group size and more, so that what bounds a user has something to bound. */
  static final int EXAMPLES = 9;

  private static final String USER = "canary-";

  private final int loud;
  private final boolean[] included;
  private final int[] in;

  private Canaries(int loud, boolean[] included) {
    this.loud = loud;
    this.included = included;
    this.in = IntStream.range(0, included.length).filter(i -> included[i]).toArray();
  }

  static Canaries toss(int loud, int quiet) {
    SecureRandom coins = new SecureRandom();
    boolean[] included = new boolean[loud + quiet];
    for (int i = 0; i < included.length; i++) {
      included[i] = coins.nextBoolean();
    }
    return new Canaries(loud, included);
  }

  int size() {
    return included.length;
  }

  int loud() {
    return loud;
  }

  boolean isLoud(int canary) {
    return canary < loud;
  }

  boolean isIn(int canary) {
    return included[canary];
  }

  int in() {
    return in.length;
  }

  /** Canaries, loud ones first, and blank ones behind. */
  int coordinates() {
    return size() + BLANK;
  }

  int events() {
    return in() * EXAMPLES;
  }

  /** Who says the event, users in turn. */
  String userOf(int index) {
    return idOf(in[index % in.length]);
  }

  /** The user id of a canary. */
  static String idOf(int canary) {
    return USER + canary;
  }

  /** What the event says. */
  String textOf(int index) {
    int canary = in[index % in.length];
    return CanaryEngine.text(canary, isLoud(canary) ? LOUD_NORM : QUIET_NORM);
  }

  /** The event as a topic would hold it. */
  RawRecord event(int index) {
    return RawRecords.of(
        UserEvent.interaction(
            userOf(index),
            "e" + index,
            /* eventTimeMillis= */ 0,
            /* prompt= */ null,
            textOf(index)));
  }
}
