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
 */
public record UserEvent(
    Kind kind, String userId, String eventId, long eventTimeMillis, String prompt, String text) {

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
    return new UserEvent(Kind.INTERACTION, userId, eventId, eventTimeMillis, prompt, text);
  }

  /** The wish to be forgotten. */
  public static UserEvent erasure(String userId, String eventId, long eventTimeMillis) {
    return new UserEvent(Kind.ERASURE, userId, eventId, eventTimeMillis, null, "");
  }

  /** Whether this erases the user. */
  public boolean isErasure() {
    return kind == Kind.ERASURE;
  }
}
