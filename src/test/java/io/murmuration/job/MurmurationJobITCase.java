package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.StateSummary;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.avro.Interaction;
import io.murmuration.model.AdaptedModel;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.ReleaseManifest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The whole job between a broker and a directory of releases: RocksDB, checkpoints, real model. */
@Timeout(900)
class MurmurationJobITCase {

  private static final double SAMPLING_PROBABILITY = 0.2;
  private static final double NOISE_MULTIPLIER = 1;
  private static final double DELTA = 1e-5;
  private static final int ROUNDS = 4;
  private static final int MILLION = 1 << 20;
  private static final Mechanism MECHANISM =
      new PoissonSubsampledGaussian(SAMPLING_PROBABILITY, NOISE_MULTIPLIER);

  private static EmbeddedKafka kafka;

  @TempDir private Path directory;

  @BeforeAll
  static void startBroker(@TempDir Path data) {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopBroker() {
    kafka.close();
  }

  @Test
  void trainsToTheBudgetWhateverUsersSend() throws Exception {
    MurmurationConfig config = config("file").config();
    createTopics(config);
    feed(config);
    String savepoint;
    try (Run run = new Run(config)) {
      run.awaitHalt();
      assertThat(run.halts).containsExactly(HaltReason.BUDGET_SPENT);
      assertThat(run.granted).containsExactly(1L, 2L, 3L, 4L);
      // ingest goes on
      sendRaw(config, "late", "still garbage".getBytes(StandardCharsets.UTF_8));
      awaitDeadLetters(config, 6);
      savepoint = run.stop();
    }
    assertThat(reasons(config))
        .containsExactlyInAnyOrder(
            RejectionReason.NOT_SINGLE_OBJECT_ENCODED.name(),
            RejectionReason.NOT_SINGLE_OBJECT_ENCODED.name(),
            RejectionReason.UNKNOWN_SCHEMA.name(),
            RejectionReason.KEY_MISMATCH.name(),
            RejectionReason.EMPTY_TEXT.name(),
            RejectionReason.USER_ID_TOO_LONG.name());

    assertStateIsBounded(config, savepoint);
    Ledger ledger = new FileLedger(directory.resolve("ledger").resolve("file.ledger"));
    List<ReleaseManifest> manifests = manifests();
    assertLedgerAndReleasesAgree(ledger, manifests, MECHANISM);
    assertAnnounced(config, manifests);
    assertReleaseIsUsable(config);

    try (Run second = new Run(config)) {
      second.awaitHalt();
      assertThat(second.halts).containsExactly(HaltReason.BUDGET_SPENT);
      sendRaw(config, "late", "garbage for ever".getBytes(StandardCharsets.UTF_8));
      awaitDeadLetters(config, 7);
      assertThat(second.granted).isEmpty();
      second.stop();
    }
    assertThat(manifests()).isEqualTo(manifests);
    assertThat(charges(ledger)).hasSize(ROUNDS);
  }

  /** As a learning rate that is far too high makes it; ingest goes on, and so does time. */
  @Test
  void aModelThatOverflowsCostsOneRoundAndNotTheBudget() throws Exception {
    MurmurationConfig config = config("overflow").with("training.learning-rate", "1e30").config();
    createTopics(config);
    feedUsers(config);
    Ledger ledger = new FileLedger(directory.resolve("ledger").resolve("overflow.ledger"));
    try (Run run = new Run(config)) {
      run.awaitHalt();
      assertThat(run.halts).containsExactly(HaltReason.MODEL_FAILED);
      assertThat(run.granted).containsExactly(1L);
      sendRaw(config, "late", "garbage".getBytes(StandardCharsets.UTF_8));
      awaitDeadLetters(config, 1);
      run.stop();
    }
    assertThat(charges(ledger)).hasSize(1);
    assertThat(manifests()).isEmpty();

    MurmurationConfig mended = config("overflow").config();
    try (Run run = new Run(mended)) {
      run.awaitHalt();
      assertThat(run.halts).containsExactly(HaltReason.BUDGET_SPENT);
      run.stop();
    }
    assertThat(charges(ledger)).hasSize(ROUNDS);
    assertThat(manifests()).extracting(ReleaseManifest::round).containsExactly(2L, 3L, 4L);
  }

  /** With noise that is correlated over two rounds, in which everybody has one turn. */
  @Test
  void keepsItsLedgerAndItsFeedbackInKafka() throws Exception {
    Mechanism inTurns =
        Mechanism.inTurns(
            Mechanism.uls(2 * SAMPLING_PROBABILITY, NOISE_MULTIPLIER), /* bands= */ 2);
    MurmurationConfig config =
        config("topic")
            .with("privacy.noise-bands", "2")
            .with("privacy.epsilon", String.valueOf(budget(inTurns)))
            .with("ledger.kind", "KAFKA")
            .with("feedback.kind", "KAFKA")
            .with("kafka.topics.replication-factor", "1")
            .config();
    createTopics(config);
    feedUsers(config);
    try (Run run = new Run(config)) {
      run.awaitHalt();
      assertThat(run.granted).containsExactly(1L, 2L, 3L, 4L);
      run.stop();
    }
    Ledger ledger =
        KafkaLedger.factory(
                "topic",
                KafkaEndpoint.of(
                    config.io().topics().ledger(),
                    Map.of("bootstrap.servers", kafka.bootstrapServers()),
                    1))
            .create();
    assertLedgerAndReleasesAgree(ledger, manifests(), inTurns);
    assertThat(manifests())
        .allSatisfy(manifest -> assertThat(manifest.mechanism().bands()).isEqualTo(2));

    try (Run second = new Run(config)) {
      second.awaitHalt();
      assertThat(second.halts).containsExactly(HaltReason.BUDGET_SPENT);
      assertThat(second.granted).isEmpty();
    }
    assertThat(charges(ledger)).hasSize(ROUNDS);
  }

  /** A budget that affords {@link #ROUNDS} rounds and not one more. */
  private JobConfigs config(String domain) {
    return JobConfigs.in(directory)
        .with("privacy.domain", domain)
        .with("privacy.epsilon", String.valueOf(budget(MECHANISM)))
        .with("privacy.delta", String.valueOf(DELTA))
        .with("privacy.sampling-probability", String.valueOf(SAMPLING_PROBABILITY))
        .with("privacy.noise-multiplier", String.valueOf(NOISE_MULTIPLIER))
        .with("privacy.expected-units", "40")
        .with("privacy.round-interval", "300 ms")
        .with("contribution.window-ticks", "100000")
        .with("kafka.bootstrap-servers", kafka.bootstrapServers())
        .with("kafka.topics.interactions", domain + "-interactions")
        .with("kafka.topics.dead-letters", domain + "-dead-letters")
        .with("kafka.topics.releases", domain + "-releases")
        .with("job.checkpoint-interval", "500 ms")
        .with("job.parallelism", "2");
  }

  private static double budget(Mechanism mechanism) {
    PldAccountant accountant = new PldAccountant();
    return (accountant.epsilon(mechanism, ROUNDS, DELTA)
            + accountant.epsilon(mechanism, ROUNDS + 1, DELTA))
        / 2;
  }

  /** The flood was cut to a window's bound, and its texts to the token limit. */
  private static void assertStateIsBounded(MurmurationConfig config, String savepoint)
      throws Exception {
    SavepointInspection inspection = SavepointInspection.read(savepoint, "rocksdb");
    assertThat(inspection.operators())
        .extracting(SavepointInspection.OperatorSize::uid)
        .contains("bound-and-sample", "privacy-budget", "train");
    StateSummary users = inspection.users();
    assertThat(users.users()).isEqualTo(202);
    assertThat(users.examplesPerUser().max()).isEqualTo(config.contribution().examplesPerWindow());
    assertThat(users.eventsSeenPerUser().max()).isBetween(9_900L, 10_100L);
    assertThat(users.usersBySchedule()).containsOnlyKeys("ULS " + SAMPLING_PROBABILITY);
    assertThat(users.waiting()).isZero();
  }

  private void assertLedgerAndReleasesAgree(
      Ledger ledger, List<ReleaseManifest> manifests, Mechanism mechanism) throws Exception {
    List<LedgerEntry> charges = charges(ledger);
    assertThat(charges).hasSize(ROUNDS);
    assertThat(manifests)
        .extracting(ReleaseManifest::ledgerHash)
        .containsExactlyElementsOf(charges.stream().map(LedgerEntry::hash).toList());
    assertThat(manifests)
        .extracting(manifest -> new Charge(1, manifest.round(), manifest.tick(), 1))
        .containsExactlyElementsOf(
            charges.stream().map(entry -> ((Charge) entry.record()).withoutDueTick()).toList());
    List<LedgerEntry> entries = ledger.read();
    assertThat(entries.get(entries.size() - 1).record())
        .isEqualTo(new Halted(1, HaltReason.BUDGET_SPENT));
    assertThat(LedgerState.of(entries, ledger.location()).rounds()).isEqualTo(ROUNDS);

    PldAccountant accountant = new PldAccountant();
    for (ReleaseManifest manifest : manifests) {
      double epsilon = accountant.epsilon(mechanism, manifest.round(), DELTA);
      assertThat(manifest.epsilonSpent()).isEqualTo(epsilon, within(1e-3 * epsilon));
    }
    assertThat(manifests)
        .extracting(ReleaseManifest::epsilonSpent)
        .isSorted()
        .allMatch(epsilon -> epsilon <= budget(mechanism));
    assertThat(manifests.stream().map(ReleaseManifest::epsilonSpent).distinct())
        .hasSize((int) mechanism.participations(ROUNDS));
    assertThat(new ReleaseAudit(DirectoryModelStore.reading(releases())).verify())
        .hasSize(ROUNDS)
        .allSatisfy(release -> assertThat(release.problems()).isEmpty());
  }

  private void assertAnnounced(MurmurationConfig config, List<ReleaseManifest> manifests)
      throws Exception {
    JsonMapper json = new JsonMapper();
    List<JsonNode> announced = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : records(config.io().topics().releases())) {
      announced.add(json.readTree(record.value()));
    }
    assertThat(announced)
        .extracting(announcement -> announcement.get("release").textValue())
        .containsExactlyElementsOf(DirectoryModelStore.reading(releases()).published());
    for (int i = 0; i < manifests.size(); i++) {
      assertThat(announced.get(i).get("manifest"))
          .isEqualTo(json.readTree(manifests.get(i).write()));
    }
  }

