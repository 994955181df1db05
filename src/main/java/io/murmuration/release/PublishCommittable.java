package io.murmuration.release;

import io.murmuration.privacy.mechanism.PublicClock;

/**
 * A staged release on its way to the committer; everything a retry needs to recognise it.
 *
 * @param staged name and digest of what waits in the store
 * @param announcement what to tell consumers once it is visible
 * @param clock the domain's; unknown where it may become visible at once
 * @param visibleTick the tick at whose beginning it is due to become visible
 */
public record PublishCommittable(
    ModelStore.Staged staged, Announcement announcement, PublicClock clock, long visibleTick) {

  /** One that may become visible at once. */
  public PublishCommittable(ModelStore.Staged staged, Announcement announcement) {
    this(staged, announcement, PublicClock.UNKNOWN, /* visibleTick= */ 0);
  }

  /**
   * When it becomes visible if it can from now on: when it is due, and after that at the beginning
   * of a tick all the same.
   */
  long visibleMillis(long nowMillis) {
    return clock.isKnown()
        ? clock.beginningFrom(Math.max(nowMillis, clock.millisOf(visibleTick)))
        : nowMillis;
  }
}
