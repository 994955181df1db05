package io.murmuration.contribution;

/**
 * What is remembered of a user of whom nothing is kept: how many rounds have counted. Never
 * expires, and outlives an erasure, or forgetting would buy a fresh lifetime.
 *
 * @param generation whose rounds are counted; 0 if none had begun
 * @param used rounds that have counted
 * @param end the last round that was known when the user's last stretch ended, as far as it can
 *     have counted: rounds that others charged after it may count too. −1 for a user who never had
 *     one
 * @param retired whether the user may take part no more in this generation
 */
record Lifetime(int generation, long used, long end, boolean retired) {

  /** Of a user who was never seen. */
  static final Lifetime NONE = new Lifetime(0, 0, -1, false);
}
