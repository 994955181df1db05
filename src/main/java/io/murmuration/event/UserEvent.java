package io.murmuration.event;

import java.util.Objects;

/**
 * One valid event of one user, as it enters keyed state.
 *
 * @param kind something said, or the wish to be forgotten
 * @param userId the privacy unit, not empty
 * @param eventId for tracing; empty for an erasure by tombstone
 * @param eventTimeMillis when the user says it happened, in epoch milliseconds; data, never public
 *     time
 * @param prompt context that is not trained on, or null
 * @param text what is trained on; empty for an erasure
 * @param partition of the record; 0 where nobody asks for it
 * @param offset of the record in its partition; 0 where nobody asks for it
 */
public record UserEvent(
    Kind kind,
    String userId,
    String eventId,
    long eventTimeMillis,
    String prompt,
    String text,
    int partition,
    long offset) {

  /** What an event does to its user's state. */
  public enum Kind {
    /** Offers an example. */
    INTERACTION,
    /** Erases everything kept of the user; refunds no budget. */
    ERASURE
  }

  public UserEvent {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(userId, "userId");
    Objects.requireNonNull(eventId, "eventId");
    Objects.requireNonNull(text, "text");
  }

  /** Something said. */
  public static UserEvent interaction(
      String userId, String eventId, long eventTimeMillis, String prompt, String text) {
    return new UserEvent(Kind.INTERACTION, userId, eventId, eventTimeMillis, prompt, text, 0, 0);
  }

  /** The wish to be forgotten. */
  public static UserEvent erasure(String userId, String eventId, long eventTimeMillis) {
    return new UserEvent(Kind.ERASURE, userId, eventId, eventTimeMillis, null, "", 0, 0);
  }

  /** The same of a user whose id is kept under another name. */
  public UserEvent of(String otherUserId) {
    return new UserEvent(
        kind, otherUserId, eventId, eventTimeMillis, prompt, text, partition, offset);
  }

  /** The same, read there. */
  public UserEvent at(int readPartition, long readOffset) {
    return new UserEvent(
        kind, userId, eventId, eventTimeMillis, prompt, text, readPartition, readOffset);
  }

  /** Whether this erases the user. */
  public boolean isErasure() {
    return kind == Kind.ERASURE;
  }
}
