package io.murmuration.event;

import static io.murmuration.event.RejectionReason.MALFORMED_VALUE;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;

/**
 * Reads bodies that one schema wrote. A body is walked over once before it is read, because Avro
 * allocates what a length field claims. Not thread-safe.
 */
final class AvroBody {

  private final Schema writer;
  private final GenericDatumReader<GenericRecord> reader;
  private BinaryDecoder decoder;

  /** Resolves what the writer wrote into what the reader asks for. */
  AvroBody(Schema writer, Schema reader) {
    this.writer = writer;
    this.reader = new GenericDatumReader<>(writer, reader);
  }

  /**
   * The record that fills the value from an offset to its end.
   *
   * @throws RejectedRecordException whatever is wrong with the bytes
   */
  GenericRecord read(byte[] value, int offset) throws RejectedRecordException {
    int length = value.length - offset;
    try {
      decoder = DecoderFactory.get().binaryDecoder(value, offset, length, decoder);
      GenericDatumReader.skip(writer, decoder);
      if (!decoder.isEnd()) {
        throw new RejectedRecordException(MALFORMED_VALUE, "bytes follow the end of the record");
      }
      decoder = DecoderFactory.get().binaryDecoder(value, offset, length, decoder);
      return reader.read(null, decoder);
    } catch (IOException
        | AvroRuntimeException
        | IndexOutOfBoundsException
        // a schema that contains itself, and bytes that nest it without end
        | StackOverflowError e) {
      decoder = null;
      throw new RejectedRecordException(
          MALFORMED_VALUE,
          "the value does not follow its schema (%s)".formatted(e.getClass().getSimpleName()));
    }
  }

  /** A string of a record, or null; malformed UTF-8 is not replaced. */
  static String string(Object value, String field) throws RejectedRecordException {
    Utf8 utf8 = (Utf8) value;
    return utf8 == null
        ? null
        : InteractionCodec.strictUtf8(
            ByteBuffer.wrap(utf8.getBytes(), 0, utf8.getByteLength()), field);
  }
}
