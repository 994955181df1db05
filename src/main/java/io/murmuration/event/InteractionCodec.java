package io.murmuration.event;

import static io.murmuration.event.RejectionReason.INVALID_UTF8;
import static io.murmuration.event.RejectionReason.MALFORMED_VALUE;
import static io.murmuration.event.RejectionReason.NOT_SINGLE_OBJECT_ENCODED;
import static io.murmuration.event.RejectionReason.UNKNOWN_SCHEMA;

import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;

/**
 * Interactions in Avro single-object encoding: two marker bytes, the writer schema's CRC-64-AVRO
 * fingerprint, the body.
 *
 * <p>Whatever the bytes are, decoding ends with an event or a {@link RejectedRecordException}, and
 * allocates in proportion to the bytes given: the body is walked over once before it is read,
 * because Avro allocates what a length field claims. Not thread-safe.
 */
public final class InteractionCodec implements ValueDecoder {

  private static final int HEADER_BYTES = 10;
  private static final int MARKER = 0xC301;

  /** Confluent's serializers write a zero and a schema id of four bytes before the body. */
  private static final int CONFLUENT_HEADER_BYTES = 5;

  private static final byte CONFLUENT_MAGIC = 0;

  /** The current schema without the hints of the generated class, so that strings stay bytes. */
  private static final Schema READER = new Schema.Parser().parse(plainSchema());

  private final Map<Long, Body> bodies = new HashMap<>();
  private BinaryDecoder decoder;

  private record Body(Schema writer, GenericDatumReader<GenericRecord> reader) {}

  /** Reads what any of these schemas wrote. */
  public InteractionCodec(List<Schema> writerSchemas) {
    for (Schema writer : writerSchemas) {
      WriterSchemas.requireReadable(writer, writer.getFullName());
      bodies.put(
          SchemaNormalization.parsingFingerprint64(writer),
          new Body(writer, new GenericDatumReader<>(writer, READER)));
    }
  }

  private static String plainSchema() {
    return Interaction.getClassSchema().toString().replace(",\"avro.java.string\":\"String\"", "");
  }

  /** Encodes with the current schema; the same bytes as the generated class writes. */
  public static byte[] encode(UserEvent event) {
    Interaction interaction =
        Interaction.newBuilder()
            .setEventId(event.eventId())
            .setUserId(event.userId())
            .setEventTime(Instant.ofEpochMilli(event.eventTimeMillis()))
            .setPrompt(event.prompt())
            .setText(event.text())
            .setErase(event.isErasure())
            .build();
    try {
      ByteBuffer encoded = interaction.toByteBuffer();
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException("Encoding into memory failed", e);
    }
  }

  /** Decodes a value, by the schema whose fingerprint it names. */
  @Override
  public UserEvent decode(byte[] value) throws RejectedRecordException {
    if (value.length < HEADER_BYTES || ByteBuffer.wrap(value).getShort() != (short) MARKER) {
      if (value.length >= CONFLUENT_HEADER_BYTES && value[0] == CONFLUENT_MAGIC) {
        throw new RejectedRecordException(
            NOT_SINGLE_OBJECT_ENCODED,
            "the value looks like Confluent's wire format, schema id %d of a registry, which is not supported; write Avro's single-object encoding"
                .formatted(ByteBuffer.wrap(value, 1, Integer.BYTES).getInt()));
      }
      throw new RejectedRecordException(
          NOT_SINGLE_OBJECT_ENCODED,
          "the value must begin with the marker c301 and a fingerprint of 8 bytes");
    }
    long fingerprint = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong(Short.BYTES);
    Body body = bodies.get(fingerprint);
    if (body == null) {
      throw new RejectedRecordException(
          UNKNOWN_SCHEMA,
          "no known schema has the fingerprint %016x; add the writer's schema to the known ones"
              .formatted(fingerprint));
    }
    return event(read(body, value));
  }

  private GenericRecord read(Body body, byte[] value) throws RejectedRecordException {
    int length = value.length - HEADER_BYTES;
    try {
      decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, length, decoder);
      GenericDatumReader.skip(body.writer(), decoder);
      if (!decoder.isEnd()) {
        throw new RejectedRecordException(MALFORMED_VALUE, "bytes follow the end of the record");
      }
      decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, length, decoder);
      return body.reader().read(null, decoder);
    } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException e) {
      decoder = null;
      throw new RejectedRecordException(
          MALFORMED_VALUE,
          "the value does not follow its schema (%s)".formatted(e.getClass().getSimpleName()));
    }
  }

  private static UserEvent event(GenericRecord record) throws RejectedRecordException {
    String userId = string(record, "user_id");
    String eventId = string(record, "event_id");
    long eventTimeMillis = (Long) record.get("event_time");
    return (Boolean) record.get("erase")
        ? UserEvent.erasure(userId, eventId, eventTimeMillis)
        : UserEvent.interaction(
            userId, eventId, eventTimeMillis, string(record, "prompt"), string(record, "text"));
  }

  private static String string(GenericRecord record, String field) throws RejectedRecordException {
    Utf8 utf8 = (Utf8) record.get(field);
    return utf8 == null
        ? null
        : strictUtf8(ByteBuffer.wrap(utf8.getBytes(), 0, utf8.getByteLength()), field);
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
