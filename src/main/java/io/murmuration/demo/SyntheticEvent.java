package io.murmuration.demo;

import io.murmuration.event.avro.Interaction;
import java.time.Instant;

/** One message of a generated user; the components are those of {@link Interaction}. */
public record SyntheticEvent(String eventId, String userId, Instant eventTime, String text) {
  /** The event as the job reads it. */
  public Interaction toInteraction() {
    return Interaction.newBuilder()
        .setEventId(eventId)
        .setUserId(userId)
        .setEventTime(eventTime)
        .setText(text)
        .build();
  }
}
