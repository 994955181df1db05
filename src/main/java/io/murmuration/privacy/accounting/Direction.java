package io.murmuration.privacy.accounting;

/** Which of the two neighbours is the upper distribution of the hockey stick divergence. */
enum Direction {
  /** The upper distribution is with the user: H(P ‖ Q). */
  REMOVE,
  /** The upper distribution is without the user: H(Q ‖ P). */
  ADD
}
