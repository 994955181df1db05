package io.murmuration.contribution;

/**
 * A time during which something is kept of a user without a break: every round of it counts. It is
 * part of the user's pool, so that an event that is one of many costs no second look at the state.
 *
 * @param generation whose rounds {@code used} counts; 0 if none had begun
 * @param used rounds that counted in earlier stretches
 * @param start the first round that counts
 * @param partition of the record that began it
 * @param offset of the record that began it, or {@link #CONFIRMED} once a round was charged after
 *     the record was written
 */
record Stretch(int generation, long used, long start, int partition, long offset) {

  /** The offset of a record that was written before a round that was already charged. */
  static final long CONFIRMED = -1;

  /** The same, but counting from an earlier round if that is one. */
  Stretch from(long round) {
    return round >= start ? this : new Stretch(generation, used, round, partition, offset);
  }

  Stretch confirmed() {
    return offset == CONFIRMED ? this : new Stretch(generation, used, start, 0, CONFIRMED);
  }
}
