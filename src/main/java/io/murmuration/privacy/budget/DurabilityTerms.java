package io.murmuration.privacy.budget;

import java.io.Serializable;
import java.time.Duration;

/**
 * How much of the budget failures may cost. All of it is public and fixed in advance.
 *
 * @param maxUndurableRounds the most rounds granted in an epoch that no completed checkpoint holds,
 *     the one in flight included: what one failure can lose. At least 1
 * @param firstPause before the first charge of an epoch after one that charged and made nothing
 *     durable; it doubles with each such epoch in a row
 * @param mostWastedEpochs after so many such epochs in a row a person must look before anything
 *     more is charged. At least 1
 * @param startTicks ticks that an epoch has for its first checkpoint before its first charge is
 *     due: whatever that takes within them, it is charged at the same tick
 */
public record DurabilityTerms(
    int maxUndurableRounds, Duration firstPause, int mostWastedEpochs, int startTicks)
    implements Serializable {

  /** Two rounds overlap with the checkpoint that makes the first of them durable. */
  public static final int DEFAULT_MAX_UNDURABLE_ROUNDS = 2;

  /**
   * Ticks from the last charge to the tick at whose beginning the next attempt after a failure
   * opens its epoch, however much sooner it could: one for the round, whose failure it may be, and
   * one to recover. Its first charge is {@link #startTicks} later.
   */
  static final int RECOVERY_TICKS = 2;

  /** Longer than a restart takes, so that pauses decide how often failures can cost a charge. */
  private static final Duration FIRST_PAUSE = Duration.ofMinutes(1);

  /**
   * Pauses of 1, 2, 4 and 8 minutes come between: a quarter of an hour in which nothing became
   * durable.
   */
  private static final int MOST_WASTED_EPOCHS = 5;

  /** A recovery and a checkpoint usually take less than a tick. */
  private static final int START_TICKS = 1;

  public DurabilityTerms {
    if (maxUndurableRounds < 1) {
      throw new IllegalArgumentException(
          "the most undurable rounds must be at least 1, or no round could ever be granted, but is "
              + maxUndurableRounds);
    }
    if (firstPause.isNegative()) {
      throw new IllegalArgumentException("the first pause must not be negative, is " + firstPause);
    }
    if (mostWastedEpochs < 1) {
      throw new IllegalArgumentException(
          "the most wasted epochs must be at least 1 but is " + mostWastedEpochs);
    }
    if (startTicks < 0) {
      throw new IllegalArgumentException("start ticks must not be negative but is " + startTicks);
    }
  }

  /** The first charge of an epoch is due at its first tick. */
  public DurabilityTerms(int maxUndurableRounds, Duration firstPause, int mostWastedEpochs) {
    this(maxUndurableRounds, firstPause, mostWastedEpochs, /* startTicks= */ 0);
  }

  /** The terms with the pauses that jobs have: 1, 2, 4 and 8 minutes, then a person. */
  public static DurabilityTerms of(int maxUndurableRounds) {
    return new DurabilityTerms(maxUndurableRounds, FIRST_PAUSE, MOST_WASTED_EPOCHS, START_TICKS);
  }

  /**
   * The pause before the first charge of an epoch.
   *
   * @param wastedEpochs how many epochs before it charged and made nothing durable, below {@link
   *     #mostWastedEpochs}
   */
  Duration pauseAfter(int wastedEpochs) {
    return wastedEpochs == 0 ? Duration.ZERO : firstPause.multipliedBy(1L << (wastedEpochs - 1));
  }
}
