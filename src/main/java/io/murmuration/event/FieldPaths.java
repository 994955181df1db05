package io.murmuration.event;

import java.io.Serializable;

/**
 * Says where the parts of an event stand in a value.
 *
 * @param userId a string, required
 * @param eventTime required; {@link TimeFormat} says what it holds
 * @param text a string, required unless the event is an erasure
 * @param prompt a string or nothing
 * @param eventId a string, a whole number or nothing
 * @param erase true, false or nothing
 */
public record FieldPaths(
    FieldPath userId,
    FieldPath eventTime,
    FieldPath text,
    FieldPath prompt,
    FieldPath eventId,
    FieldPath erase)
    implements Serializable {

  /** The names of this project's own schema. */
  public static final FieldPaths DEFAULTS =
      new FieldPaths(
          FieldPath.of("user_id"),
          FieldPath.of("event_time"),
          FieldPath.of("text"),
          FieldPath.of("prompt"),
          FieldPath.of("event_id"),
          FieldPath.of("erase"));
}