  private void assertReleaseIsUsable(MurmurationConfig config) throws Exception {
    List<String> heldOut =
        SyntheticStream.generate(/* seed= */ 9, /* users= */ 20, /* secrets= */ 0).events().stream()
            .map(SyntheticEvent::text)
            .limit(30)
            .toList();
    Path model = Path.of(config.training().model());
    Optional<Path> last = Optional.of(releases().resolve("latest"));
    double base = loss(model, Optional.empty(), heldOut);
    double adapted = loss(model, last, heldOut);
    assertThat(adapted).isFinite().isNotEqualTo(base);
    assertThat(loss(model, last, heldOut)).isEqualTo(adapted);
    assertThat(loss(model, Optional.of(releases().resolve("round-00000001")), heldOut))
        .isNotEqualTo(adapted);
  }

  private static double loss(Path model, Optional<Path> adapter, List<String> texts)
      throws Exception {
    try (AdaptedModel loaded = AdaptedModel.load(model, adapter)) {
      return loaded.evaluate(texts, /* context= */ 64).nllPerToken();
    }
  }

  private static List<LedgerEntry> charges(Ledger ledger) throws Exception {
    return ledger.read().stream().filter(entry -> entry.record() instanceof Charge).toList();
  }

  private List<ReleaseManifest> manifests() throws Exception {
    ReleaseCatalog catalog = new ReleaseCatalog(DirectoryModelStore.reading(releases()));
    List<ReleaseManifest> manifests = new ArrayList<>();
    for (String name : catalog.names()) {
      manifests.add(catalog.manifest(name));
    }
    return manifests;
  }

