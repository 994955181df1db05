package io.murmuration.privacy.accounting;

/**
 * What one phase of training may spend: a fixed mechanism repeated round after round, under the (ε,
 * δ) that the phase reserved. Every ε it reports is an upper bound of the true one.
 *
 * <p>Thread-safe.
 */
public interface PhaseAccountant {

  /** The δ at which ε is stated, in (0, 1). */
  double delta();

  /** The ε that the phase reserved, positive and finite. */
  double reservedEpsilon();

  /**
   * The ε at {@link #delta()} after so many rounds, never below the true value and never decreasing
   * in {@code rounds}.
   *
   * @param rounds at least 0 and at most {@link #affordableRounds()}
   */
  double epsilonAfter(long rounds);

  /** The largest number of rounds whose ε does not exceed {@link #reservedEpsilon()}; may be 0. */
  long affordableRounds();

  /**
   * Whether so many rounds stay within what is reserved, proven with all the precision there is. At
   * least as many as are afforded do; one more may, and is not admitted all the same. For ledgers
   * that another version's accountant admitted rounds to, whose bounds were a grid's precision
   * apart. May take seconds.
   *
   * @param rounds at least 0
   */
  default boolean covers(long rounds) {
    return rounds <= affordableRounds();
  }

  /**
   * Whether ε after so many rounds is at most this, proven with all the precision there is. For
   * what another version's accountant stated, whose bounds were a grid's precision apart. May take
   * seconds.
   *
   * @param rounds at least 0
   */
  default boolean proves(long rounds, double epsilon) {
    return rounds <= affordableRounds() && epsilonAfter(rounds) <= epsilon;
  }

  /**
   * Whether one more round stays within what is reserved. O(1).
   *
   * @param roundsCharged rounds of this phase that the ledger holds, at least 0
   */
  default boolean admits(long roundsCharged) {
    return roundsCharged < affordableRounds();
  }
}
