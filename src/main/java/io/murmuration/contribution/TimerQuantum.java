package io.murmuration.contribution;

import java.io.Serializable;
import java.time.Duration;

/** How long timers may fire before input and barriers get their turn. */
interface TimerQuantum extends Serializable {

  /** A new quantum begins. */
  void begin();

  /** Whether the quantum is used up; asked after every timer. */
  boolean isOver();

  /** A quantum of wall time. */
  static TimerQuantum of(Duration length) {
    return new TimerQuantum() {
      private static final long serialVersionUID = 1L;

      /**
       * A look at the clock costs tens of nanoseconds, a timer microseconds: of so many it is not
       * felt.
       */
      private static final int TIMERS_PER_LOOK_AT_THE_CLOCK = 64;

      private final long lengthNanos = length.toNanos();
      private transient long startNanos;
      private transient int timers;

      @Override
      public void begin() {
        startNanos = System.nanoTime();
        timers = 0;
      }

      @Override
      public boolean isOver() {
        return ++timers % TIMERS_PER_LOOK_AT_THE_CLOCK == 0
            && System.nanoTime() - startNanos >= lengthNanos;
      }
    };
  }
}
