package io.murmuration.demo;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Counts what went to the dead-letter topic, by reason. */
final class DeadLetterTally {

  private static final String REASON_HEADER = "murmuration.reason";

  /** How long one read waits for records. */
  private static final Duration POLL = Duration.ofMillis(500);

  private DeadLetterTally() {}

  /** The dead letters of a topic with one partition, up to its present end. */
  static SortedMap<String, Long> of(String bootstrapServers, String topic) {
    Properties properties = new Properties();
    properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    SortedMap<String, Long> tally = new TreeMap<>();
    TopicPartition partition = new TopicPartition(topic, 0);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          tally.merge(reason(record), 1L, Long::sum);
        }
      }
    }
    return tally;
  }

  private static String reason(ConsumerRecord<byte[], byte[]> record) {
    Header header = record.headers().lastHeader(REASON_HEADER);
    return header == null ? "no reason" : new String(header.value(), StandardCharsets.UTF_8);
  }

  /** Renders it for the terminal: the total, and how it is made up. */
  static String render(Map<String, Long> tally) {
    long total = tally.values().stream().mapToLong(Long::longValue).sum();
    if (total == 0) {
      return "0";
    }
    List<String> parts =
        tally.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList();
    return "%,d (%s)".formatted(total, String.join(", ", parts));
  }
}
