package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.LedgerSession.Opening;
import io.murmuration.privacy.mechanism.Grant;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A broker that goes away at the worst moments: no charge acknowledged, no grant. */
@Timeout(900)
class KafkaLedgerTroubleITCase {

  private static final String TOPIC = "ledger";

  @TempDir private Path data;
  private int port;
  private EmbeddedKafka kafka;

  @BeforeEach
  void choosePort() {
    port = EmbeddedKafka.freePort();
  }

  @AfterEach
  void stopBroker() {
    Hook.betweenWriteAndCommit = () -> {};
    if (kafka != null) {
      kafka.close();
    }
  }

  private void startBroker() {
    kafka = EmbeddedKafka.start(data, port);
  }

  private void killBroker() {
    kafka.close();
    kafka = null;
  }

  private KafkaEndpoint endpoint() {
    return new KafkaEndpoint(
        TOPIC,
        Map.of(
            "bootstrap.servers",
            "127.0.0.1:" + port,
            "interceptor.classes",
            Hook.class.getName(),
            "reconnect.backoff.max.ms",
            "200"),
        /* createTopic= */ true,
        /* replicationFactor= */ 1,
        Duration.ofSeconds(4));
  }

  private LedgerSession session(int transactionTimeoutMillis) {
    return Budgets.session(
        () -> new KafkaLedger(Budgets.DOMAIN, endpoint(), transactionTimeoutMillis),
        Budgets.terms(9),
        "job");
  }

  /** Opens it as the operator does: again, while it is unavailable. */
  private static LedgerState reopen(LedgerSession session) {
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptionsInstanceOf(LedgerException.Unavailable.class)
        .until(() -> session.open(0) instanceof Opening.Owned);
    return session.state();
  }

  @Test
  void aBrokerThatIsDownAtTheStartIsWaitedFor() throws Exception {
    try (LedgerSession session = session(60_000)) {
      assertThatThrownBy(() -> session.open(0)).isInstanceOf(LedgerException.Unavailable.class);
      startBroker();
      assertThat(reopen(session).epoch()).isEqualTo(1);
      assertThat(session.charge(1).round()).isEqualTo(1);
    }
  }

  @Test
  void aBrokerThatIsDownWhenARoundIsDueGrantsNothing() throws Exception {
    startBroker();
    try (LedgerSession session = session(60_000)) {
      reopen(session);
      session.charge(1);
      killBroker();
      assertThatThrownBy(() -> session.charge(2)).isInstanceOf(LedgerException.Unavailable.class);
      startBroker();
      assertThat(reopen(session).rounds()).as("it never arrived").isEqualTo(1);
      assertThat(session.charge(3))
          .returns(2L, Grant::round)
          .returns(1L, Grant::epoch)
          .returns(3L, Grant::tick);
    }
  }

  @Test
  void aBrokerThatGoesDownDuringACommitGrantsNothing() throws Exception {
    startBroker();
    try (LedgerSession session = session(60_000)) {
      reopen(session);
      session.charge(1);
      Hook.betweenWriteAndCommit = this::killBroker;
      assertThatThrownBy(() -> session.charge(2)).isInstanceOf(LedgerException.Unavailable.class);
      Hook.betweenWriteAndCommit = () -> {};
      startBroker();
      assertThat(reopen(session).rounds()).as("written, and aborted by fencing").isEqualTo(1);
      assertThat(session.charge(3).round()).isEqualTo(2);
    }
  }

  @Test
  void aTransactionThatTimesOutGrantsNothingAndTheJobGoesOn() throws Exception {
    startBroker();
    try (LedgerSession session = session(/* transactionTimeoutMillis= */ 1_000)) {
      reopen(session);
      session.charge(1);
      Hook.betweenWriteAndCommit = this::awaitAbort;
      assertThatThrownBy(() -> session.charge(2))
          .isInstanceOfAny(LedgerException.Unavailable.class, LedgerException.Fenced.class);
      Hook.betweenWriteAndCommit = () -> {};
      assertThat(reopen(session)).returns(1L, LedgerState::rounds).returns(1L, LedgerState::epoch);
      assertThat(session.charge(3).round()).isEqualTo(2);
    }
  }

  /** Between reading the topic and committing the first record, in the worst moment of all. */
  @Test
  void aHolderOfAnEarlierReleaseThatWritesMeanwhileIsReadAndThenFenced() throws Exception {
    startBroker();
    KafkaLedger ledger = new KafkaLedger(Budgets.DOMAIN, endpoint());
    ledger.open();
    LedgerEntry genesis = LedgerEntry.after(LedgerState.empty(), Budgets.genesis());
    try (KafkaProducer<String, String> former =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers", kafka.bootstrapServers(), "transactional.id", Budgets.DOMAIN),
            new StringSerializer(),
            new StringSerializer())) {
      former.initTransactions();
      Hook.betweenWriteAndCommit =
          () -> {
            former.beginTransaction();
            former.send(new ProducerRecord<>(TOPIC, genesis.line()));
            former.commitTransaction();
          };
      assertThatThrownBy(() -> ledger.append(genesis))
          .isInstanceOf(LedgerException.Unavailable.class)
          .hasMessageContaining("Another producer has written");
      Hook.betweenWriteAndCommit = () -> {};
      assertThat(ledger.open()).as("its record, once").containsExactly(genesis);
      LedgerState state = LedgerState.of(List.of(genesis), "test");
      ledger.append(LedgerEntry.after(state, new LedgerRecord.EpochOpened(1, "job")));
      assertThatThrownBy(
              () -> {
                former.beginTransaction();
                former.send(new ProducerRecord<>(TOPIC, "stale")).get();
              })
          // which of both says so depends on the broker's version of transactions
          .rootCause()
          .isInstanceOfAny(ProducerFencedException.class, InvalidProducerEpochException.class);
      assertThat(ledger.read()).hasSize(2);
    }
    ledger.close();
  }

  /** The broker looks for transactions that timed out every ten seconds. */
  private void awaitAbort() {
    String holder = KafkaLedger.transactionalId(TOPIC, Budgets.DOMAIN);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () ->
                  admin
                      .describeTransactions(Set.of(holder))
                      .description(holder)
                      .get()
                      .state()
                      .equals(TransactionState.COMPLETE_ABORT));
    }
  }

  /** Runs an action once the broker has a record and before its transaction is committed. */
  public static final class Hook
      implements ProducerInterceptor<byte[], byte[]>, ConsumerInterceptor<byte[], byte[]> {

    static volatile Runnable betweenWriteAndCommit = () -> {};

    @Override
    public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
      return record;
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception exception) {
      if (exception == null) {
        betweenWriteAndCommit.run();
      }
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
      // the ledger's reader commits nothing
    }

    @Override
    public void configure(Map<String, ?> settings) {
      // the action is static
    }

    @Override
    public void close() {
      // nothing is open
    }
  }
}
