package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.GrantGate;
import java.io.Serializable;

/**
 * Is told when something of a user's is first held, so that an audit inside the trust boundary can
 * count by itself in which rounds something live was held of whom: by the bounds, what arrived at a
 * tick is live until its window is. Called by the threads of all subtasks, of every attempt; must
 * not wait, and travels in the job graph.
 */
public interface ArrivalListener extends Serializable {

  /** Nobody asks. */
  ArrivalListener NONE = new Nobody();

  /**
   * An event was offered to its user's pool; those that are turned away at the end of a lifetime
   * never are.
   *
   * @param tick to which it belongs: the first that it may still be sampled at; {@link
   *     GrantGate#UNKNOWN} if no tick is known yet, so that it belongs to the first that {@link
   *     #began} says next
   */
  void arrived(String userId, long tick);

  /** A subtask has learned the first tick of an epoch. */
  void began(long firstTick);

  /** Does nothing. */
  record Nobody() implements ArrivalListener {
    private static final long serialVersionUID = 1L;

    @Override
    public void arrived(String userId, long tick) {}

    @Override
    public void began(long firstTick) {}
  }
}
