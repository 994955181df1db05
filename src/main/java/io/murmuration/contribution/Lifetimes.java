package io.murmuration.contribution;

import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.IntakeLimit;
import java.util.Optional;

/**
 * What the sampler asks of users' lifetimes: whether a record counts, who may take part in a round,
 * and what stays of those of whom nothing else is kept. Like {@link UserStore} it is about the
 * current user.
 */
interface Lifetimes extends Participation {

  /** Nobody's rounds are counted: everybody may take part for ever. */
  Lifetimes UNLIMITED = new Unlimited();

  // ---- what the budget says, and what was read ----

  /**
   * An epoch starts.
   *
   * @throws IllegalArgumentException if this sampler must not go on in it, with the reasons
   */
  void startEpoch(EpochStart start);

  /**
   * How far the topic was written before the round was charged whose grant comes next.
   *
   * @throws IllegalArgumentException if it is not the topic that is read
   */
  void limit(IntakeLimit before);

  /** A round was granted; records may join it until its timers have fired. */
  void granted(Grant grant);

  /** The timers of every granted round have fired. */
  void fired();

  /**
   * The source begins to read a partition, of which it has no state.
   *
   * @throws IllegalArgumentException if others may be read than those behind this state
   */
  void beginsAfresh(int partition, long offset);

  /**
   * A record was read, whatever becomes of it.
   *
   * @throws IllegalArgumentException if it is of a partition that the topic did not have
   */
  void saw(UserEvent event);

  /** What belongs into the state; empty where nothing is counted. */
  Optional<SamplerHistory> snapshot();

  // ---- the current user ----

  /**
   * Counts an event that is about to be offered to its user's pool.
   *
   * @return false if the user's lifetime is over: nothing may be kept of the user from now on
   */
  boolean counts(UserPool pool, UserEvent event) throws Exception;

  /**
   * Whether the user may take part in no round any more after those whose timers have fired.
   *
   * @param fired the round whose timer has just fired for the user; empty at a tick without one
   */
  boolean isSpent(UserPool pool, Optional<Grant> fired);

  /** Nothing that is kept of the user was live any more from a tick on. */
  void emptied(UserPool pool, long tick);

  /**
   * All that is kept of the user is about to go.
   *
   * @return whether the user was in a stretch of rounds that count, which ends with it
   */
  boolean end(UserPool pool);

  /** The lifetimes of those who have none. */
  final class Unlimited implements Lifetimes {

    private Unlimited() {}

    @Override
    public void startEpoch(EpochStart start) {}

    @Override
    public void limit(IntakeLimit before) {}

    @Override
    public void granted(Grant grant) {}

    @Override
    public void fired() {}

    @Override
    public void beginsAfresh(int partition, long offset) {}

    @Override
    public void saw(UserEvent event) {}

    @Override
    public Optional<SamplerHistory> snapshot() {
      return Optional.empty();
    }

    @Override
    public boolean counts(UserPool pool, UserEvent event) {
      return true;
    }

    @Override
    public boolean mayBeDrawn(UserStore.Taken user, Grant grant) {
      return true;
    }

    @Override
    public boolean isSpent(UserPool pool, Optional<Grant> fired) {
      return false;
    }

    @Override
    public void emptied(UserPool pool, long tick) {}

    @Override
    public boolean end(UserPool pool) {
      return false;
    }
  }
}
