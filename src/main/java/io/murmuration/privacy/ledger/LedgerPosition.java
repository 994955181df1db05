package io.murmuration.privacy.ledger;

import io.murmuration.privacy.mechanism.Checks;

/**
 * How far a job had come when it was snapshot: what its next start holds the ledger against.
 *
 * @param sequence sequence number of the last ledger entry it had seen, from 0
 * @param hash hash of that entry
 * @param tick the last tick whose watermark it had sent; 0 while there is none
 * @param executedRound the last round whose outcome the same snapshot holds; 0 while there is none,
 *     {@link #UNKNOWN_ROUND} in snapshots of releases that did not write it
 */
public record LedgerPosition(long sequence, String hash, long tick, long executedRound) {

  /** The snapshot does not say which rounds it holds. */
  public static final long UNKNOWN_ROUND = -1;

  public LedgerPosition {
    Checks.atLeast("sequence", sequence, 0);
    Checks.text("hash", hash);
    Checks.atLeast("tick", tick, 0);
    Checks.atLeast("executed round", executedRound, UNKNOWN_ROUND);
  }
}
