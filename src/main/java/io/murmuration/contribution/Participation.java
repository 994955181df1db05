package io.murmuration.contribution;

import io.murmuration.contribution.UserStore.Taken;
import io.murmuration.privacy.mechanism.Grant;

/**
 * A rule that says which users may be drawn in a granted round at all. A user is drawn whose due
 * tick is the round's and whom every rule lets in; in all else, who is kept out is as one whose
 * coin said no: the coin is thrown, and the next due tick is drawn.
 *
 * <p><b>What a rule must keep.</b> Its answer follows from what is kept of the user, from the grant
 * and from what else is public; never from another user, and never from a coin of this round or a
 * later one. Then whoever may be drawn is drawn with exactly the grant's probability, independently
 * of everybody else, since due ticks know nothing of the answer.
 */
@FunctionalInterface
interface Participation {

  /**
   * Whether the user may be drawn.
   *
   * @param user with the pool as it is at the grant's tick; not to be changed
   */
  boolean mayBeDrawn(Taken user, Grant grant);
}