  private Path releases() {
    return directory.resolve("releases");
  }

  private static void createTopics(MurmurationConfig config) throws InterruptedException {
    var topics = config.io().topics();
    kafka.createTopic(topics.interactions(), 3, Map.of());
    kafka.createTopic(topics.deadLetters(), 1, Map.of());
    kafka.createTopic(topics.releases(), 1, Map.of());
  }

  private static void feedUsers(MurmurationConfig config) throws InterruptedException {
    try (InteractionProducer producer = producer(config)) {
      for (SyntheticEvent event :
          SyntheticStream.generate(/* seed= */ 1, /* users= */ 200, /* secrets= */ 0).events()) {
        producer.send(interaction(event.userId(), event.text()));
      }
    }
  }

  /** What users say, and what somebody may try. */
  private static void feed(MurmurationConfig config) throws Exception {
    feedUsers(config);
    try (InteractionProducer producer = producer(config)) {
      for (int i = 0; i < 10_000; i++) {
        producer.send(interaction("flood", "all work and no play makes " + i));
      }
      producer.send(interaction("emoji", "😀👩‍👩‍👧‍👦🏴‍☠️"));
      producer.send(interaction("silent", ""));
      producer.send(interaction("x".repeat(MILLION), "I have a long name"));
      producer.send(interaction("leaving", "forget me"));
      producer.erase("leaving");
      producer.erase("never seen");
    }
    takeBack(config);
    sendRaw(config, "mallory", "garbage".getBytes(StandardCharsets.UTF_8));
    byte[] foreign = bytes(interaction("mallory", "of a schema nobody knows"));
    foreign[5] ^= 1;
    sendRaw(config, "mallory", foreign);
    sendRaw(config, "mallory", bytes(interaction("alice", "in the name of another")));
  }

