package io.murmuration.privacy.mechanism;

/**
 * When ticks are: what every published time is computed from, so that none tells when something
 * happened.
 *
 * @param genesisMillis wall time of tick 0, in milliseconds since 1970
 * @param intervalMillis length of a tick in milliseconds, positive; 0 where the clock is not known,
 *     as in what earlier versions wrote
 */
public record PublicClock(long genesisMillis, long intervalMillis) {

  /** The clock of what does not say it. */
  public static final PublicClock UNKNOWN = new PublicClock(0, 0);

  public PublicClock {
    if (intervalMillis < 0) {
      throw new IllegalArgumentException(
          "a round interval must not be negative but is " + intervalMillis);
    }
  }

  /** Whether it says when a tick is. */
  public boolean isKnown() {
    return intervalMillis > 0;
  }

  /** The moment at which a tick begins, in milliseconds since 1970. */
  public long millisOf(long tick) {
    return genesisMillis + tick * intervalMillis;
  }

  /** The first moment not before this one at which a tick begins. */
  public long beginningFrom(long millis) {
    return millisOf(-Math.floorDiv(genesisMillis - millis, intervalMillis));
  }
}
