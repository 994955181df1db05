package io.murmuration.event;

import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Objects;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;

/**
 * Writes dead letters to their topic: key and value are the original bytes, the headers say why and
 * where from, the timestamp is the wall time of writing.
 *
 * <p>A record that would not fit into a request to the broker is cut, since a failing producer
 * would stop the job for everybody: first its value, then its key keep what fits. The headers
 * {@code murmuration.value-bytes}, {@code murmuration.key-bytes} and {@code
 * murmuration.value-sha256} then say what is missing, and topic, partition and offset where the
 * whole still is. A value of null stays null, without the headers of a value.
 */
public final class DeadLetterRecordSerializer
    implements KafkaRecordSerializationSchema<DeadLetter> {

  private static final long serialVersionUID = 1L;

  /** Fits into the producer's default {@code max.request.size} of 1 MiB, headers included. */
  public static final int DEFAULT_MAX_BYTES = 1_000_000;

  private final String topic;
  private final int maxBytes;

  /**
   * Writes to a topic.
   *
   * @param maxBytes most bytes of key and value together, at least 1; the producer's {@code
   *     max.request.size} and the topic's {@code max.message.bytes} must exceed it by 4 KiB
   */
  public DeadLetterRecordSerializer(String topic, int maxBytes) {
    this.topic = Objects.requireNonNull(topic, "topic");
    if (maxBytes < 1) {
      throw new IllegalArgumentException(
          "a dead letter must be allowed at least 1 byte but is allowed " + maxBytes);
    }
    this.maxBytes = maxBytes;
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      DeadLetter letter, KafkaSinkContext context, Long ignoredElementTimestamp) {
    RawRecord original = letter.record();
    byte[] key = cut(original.key(), maxBytes);
    byte[] value = cut(original.value(), maxBytes - (key == null ? 0 : key.length));
    // not the element's timestamp: the broker's retention would take a tick for 1970
    long now = InstantSource.system().millis();
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, null, now, key, value);
    Headers headers = record.headers();
    add(headers, "reason", letter.reason().name());
    add(headers, "detail", letter.detail());
    add(headers, "topic", original.topic());
    add(headers, "partition", Integer.toString(original.partition()));
    add(headers, "offset", Long.toString(original.offset()));
    add(headers, "timestamp-millis", Long.toString(original.timestampMillis()));
    if (key != original.key()) {
      add(headers, "key-bytes", Integer.toString(original.key().length));
    }
    if (value != original.value()) {
      add(headers, "value-bytes", Integer.toString(original.value().length));
      add(headers, "value-sha256", DigestUtils.sha256Hex(original.value()));
    }
    return record;
  }

  private static byte[] cut(byte[] bytes, int length) {
    return bytes == null || bytes.length <= length ? bytes : Arrays.copyOf(bytes, length);
  }

  private static void add(Headers headers, String name, String value) {
    headers.add("murmuration." + name, value.getBytes(StandardCharsets.UTF_8));
  }
}
