package io.murmuration.contribution;

import io.murmuration.event.Example;
import io.murmuration.event.UserEvent;
import java.util.List;
import java.util.Optional;

/**
 * What is kept of each user, and the timers that each carries. There is one current user, to whom
 * methods apply: whose event or timer it is, or who is visited. An id that is given is the current
 * user's.
 */
interface UserStore {

  /**
   * A user's pool, taken out to be worked on and stored again.
   *
   * @param pool a copy, which nobody else sees
   * @param timers where the user's timers were when it was taken out
   * @param stored whether anything was kept of the user
   */
  record Taken(String userId, UserPool pool, UserTimers timers, boolean stored) {

    /** Of whom only a stretch is left, which ends when ticks are known. */
    Taken emptied() {
      return new Taken(userId, pool.emptied(), UserTimers.NONE, /* stored= */ false);
    }

    /** The same, but it is not certain that every timer is armed. */
    Taken uncertain() {
      return new Taken(userId, pool, timers.uncertain(), stored);
    }

    /** The same after the timer at a tick has fired. */
    Taken fired(long tick) {
      return new Taken(userId, pool, timers.fired(tick), stored);
    }
  }

  /** No timer is armed any more. */
  void endTime();

  /** The user's pool; empty if nothing is kept of the user. */
  Optional<Taken> find(String userId) throws Exception;

  /** The user's pool, a new one if nothing is kept of the user. */
  Taken findOrCreate(String userId) throws Exception;

  /**
   * Stores the pool, or clears the user if nothing is left, and moves the timers.
   *
   * @param nextTick the first tick whose timers have not all fired
   */
  void store(Taken user, long nextTick) throws Exception;

  /** Sees to it that the timers are where they belong, whatever state this attempt started from. */
  void rearm(Taken user);

  /** Wakes the user at the first tick: examples wait for it to be known. */
  void awaitFirstTick();

  /** Forgets at once all that is kept of the user, except what has counted. */
  void erase(Taken user) throws Exception;

  /** What counted of the user's lifetime in earlier stretches; empty if there was none. */
  Optional<Lifetime> lifetime() throws Exception;

  /** Remembers for ever what has counted of the user's lifetime. */
  void remember(Lifetime lifetime);

  /** Keeps an event's example. */
  void keep(int slot, UserEvent event) throws Exception;

  /** The examples in these slots, in their order. */
  List<Example> examples(int[] slots) throws Exception;

  /** Removes the example in a slot that is free from now on. */
  void remove(int slot);
}