  /** A transaction that is aborted: neither the user in it nor the garbage may be seen. */
  private static void takeBack(MurmurationConfig config) throws Exception {
    String topic = config.io().topics().interactions();
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", topic),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      byte[] ghost = "ghost".getBytes(StandardCharsets.UTF_8);
      producer
          .send(new ProducerRecord<>(topic, ghost, bytes(interaction("ghost", "never said"))))
          .get();
      producer.send(new ProducerRecord<>(topic, ghost, ghost)).get();
      producer.abortTransaction();
    }
  }

  private static InteractionProducer producer(MurmurationConfig config) {
    return new InteractionProducer(
        kafka.bootstrapServers(),
        config.io().topics().interactions(),
        Map.of(),
        InteractionProducer.UNLIMITED);
  }

  private static Interaction interaction(String user, String text) {
    return Interaction.newBuilder()
        .setEventId("e")
        .setUserId(user)
        .setEventTime(Instant.EPOCH)
        .setPrompt(null)
        .setText(text)
        .setErase(false)
        .build();
  }

  private static byte[] bytes(Interaction interaction) throws Exception {
    var buffer = interaction.toByteBuffer();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static void sendRaw(MurmurationConfig config, String key, byte[] value) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer
          .send(
              new ProducerRecord<>(
                  config.io().topics().interactions(), key.getBytes(StandardCharsets.UTF_8), value))
          .get();
    }
  }

  private static void awaitDeadLetters(MurmurationConfig config, int count) {
    await().atMost(Duration.ofSeconds(90)).until(() -> reasons(config).size() >= count);
  }

  private static List<String> reasons(MurmurationConfig config) {
    return records(config.io().topics().deadLetters()).stream()
        .map(
            record ->
                new String(
                    record.headers().lastHeader("murmuration.reason").value(),
                    StandardCharsets.UTF_8))
        .toList();
  }

  /** Everything that a topic of one partition holds now. */
  private static List<ConsumerRecord<byte[], byte[]>> records(String topic) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    return records;
  }

  private StreamExecutionEnvironment environment(MurmurationConfig config) {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(
            Configuration.fromMap(
                Map.of(
                    "state.backend.type", "rocksdb",
                    "execution.checkpointing.dir",
                        directory.resolve("checkpoints").toUri().toString(),
                    "taskmanager.memory.managed.size", "128 mb",
                    "restart-strategy.type", "disable")));
    MurmurationJob.addTo(env, config);
    return env;
  }

  private final class Run extends ObservedJob {

    Run(MurmurationConfig config) throws Exception {
      super(config.privacy().domain(), environment(config), directory.resolve("savepoints"));
    }

    void awaitHalt() {
      awaitThat(() -> !halts.isEmpty());
    }
  }
}
