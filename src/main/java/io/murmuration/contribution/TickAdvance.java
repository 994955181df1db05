package io.murmuration.contribution;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BooleanSupplier;

/**
 * Brings the users of a subtask to a tick in quanta of time, between which input and barriers pass:
 * first the walks that are under way, then the timers up to the tick, then the walks that the
 * timers' end began; and only then is the tick complete.
 *
 * <p>What arrives between two quanta belongs to the next tick. A tick that is due meanwhile takes
 * the place of the one that is under way.
 *
 * <p>Not thread-safe: everything happens in the task's mailbox.
 */
final class TickAdvance implements AutoCloseable {

  private final TimerQuantum quantum;
  private final Subtask subtask;
  private final Deque<UserWalk> walks = new ArrayDeque<>();

  private boolean underWay;
  private long tick;
  private boolean fired;
  private boolean paused;

  /** What is brought to a tick. */
  interface Subtask {

    /**
     * Fires the timers up to a tick in order, until {@code stop} answers that the quantum is over.
     *
     * @return whether all have fired
     */
    boolean fireTimers(long tick, BooleanSupplier stop) throws Exception;

    /** All timers up to the tick have fired; may begin walks. */
    void fired(long tick) throws Exception;

    /** The walks are at their end too. */
    void completed(long tick) throws Exception;

    /** Calls {@link TickAdvance#resume} once input and barriers had their turn. */
    void resumeLater();
  }

  TickAdvance(TimerQuantum quantum, Subtask subtask) {
    this.quantum = quantum;
    this.subtask = subtask;
  }

  /** Advances to a tick, at once as far as one quantum goes. */
  void to(long dueTick) throws Exception {
    underWay = true;
    tick = dueTick;
    fired = false;
    goOn();
  }

  /**
   * Begins a walk, at the next quantum or after the timers that are firing; no timer fires before
   * it is at its end.
   */
  void add(UserWalk walk) {
    walks.add(walk);
  }

  /** Does what is under way, as far as one quantum goes, unless that is for a later quantum. */
  void goOn() throws Exception {
    if (!paused) {
      quantum.begin();
      paused = !run(quantum::isOver);
      if (paused) {
        subtask.resumeLater();
      }
    }
  }

  /** The pause is over. */
  void resume() throws Exception {
    paused = false;
    goOn();
  }

  /** Whether a tick is under way. */
  boolean isUnderWay() {
    return underWay;
  }

  /** Does at once whatever is under way. */
  void drain() throws Exception {
    run(() -> false);
  }

  private boolean run(BooleanSupplier quantumIsOver) throws Exception {
    while (true) {
      if (!walks.isEmpty()) {
        if (!walks.peek().goOn(quantumIsOver)) {
          return false;
        }
        walks.remove();
      } else if (!underWay) {
        return true;
      } else if (!fired) {
        if (!subtask.fireTimers(tick, quantumIsOver)) {
          return false;
        }
        fired = true;
        subtask.fired(tick);
      } else {
        underWay = false;
        subtask.completed(tick);
      }
    }
  }

  /** Gives up the walks that are under way. */
  @Override
  public void close() {
    walks.forEach(UserWalk::close);
    walks.clear();
  }
}
