package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.tuple;

import io.murmuration.config.IoConfig;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.job.JobTopics.Outcome;
import io.murmuration.job.JobTopics.Result;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.KafkaTopic;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobTopicsTest {

  private static final Duration RETENTION = Duration.ofDays(7);

  private static EmbeddedKafka kafka;

  @BeforeAll
  static void startBroker(@TempDir Path data) {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopBroker() {
    kafka.close();
  }

  @Test
  void rawTextExpires_ledgerAndReleasesStayForEver() {
    List<NewTopic> topics =
        JobTopics.of(IoConfig.Topics.ofDomain("d", 3), /* partitions= */ 8, RETENTION).topics();

    assertThat(topics)
        .extracting(NewTopic::name, topic -> topic.configs().get("retention.ms"))
        .containsExactly(
            tuple("interactions", "604800000"),
            tuple("interactions-dead-letters", "604800000"),
            tuple("releases", "-1"),
            tuple("murmuration-ledger-d", "-1"),
            tuple("murmuration-feedback-d", null));
    assertThat(topics).extracting(NewTopic::numPartitions).containsExactly(8, 1, 1, 1, 1);
    assertThat(topics.get(3).configs())
        .containsEntry("min.insync.replicas", "2")
        .containsEntry("unclean.leader.election.enable", "false");
  }

  @Test
  void theLedgerAcceptsTheTopicThatWasCreatedForIt() throws Exception {
    try (Admin admin = admin()) {
      JobTopics.of(IoConfig.Topics.ofDomain("ledger", 1), 2, RETENTION).create(admin);
    }
    KafkaEndpoint existing =
        new KafkaEndpoint(
            "murmuration-ledger-ledger",
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            /* createTopic= */ false,
            /* replicationFactor= */ 1,
            KafkaEndpoint.DEFAULT_TIMEOUT);
    try (KafkaLedger ledger = new KafkaLedger("ledger", existing)) {
      assertThat(ledger.open()).isEmpty();
    }
  }

  @Test
  void aSecondRunFindsEverythingInPlace_andNamesWhatDiffers() throws Exception {
    kafka.createTopic("announced", 2, Map.of("retention.ms", "1000"));
    IoConfig.Topics names = new IoConfig.Topics("said", "dead", "announced", "spent", "done", 1);
    try (Admin admin = admin()) {
      List<Result> first = JobTopics.of(names, 4, RETENTION).create(admin);
      List<Result> second = JobTopics.of(names, 4, RETENTION).create(admin);

      Result differs =
          new Result(
              "announced",
              Outcome.DIFFERS,
              List.of("partitions is 2 instead of 1", "retention.ms is 1000 instead of -1"));
      assertThat(first)
          .containsExactly(
              created("said"), created("dead"), differs, created("spent"), created("done"));
      assertThat(second)
          .containsExactly(
              exists("said"), exists("dead"), differs, exists("spent"), exists("done"));
    }
  }

  @Test
  void moreThanIsNeededDiffersFromNothing_andLessDoes() throws Exception {
    kafka.createTopic("safe", 1, Map.of("min.insync.replicas", "3"));
    kafka.createTopic("unsafe", 1, Map.of());
    JobTopics needed =
        new JobTopics(
            List.of(
                new NewTopic("safe", 1, (short) 1).configs(KafkaTopic.newTopicSettings(3)),
                new NewTopic("unsafe", 1, (short) 3).configs(KafkaTopic.newTopicSettings(3))));
    try (Admin admin = admin()) {
      assertThat(needed.create(admin))
          .containsExactly(
              exists("safe"),
              new Result(
                  "unsafe",
                  Outcome.DIFFERS,
                  List.of(
                      "replication is 1 instead of 3", "min.insync.replicas is 1 instead of 2")));
    }
  }

  @Test
  void nonsenseIsRefused() {
    IoConfig.Topics names = IoConfig.Topics.ofDomain("d", 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobTopics.of(names, 0, RETENTION))
        .withMessage("partitions must be at least 1 but is 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobTopics.of(names, 1, Duration.ZERO))
        .withMessage("retention must be positive but is PT0S");
  }

  private static Result created(String topic) {
    return new Result(topic, Outcome.CREATED, List.of());
  }

  private static Result exists(String topic) {
    return new Result(topic, Outcome.EXISTS, List.of());
  }

  private static Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }
}
