package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.LedgerSession;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
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
        producer(KafkaLedger.transactionalId(topic, domain))) {
      dying.beginTransaction();
      LedgerState state = LedgerState.of(written, "test");
      LedgerEntry lost = LedgerEntry.after(state, new LedgerRecord.EpochOpened(2, "job"));
      dying.send(new ProducerRecord<>(topic, lost.line().getBytes(StandardCharsets.UTF_8))).get();
      Ledger second = ledger();
      assertThat(second.open()).isEqualTo(written);
    }
  }

  private static KafkaProducer<byte[], byte[]> producer(String transactionalId) {
    KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers", kafka.bootstrapServers(), "transactional.id", transactionalId),
            new ByteArraySerializer(),
            new ByteArraySerializer());
    producer.initTransactions();
    return producer;
  }

  /** One transaction of a holder that knows nothing of what others append. */
  private void write(KafkaProducer<byte[], byte[]> holder, LedgerEntry entry) {
    holder.beginTransaction();
    holder.send(
        new ProducerRecord<>(topic, 0, null, entry.line().getBytes(StandardCharsets.UTF_8)));
    holder.commitTransaction();
  }

  @Test
  void leavesTheHolderOfAnotherTopicAloneThoughItsDomainHasTheSameName() throws Exception {
    Ledger production = ledger();
    production.open();
    LedgerState state =
        LedgerState.of(appendAll(production, LedgerState.empty(), 1, 1), production.location());
    KafkaEndpoint elsewhere =
        new KafkaEndpoint(
            topic + "-staging",
            client(),
            /* createTopic= */ true,
            /* replicationFactor= */ 1,
            Duration.ofSeconds(20));
    try (Ledger staging = new KafkaLedger(domain, elsewhere)) {
      staging.open();
      appendAll(staging, LedgerState.empty(), 1, 1);
      assertThat(appendAll(production, state, 2, 1)).hasSize(1);
    }
  }

  /** Earlier releases held the ledger under the bare name of the domain. */
  @Test
  void fencesAHolderOfAnEarlierRelease() throws Exception {
    Ledger first = ledger();
    first.open();
    List<LedgerEntry> written = appendAll(first, LedgerState.empty(), 1, 1);
    LedgerState state = LedgerState.of(written, "test");
    try (KafkaProducer<byte[], byte[]> former = producer(domain)) {
      write(former, LedgerEntry.after(state, new LedgerRecord.EpochOpened(2, "former")));
      Ledger second = ledger();
      assertThat(second.open()).hasSize(3);
      assertThatThrownBy(
              () -> write(former, LedgerEntry.after(state, new LedgerRecord.EpochOpened(3, "x"))))
          .isInstanceOf(KafkaException.class);
    }
  }

  /** It was fenced, and opened the ledger again before the new holder wrote its epoch. */
  @Test
  void fencesAHolderOfAnEarlierReleaseThatCameBack() throws Exception {
    Ledger ledger = ledger();
    ledger.open();
    LedgerState state =
        LedgerState.of(appendAll(ledger, LedgerState.empty(), 1, 1), ledger.location());
    ledger.close();
    ledger.open();
    try (KafkaProducer<byte[], byte[]> former = producer(domain)) {
      LedgerState after =
          LedgerState.of(
              Stream.concat(ledger().read().stream(), appendAll(ledger, state, 2, 1).stream())
                  .toList(),
              "test");
      assertThatThrownBy(
              () ->
                  write(
                      former, LedgerEntry.after(after, new LedgerRecord.EpochOpened(3, "former"))))
          .isInstanceOf(KafkaException.class);
      assertThat(ledger().open()).hasSize(3);
    }
  }

  @Test
  void commitsNothingBehindARecordThatItHasNotRead() throws Exception {
    Ledger first = ledger();
    first.open();
    List<LedgerEntry> written = appendAll(first, LedgerState.empty(), 1, 1);
    LedgerState state = LedgerState.of(written, "test");
    LedgerEntry others = LedgerEntry.after(state, new LedgerRecord.EpochOpened(2, "job"));
    // between two appends, and between the opening and the first append
    for (int round = 0; round < 2; round++) {
      if (round == 1) {
        assertThat(first.open()).containsExactly(written.get(0), written.get(1), others);
        state = state.apply(others);
        others = LedgerEntry.after(state, new LedgerRecord.EpochOpened(3, "job"));
      }
      try (KafkaProducer<byte[], byte[]> other = producer("somebody else")) {
        write(other, others);
      }
      LedgerState stale = state;
      assertThatThrownBy(() -> appendAll(first, stale, stale.epoch() + 1, 1))
          .isInstanceOf(LedgerException.Unavailable.class)
          .hasMessageContaining("Another producer has written");
    }
    state = state.apply(others);
    assertThat(first.open()).last().isEqualTo(others);
    appendAll(first, state, 4, 1);
    assertThat(LedgerState.of(ledger().read(), "test").epoch()).isEqualTo(4);
  }

  @Test
  void refusesTopicsWithFewerReplicasThanAskedFor() throws Exception {
    kafka.createTopic(topic, 1, KafkaLedger.newTopicSettings(1));
    KafkaEndpoint asked = KafkaEndpoint.of(topic, client(), /* replicationFactor= */ 3);
    try (Ledger ledger = new KafkaLedger(domain, asked)) {
      assertThatThrownBy(ledger::open)
          .isInstanceOf(LedgerException.Refused.class)
          .hasMessageContaining("replication must be at least 3")
          .hasMessageContaining("but is 1")
          .hasMessageContaining("min.insync.replicas must be at least 2 but is 1")
          .hasMessageContaining("kafka.topics.replication-factor");
    }
    try (Admin admin = Admin.create(Map.copyOf(client()))) {
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, topic),
                  List.of(
                      new AlterConfigOp(
                          new ConfigEntry("min.insync.replicas", "2"), AlterConfigOp.OpType.SET))))
          .all()
          .get();
      ConfigResource changed = new ConfigResource(ConfigResource.Type.TOPIC, topic);
      // the broker hears of it after whoever asked
      await()
          .until(
              () ->
                  admin
                      .describeConfigs(List.of(changed))
                      .all()
                      .get()
                      .get(changed)
                      .get("min.insync.replicas")
                      .value()
                      .equals("2"));
    }
    try (Ledger ledger = new KafkaLedger(domain, asked)) {
      assertThatThrownBy(ledger::open)
          .isInstanceOf(LedgerException.Refused.class)
          .hasMessageContaining("replication must be at least 3")
          .message()
          .doesNotContain("min.insync");
    }
  }

  @Test
  void datesRecordsByTheTicksOfCharges() throws Exception {
    long genesis = 1_700_000_000_000L;
    try (LedgerSession session = Budgets.session(factory(), Budgets.terms(3), "job")) {
      session.open(genesis);
      session.charge(7);
    }
    List<Long> dates = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      while (dates.size() < 4) {
        consumer.poll(Duration.ofMillis(100)).forEach(record -> dates.add(record.timestamp()));
      }
    }
    // genesis, epoch and phase, then the charge
    assertThat(dates)
        .containsExactly(genesis, genesis, genesis, genesis + 7 * Budgets.INTERVAL.toMillis());
  }

  @Test
  void refusesATopicThatTellsWhenRecordsWereWritten() throws Exception {
    kafka.createTopic(
        topic,
        1,
        Map.of(
            "retention.ms", "-1",
            "retention.bytes", "-1",
            "unclean.leader.election.enable", "false",
            "message.timestamp.type", "LogAppendTime"));
    try (Ledger ledger = ledger()) {
      assertThatThrownBy(ledger::open)
          .isInstanceOf(LedgerException.Refused.class)
          .hasMessageContaining("message.timestamp.type must be CreateTime but is LogAppendTime");
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
      // the broker hears of it after whoever asked
      await().until(() -> !admin.listTopics().names().get().contains(topic));
    }
    assertThatThrownBy(() -> session.open(0))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("tail is lost");
    assertThat(ledger().isThere()).as("it is not created anew").isFalse();
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
