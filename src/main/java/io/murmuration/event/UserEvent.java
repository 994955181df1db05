package io.murmuration.event;

import java.util.Objects;

/**
 * One valid event of one user, as it enters keyed state; or a word of the source, of no user.
 *
 * @param kind something said, the wish to be forgotten, or where reading begins
 * @param userId the privacy unit; empty for nobody
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
    ERASURE,
    /** Says where a partition begins to be read without a state; see {@link RawRecord}. */
    BEGINNING
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

  /** The word that a partition is read from that offset on without a state that says so. */
  public static UserEvent beginning(int partition, long offset) {
    return new UserEvent(Kind.BEGINNING, "", "", 0, null, "", partition, offset);
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
