package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaRoundFeedbackITCase extends RoundFeedbackContract {

  @TempDir static Path data;
  private static EmbeddedKafka kafka;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
    kafka.createTopic("feedback", 1, Map.of());
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Test
  void readsRecordsOfEveryVersionAndPassesOverWhatIsNone() throws Exception {
    subscribe(received);
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      for (String value :
          List.of(
              "{'domain':'%s','epoch':3,'round':17}",
              "{'domain':'%s','epoch':3,'round':18,'answer':['0.5']}",
              "{'domain':'%s','epoch':3,'round':19,'answer':0.5}",
              "{'version':3,'domain':'%s','epoch':3,'round':20}",
              "{'version':0,'domain':'%s','epoch':3,'round':20}",
              "{'version':2,'domain':'%s','epoch':3,'model':{'submission':'s','round':-1}}",
              "{'domain':'%s','epoch':3,'round':20,'answer':[0.5,2]}",
              "{'version':2,'domain':'%s','epoch':3,'round':21}")) {
        producer.send(
            new ProducerRecord<>("feedback", domain, value.formatted(domain).replace('\'', '"')));
      }
    }
    assertThat(next()).isEqualTo(new RoundExecuted(3, 17));
    assertThat(next()).isEqualTo(new RoundExecuted(3, 20, List.of(0.5, 2.0)));
    assertThat(next()).isEqualTo(new RoundExecuted(3, 21));
  }

  @Test
  void writesRoundsWithTheVersionOfTheFormat() throws Exception {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringDeserializer(),
            new StringDeserializer())) {
      TopicPartition partition = new TopicPartition("feedback", 0);
      consumer.assign(List.of(partition));
      consumer.seekToEnd(List.of(partition));
      consumer.position(partition);
      try (RoundFeedback.Publisher publisher = feedback(domain).publisher()) {
        publisher.executed(new RoundExecuted(3, 17));
      }
      await()
          .untilAsserted(
              () ->
                  assertThat(consumer.poll(Duration.ofSeconds(1)))
                      .singleElement()
                      .returns(
                          "{\"version\":2,\"domain\":\"%s\",\"epoch\":3,\"round\":17}"
                              .formatted(domain),
                          ConsumerRecord::value));
    }
  }

  @Test
  void refusesATopicWithFewerReplicasThanAskedFor() {
    RoundFeedback asked =
        new KafkaRoundFeedback(
            domain,
            KafkaEndpoint.of("feedback", Map.of("bootstrap.servers", kafka.bootstrapServers()), 3));
    assertThatThrownBy(() -> asked.subscribe(listener(received)))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("topic 'feedback' could lose records: its replication must be")
        .hasMessageContaining("min.insync.replicas must be at least 2 but is 1");
  }

  @Override
  RoundFeedback feedback(String domain) {
    return new KafkaRoundFeedback(
        domain,
        KafkaEndpoint.of("feedback", Map.of("bootstrap.servers", kafka.bootstrapServers()), 1));
  }
}
