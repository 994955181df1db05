package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.LedgerSession;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaLedgerITCase extends LedgerContract {

  @TempDir static Path data;
  private static EmbeddedKafka kafka;

  private final String topic = "ledger-" + UUID.randomUUID();
  private final String domain = "domain-" + UUID.randomUUID();

  @BeforeAll
  static void startKafka() {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Override
  LedgerFactory factory() {
    return KafkaLedger.factory(domain, endpoint(Duration.ofSeconds(20)));
  }

  @Override
  boolean fencesTheLiving() {
    return true;
  }

  private KafkaEndpoint endpoint(Duration timeout) {
    return new KafkaEndpoint(
        topic, client(), /* createTopic= */ true, /* replicationFactor= */ 1, timeout);
  }

  private static Map<String, String> client() {
    return Map.of("bootstrap.servers", kafka.bootstrapServers());
  }

  @Test
  void endsTheOpenTransactionOfAHolderThatDied() throws Exception {
    Ledger first = ledger();
    first.open();
    List<LedgerEntry> written = appendAll(first, LedgerState.empty(), 1, 1);
    first.close();
    try (KafkaProducer<byte[], byte[]> dying =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", domain),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      dying.initTransactions();
      dying.beginTransaction();
      LedgerState state = LedgerState.of(written, "test");
      LedgerEntry lost = LedgerEntry.after(state, new LedgerRecord.EpochOpened(2, "job"));
      dying.send(new ProducerRecord<>(topic, lost.line().getBytes(StandardCharsets.UTF_8))).get();
      Ledger second = ledger();
      assertThat(second.open()).isEqualTo(written);
    }
  }

  @Test
  void stampsRecordsWithTheWallTime() throws Exception {
    long before = System.currentTimeMillis();
    Ledger ledger = ledger();
    ledger.open();
    appendAll(ledger, LedgerState.empty(), 1, 1);
    try (Admin admin = Admin.create(Map.copyOf(client()))) {
      TopicPartition partition = new TopicPartition(topic, 0);
      long timestamp =
          admin
              .listOffsets(
                  Map.of(partition, org.apache.kafka.clients.admin.OffsetSpec.maxTimestamp()))
              .partitionResult(partition)
              .get()
              .timestamp();
      assertThat(timestamp).isBetween(before, System.currentTimeMillis());
    }
  }

  @Test
  void refusesTopicsThatLoseRecords() throws Exception {
    kafka.createTopic(topic, 1, Map.of("cleanup.policy", "compact", "retention.ms", "604800000"));
    assertThatThrownBy(ledger()::open)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("cleanup.policy must be delete but is compact")
        .hasMessageContaining("retention.ms must be -1 but is 604800000");
  }

  @Test
  void refusesTopicsWithTwoPartitions() throws Exception {
    kafka.createTopic(topic, 2, Map.of());
    assertThatThrownBy(ledger()::open)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("must have one partition");
  }

  @Test
  void refusesTopicsWhoseFirstRecordsWereDeleted() throws Exception {
    Ledger ledger = ledger();
    ledger.open();
    appendAll(ledger, LedgerState.empty(), 1, 1);
    ledger.close();
    try (Admin admin = Admin.create(Map.copyOf(client()))) {
      admin
          .deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(1)))
          .all()
          .get();
    }
    assertThatThrownBy(ledger()::open)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("first records were deleted");
  }

  @Test
  void refusesToGoOnWhenTheTopicWasDeletedUnderARunningJob() throws Exception {
    LedgerSession session = Budgets.session(factory(), Budgets.terms(3), "job");
    session.open(0);
    session.charge(1);
    try (Admin admin = Admin.create(Map.copyOf(client()))) {
      admin.deleteTopics(List.of(topic)).all().get();
    }
    assertThatThrownBy(() -> session.open(0))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("tail is lost");
    session.close();
  }

  @Test
  void isUnavailableWhileNoBrokerAnswers() throws Exception {
    KafkaEndpoint nowhere =
        new KafkaEndpoint(
            topic,
            Map.of("bootstrap.servers", "127.0.0.1:1"),
            /* createTopic= */ true,
            /* replicationFactor= */ 1,
            Duration.ofSeconds(1));
    Ledger ledger = new KafkaLedger(domain, nowhere);
    assertThatThrownBy(ledger::open).isInstanceOf(LedgerException.Unavailable.class);
    assertThatThrownBy(ledger::read).isInstanceOf(LedgerException.Unavailable.class);
    ledger.close();
  }

  @Test
  void stopsWaitingForTheBrokerWhenInterrupted() throws Exception {
    Ledger ledger =
        new KafkaLedger(
            domain,
            new KafkaEndpoint(
                topic,
                Map.of("bootstrap.servers", "127.0.0.1:1"),
                /* createTopic= */ true,
                /* replicationFactor= */ 1,
                Duration.ofMinutes(5)));
    Thread.currentThread().interrupt();
    assertThatThrownBy(ledger::open).isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
    ledger.close();
  }
}
