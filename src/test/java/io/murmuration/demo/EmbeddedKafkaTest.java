package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedKafkaTest {
  private static final String TOPIC = "letters";

  @TempDir private Path data;

  @Test
  void recordsAndTopicsSurviveARestartAndStandardOutputStaysClean() throws Exception {
    PrintStream standardOutput = System.out;
    ByteArrayOutputStream captured = new ByteArrayOutputStream();
    System.setOut(new PrintStream(captured, true, StandardCharsets.UTF_8));
    try {
      try (EmbeddedKafka kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT)) {
        assertThat(kafka.createTopic(TOPIC, 1, Map.of("retention.ms", "-1"))).isTrue();
        assertThat(kafka.createTopic(TOPIC, 1, Map.of())).isFalse();
        assertThat(transactionVersion(kafka)).isEqualTo((short) 2);
        try (KafkaProducer<byte[], byte[]> producer = transactionalProducer(kafka)) {
          producer.initTransactions();
          producer.beginTransaction();
          producer.send(record("aborted"));
          producer.flush();
          producer.abortTransaction();
          producer.beginTransaction();
          producer.send(record("committed"));
          producer.send(new ProducerRecord<>(TOPIC, null, new byte[6 << 20]));
          producer.commitTransaction();
        }
        List<byte[]> committed = readCommitted(kafka, 2);
        assertThat(committed.get(0)).asString(StandardCharsets.UTF_8).isEqualTo("committed");
        assertThat(committed.get(1)).hasSize(6 << 20);
      }
      try (EmbeddedKafka kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT)) {
        assertThat(kafka.createTopic(TOPIC, 1, Map.of())).isFalse();
        assertThat(readCommitted(kafka, 2)).hasSize(2);
      }
    } finally {
      System.setOut(standardOutput);
    }
    assertThat(captured.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  private static short transactionVersion(EmbeddedKafka kafka) throws Exception {
    try (Admin admin =
        Admin.create(
            Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, kafka.bootstrapServers()))) {
      return admin
          .describeFeatures()
          .featureMetadata()
          .get()
          .finalizedFeatures()
          .get("transaction.version")
          .maxVersionLevel();
    }
  }

  private static ProducerRecord<byte[], byte[]> record(String text) {
    return new ProducerRecord<>(TOPIC, null, text.getBytes(StandardCharsets.UTF_8));
  }

  private static KafkaProducer<byte[], byte[]> transactionalProducer(EmbeddedKafka kafka) {
    return new KafkaProducer<>(
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            kafka.bootstrapServers(),
            ProducerConfig.TRANSACTIONAL_ID_CONFIG,
            "embedded-kafka-test",
            ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
            EmbeddedKafka.MAX_MESSAGE_BYTES),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  private static List<byte[]> readCommitted(EmbeddedKafka kafka, int expected) {
    List<byte[]> values = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                kafka.bootstrapServers(),
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(TOPIC, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      await()
          .until(
              () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(record.value()));
                return values.size() >= expected;
              });
    }
    return values;
  }
}
