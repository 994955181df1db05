package io.murmuration.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.murmuration.registry.WireFormat;
import java.nio.ByteBuffer;

/**
 * Events as JSON objects in UTF-8, read as strictly as files of events are.
 *
 * @param paths where the parts of an event stand
 * @param timeFormat how times are written
 */
record JsonDecoder(FieldPaths paths, TimeFormat timeFormat) implements ValueDecoder {

  @Override
  public UserEvent decode(byte[] value) throws RejectedRecordException {
    if (WireFormat.isWireFormat(value)) {
      throw new RejectedRecordException(
          RejectionReason.NOT_JSON,
          "the value looks like Confluent's wire format, a schema id before the object; write JSON without one");
    }
    String text = InteractionCodec.strictUtf8(ByteBuffer.wrap(value), "the value");
    JsonObject object;
    try {
      object = JsonObject.parse(text);
    } catch (IllegalArgumentException e) {
      // the parser's own words quote the text
      throw new RejectedRecordException(
          RejectionReason.NOT_JSON,
          e.getCause() instanceof JsonProcessingException broken && broken.getLocation() != null
              ? "the value is not exactly one JSON object, from character %d on"
                  .formatted(broken.getLocation().getCharOffset())
              : e.getMessage());
    }
    try {
      return event(object);
    } catch (IllegalArgumentException e) {
      throw new RejectedRecordException(RejectionReason.MALFORMED_VALUE, e.getMessage());
    }
  }

  private UserEvent event(JsonObject object) {
    String userId = object.requiredText(paths.userId());
    String givenId = object.id(paths.eventId());
    String eventId = givenId == null ? "" : givenId;
    long eventTimeMillis = object.millis(paths.eventTime(), timeFormat);
    return object.flag(paths.erase())
        ? UserEvent.erasure(userId, eventId, eventTimeMillis)
        : UserEvent.interaction(
            userId,
            eventId,
            eventTimeMillis,
            object.text(paths.prompt()),
            object.requiredText(paths.text()));
  }
}
