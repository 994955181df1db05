package io.murmuration.privacy.mechanism;

/**
 * The first output of every epoch: from here on ticks are known.
 *
 * @param epoch the epoch that begins
 * @param firstTick the first tick of this epoch that may be granted; no watermark below it follows
 * @param lastRound the last round that the ledger had charged when the epoch began; 0 for none
 * @param lastChargingEpoch the epoch that charged it; 0 for none
 * @param horizon the lifetime of users in the phase that is open; null where they have none
 * @param input the topic of events after every earlier attempt was fenced off; null where users
 *     have no lifetime, and in an attempt that was fenced off itself
 */
public record EpochStart(
    long epoch,
    long firstTick,
    long lastRound,
    long lastChargingEpoch,
    Horizon horizon,
    InputOffsets input)
    implements BudgetSignal {

  /** The start of an epoch where users have no lifetime. */
  public EpochStart(long epoch, long firstTick) {
    this(
        epoch,
        firstTick,
        /* lastRound= */ 0,
        /* lastChargingEpoch= */ 0,
        /* horizon= */ null,
        /* input= */ null);
  }
}
