package io.murmuration.privacy.ledger;

import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.mechanism.PublicClock;

/**
 * What a ledger's records are dated, wherever a place dates them: when the tick of the last charge
 * up to them began, and the genesis before the first. A function of the records themselves, so that
 * no date tells anything that they do not.
 */
final class RecordTimes {

  private PublicClock clock = PublicClock.UNKNOWN;
  private long tick;

  /**
   * The next record's date, in milliseconds since 1970.
   *
   * @param record the one after all that were asked for before
   */
  long millisOf(LedgerRecord record) {
    if (record instanceof Genesis genesis) {
      clock = new PublicClock(genesis.genesisMillis(), genesis.roundIntervalMillis());
    } else if (record instanceof Charge charge) {
      tick = charge.tick();
    }
    return clock.millisOf(tick);
  }
}
