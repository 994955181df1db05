package io.murmuration.release;

/**
 * A staged release on its way to the committer; everything a retry needs to recognise it.
 *
 * @param staged name and digest of what waits in the store
 * @param announcement what to tell consumers once it is visible
 */
public record PublishCommittable(ModelStore.Staged staged, Announcement announcement) {}
