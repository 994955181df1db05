package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a broker says of a topic. */
class KafkaInputTopicTest {

  private static EmbeddedKafka kafka;

  @BeforeAll
  static void startBroker(@TempDir Path data) {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopBroker() {
    kafka.close();
  }

  private static InputTopic topic(String name) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", kafka.bootstrapServers());
    return KafkaInputTopic.of(name, properties);
  }

  private static void write(KafkaProducer<byte[], byte[]> producer, String topic, int partition)
      throws Exception {
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(topic, partition, new byte[1], new byte[1]);
    producer.send(record);
    producer.flush();
  }

  @Test
  void saysWhereEachPartitionBeginsAndEnds_openTransactionsIncluded() throws Exception {
    kafka.createTopic("written", 2, Map.of("cleanup.policy", "delete"));
    try (InputTopic.Connection connection = topic("written").open();
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", "open"),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      InputOffsets empty = connection.read();
      assertThat(empty.begins()).containsExactly(0L, 0L);
      assertThat(empty.ends()).containsExactly(0L, 0L);
      producer.initTransactions();
      producer.beginTransaction();
      for (int i = 0; i < 5; i++) {
        write(producer, "written", 1);
      }
      assertThat(connection.read().ends()).containsExactly(0L, 5L);
      producer.commitTransaction();
      admin
          .deleteRecords(Map.of(new TopicPartition("written", 1), RecordsToDelete.beforeOffset(3)))
          .all()
          .get();
      InputOffsets written = connection.read();
      assertThat(written.begins()).containsExactly(0L, 3L);
      assertThat(written.ends().get(1)).as("with or without the mark of the end").isBetween(5L, 6L);
      assertThat(written.topicId()).isEqualTo(empty.topicId());
      assertThat(written.clusterId()).isEqualTo(empty.clusterId());
    }
  }

  @Test
  void aTopicThatIsCreatedAnew_isAnother() throws Exception {
    kafka.createTopic("anew", 1, Map.of("cleanup.policy", "delete"));
    try (InputTopic.Connection connection = topic("anew").open();
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      String before = connection.read().topicId();
      admin.deleteTopics(List.of("anew")).all().get();
      kafka.createTopic("anew", 1, Map.of("cleanup.policy", "delete"));
      await()
          .ignoreExceptionsInstanceOf(IOException.class)
          .untilAsserted(() -> assertThat(connection.read().topicId()).isNotEqualTo(before));
    }
  }

  @Test
  void aTopicWithoutAnId_isRefused() {
    assertThatThrownBy(() -> KafkaInputTopic.idOf("events", Uuid.ZERO_UUID))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("events has none");
  }

  @Test
  void aCompactedTopic_isRefused() throws Exception {
    for (String policy : List.of("compact", "compact,delete")) {
      String name = policy.replace(',', '-');
      kafka.createTopic(name, 1, Map.of("cleanup.policy", policy));
      try (InputTopic.Connection connection = topic(name).open()) {
        assertThatThrownBy(connection::read)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("cleanup.policy=delete")
            .hasMessageContaining(name);
      }
    }
  }

  @Test
  void aTopicThatIsNotThere_isNamed() throws Exception {
    try (InputTopic.Connection connection = topic("nowhere").open()) {
      assertThatThrownBy(connection::read)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("nowhere");
    }
  }
}
