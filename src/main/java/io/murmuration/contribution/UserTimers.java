package io.murmuration.contribution;

import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * At which ticks a user has a timer: a function of the user's pool, so that nothing need be stored
 * of it.
 *
 * <p><b>The rule.</b> Take the user's due ticks before the clean-up of the oldest window, the
 * user's own first and then the examples' in the order of their places. Those earlier than all
 * before them have a timer; where there is none, the clean-up has one. So the earliest of all
 * always has one, which is all that sampling asks for: at every tick at which something is due the
 * user is visited, and after that the pool alone says what is drawn.
 *
 * <p><b>Why not the earliest alone.</b> A newcomer that is due earlier than all others is what
 * moves the earliest tick while events arrive. It comes last, and so has its timer without any
 * other being deleted; and once it was sampled, the next of the others has one already. Of n
 * examples 1 + 1/2 + … + 1/n have a timer on average. None is without a present example or window
 * that asks for it, so that whoever is erased leaves none behind.
 *
 * <p><b>What is drawn does not depend on it.</b> Due ticks are drawn and thrown without a look at
 * timers, and a visit at which nothing is due draws nothing. So any set of timers that holds the
 * earliest due tick gives the same samples from the same random bits; more of them are a matter of
 * cost alone.
 *
 * <p>Immutable.
 */
final class UserTimers {

  /** Of whom nothing is kept. */
  static final UserTimers NONE = new UserTimers(new long[0], /* certain= */ true);

  /** Each earlier than the one before it. */
  private final long[] ticks;

  /** Whether all of them are sure to be there. */
  private final boolean certain;

  private UserTimers(long[] ticks, boolean certain) {
    this.ticks = ticks;
    this.certain = certain;
  }

  /** Timers at the ticks that {@link Builder} was told of. */
  static final class Builder implements LongConsumer {
    private static final int USUAL = 4;

    private final long cleanUp;
    private long earliest;
    private long[] ticks = new long[USUAL];
    private int size;

    /**
     * @param cleanUp {@link UserPool#NOT_DUE} for none
     */
    Builder(long cleanUp) {
      this.cleanUp = cleanUp;
      this.earliest = cleanUp;
    }

    /** The next due tick, in the order of the rule; {@link UserPool#NOT_DUE} for none. */
    @Override
    public void accept(long dueTick) {
      if (dueTick < earliest) {
        earliest = dueTick;
        ticks = size == ticks.length ? Arrays.copyOf(ticks, 2 * size) : ticks;
        ticks[size++] = dueTick;
      }
    }

    UserTimers build() {
      if (size == 0 && cleanUp != UserPool.NOT_DUE) {
        ticks[size++] = cleanUp;
      }
      return size == 0 ? NONE : new UserTimers(Arrays.copyOf(ticks, size), /* certain= */ true);
    }
  }

  /** The same, but some may be missing. */
  UserTimers uncertain() {
    return new UserTimers(ticks, /* certain= */ false);
  }

  /** What is left when the timer at a tick has fired; nothing is certain if it was a leftover. */
  UserTimers fired(long tick) {
    for (int i = 0; i < ticks.length; i++) {
      if (ticks[i] == tick) {
        long[] left = Arrays.copyOf(ticks, ticks.length - 1);
        System.arraycopy(ticks, i + 1, left, i, left.length - i);
        return new UserTimers(left, certain);
      }
    }
    return uncertain();
  }

  /** Says what has to change so that these become others, whichever of these are there. */
  void moveTo(UserTimers others, LongConsumer deleted, LongConsumer registered) {
    int mine = 0;
    int theirs = 0;
    while (mine < ticks.length || theirs < others.ticks.length) {
      long before = mine < ticks.length ? ticks[mine] : Long.MIN_VALUE;
      long after = theirs < others.ticks.length ? others.ticks[theirs] : Long.MIN_VALUE;
      if (before > after) {
        deleted.accept(before);
        mine++;
      } else if (before < after) {
        registered.accept(after);
        theirs++;
      } else {
        if (!certain) {
          registered.accept(after);
        }
        mine++;
        theirs++;
      }
    }
  }

  @Override
  public String toString() {
    return Arrays.toString(ticks);
  }
}
