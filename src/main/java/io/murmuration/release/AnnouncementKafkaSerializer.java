package io.murmuration.release;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Announcements as records of the releases topic: key {@code domain/round}, value JSON.
 *
 * <p>The record's timestamp is the moment at which the round's tick began: one of now would tell
 * how long the round took, and the element's own is a tick, which a broker takes for a date in 1970
 * and deletes within its retention.
 */
public final class AnnouncementKafkaSerializer
    implements KafkaRecordSerializationSchema<Announcement> {

  private static final long serialVersionUID = 1L;

  private final String topic;

  /** Serializes for one topic. */
  public AnnouncementKafkaSerializer(String topic) {
    this.topic = topic;
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      Announcement announcement, KafkaSinkContext context, Long elementTimestamp) {
    return new ProducerRecord<>(
        topic,
        /* partition= */ null,
        announcement.publicMillis() == 0
            ? System.currentTimeMillis() // of an earlier version's state
            : announcement.publicMillis(),
        announcement.key().getBytes(StandardCharsets.UTF_8),
        announcement.json().getBytes(StandardCharsets.UTF_8));
  }
}
