package io.murmuration.event;

import static io.murmuration.event.RejectionReason.INVALID_UTF8;
import static io.murmuration.event.RejectionReason.NOT_SINGLE_OBJECT_ENCODED;
import static io.murmuration.event.RejectionReason.UNKNOWN_SCHEMA;

import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.WireFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericRecord;

/**
 * Interactions in Avro single-object encoding: two marker bytes, the writer schema's CRC-64-AVRO
 * fingerprint, the body.
 *
 * <p>Whatever the bytes are, decoding ends with an event or a {@link RejectedRecordException}, and
 * allocates in proportion to the bytes given. Not thread-safe.
 */
public final class InteractionCodec implements ValueDecoder {

  /** Marker and fingerprint. */
  static final int HEADER_BYTES = 10;

  private static final int MARKER = 0xC301;

  /** The current schema without the hints of the generated class, so that strings stay bytes. */
  static final Schema READER = new Schema.Parser().parse(plainSchema());

  private final Map<Long, AvroBody> bodies = new HashMap<>();

  /** Reads what any of these schemas wrote. */
  public InteractionCodec(List<Schema> writerSchemas) {
    for (Schema writer : writerSchemas) {
      WriterSchemas.requireReadable(writer, writer.getFullName());
      bodies.put(SchemaNormalization.parsingFingerprint64(writer), new AvroBody(writer, READER));
    }
  }

  private static String plainSchema() {
    return Interaction.getClassSchema().toString().replace(",\"avro.java.string\":\"String\"", "");
  }

  /** Encodes with the current schema; the same bytes as the generated class writes. */
  public static byte[] encode(UserEvent event) {
    return EventEncoder.avro()
        .encode(
            Interaction.newBuilder()
                .setEventId(event.eventId())
                .setUserId(event.userId())
                .setEventTime(Instant.ofEpochMilli(event.eventTimeMillis()))
                .setPrompt(event.prompt())
                .setText(event.text())
                .setErase(event.isErasure())
                .build());
  }

  /** Decodes a value, by the schema whose fingerprint it names. */
  @Override
  public UserEvent decode(byte[] value) throws RejectedRecordException {
    if (value.length < HEADER_BYTES || ByteBuffer.wrap(value).getShort() != (short) MARKER) {
      if (WireFormat.isWireFormat(value)) {
        throw new RejectedRecordException(
            NOT_SINGLE_OBJECT_ENCODED,
            "the value looks like Confluent's wire format, schema id %d of a registry, which is read with events.format AVRO_REGISTRY; the format is AVRO, single-object encoding"
                .formatted(WireFormat.schemaId(value)));
      }
      throw new RejectedRecordException(
          NOT_SINGLE_OBJECT_ENCODED,
          "the value must begin with the marker c301 and a fingerprint of 8 bytes");
    }
    long fingerprint = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong(Short.BYTES);
    AvroBody body = bodies.get(fingerprint);
    if (body == null) {
      throw new RejectedRecordException(
          UNKNOWN_SCHEMA,
          "no known schema has the fingerprint %016x; add the writer's schema to the known ones"
              .formatted(fingerprint));
    }
    return event(body.read(value, HEADER_BYTES));
  }

  private static UserEvent event(GenericRecord record) throws RejectedRecordException {
    String userId = AvroBody.string(record.get("user_id"), "user_id");
    String eventId = AvroBody.string(record.get("event_id"), "event_id");
    long eventTimeMillis = (Long) record.get("event_time");
    return (Boolean) record.get("erase")
        ? UserEvent.erasure(userId, eventId, eventTimeMillis)
        : UserEvent.interaction(
            userId,
            eventId,
            eventTimeMillis,
            AvroBody.string(record.get("prompt"), "prompt"),
            AvroBody.string(record.get("text"), "text"));
  }

  /** Decodes UTF-8 without replacing what is malformed. */
  static String strictUtf8(ByteBuffer utf8, String what) throws RejectedRecordException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
    } catch (CharacterCodingException e) {
      throw new RejectedRecordException(INVALID_UTF8, what + " is not UTF-8");
    }
  }
}
