package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.murmuration.TlsKeys;
import io.murmuration.cli.Murmuration;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.InteractionProducer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * A broker that speaks TLS and lets in only who authenticates: the settings reach every client of
 * the job, and the producer's command.
 */
@Timeout(900)
class SecuredKafkaITCase {

  private static final String LOGIN =
      "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\"%s;";

  private static final String STORE_PASSWORD = "changeit";

  private static Map<String, String> broker(Path keys) {
    Map<String, String> settings = new HashMap<>(BROKER);
    // clients of its own that the broker has trust it too
    for (String store : List.of("ssl.keystore", "ssl.truststore")) {
      settings.put(store + ".location", keys.toString());
      settings.put(store + ".password", STORE_PASSWORD);
    }
    return settings;
  }

  private static final Map<String, String> BROKER =
      Map.of(
          "listener.security.protocol.map", "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
          "inter.broker.listener.name", "PLAINTEXT",
          "sasl.enabled.mechanisms", "PLAIN",
          "sasl.mechanism.inter.broker.protocol", "PLAIN",
          "listener.name.plaintext.plain.sasl.jaas.config",
              LOGIN.formatted(
                  "broker",
                  "between brokers",
                  " user_broker=\"between brokers\" user_job=\"hunter2\""));

  private static Map<String, String> client;

  private static EmbeddedKafka kafka;

  @TempDir private Path directory;

  @BeforeAll
  static void startBroker(@TempDir Path data) throws Exception {
    Path keys = TlsKeys.selfSigned(data.resolve("keys.p12"), STORE_PASSWORD);
    client =
        Map.of(
            "security.protocol",
            "SASL_SSL",
            "ssl.truststore.location",
            keys.toString(),
            "ssl.truststore.password",
            STORE_PASSWORD,
            "sasl.mechanism",
            "PLAIN",
            "sasl.jaas.config",
            LOGIN.formatted("job", "hunter2", ""));
    kafka = EmbeddedKafka.start(data.resolve("kafka"), EmbeddedKafka.ANY_PORT, broker(keys));
  }

  @AfterAll
  static void stopBroker() {
    kafka.close();
  }

  @Test
  void strangersStayOutside() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", kafka.bootstrapServers());
    properties.put("default.api.timeout.ms", "3000");
    properties.put("request.timeout.ms", "3000");
    try (Admin stranger = Admin.create(properties)) {
      assertThatThrownBy(() -> stranger.listTopics().names().get())
          .hasCauseInstanceOf(TimeoutException.class);
    }
  }

  @Test
  void theProduceCommandIsLetInWithTheSameSettings() throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("chat.jsonl"),
            "{\"user_id\":\"ann\",\"event_time\":\"2026-01-01T10:00:00Z\",\"text\":\"hello\"}");
    List<String> arguments =
        new ArrayList<>(
            List.of("produce", "--bootstrap-servers", kafka.bootstrapServers(), "--topic", "said"));
    arguments.addAll(List.of("--events", file.toString()));
    client.forEach((key, value) -> arguments.addAll(List.of("--kafka", key + "=" + value)));
    Properties properties = new Properties();
    properties.putAll(client);
    properties.put("bootstrap.servers", kafka.bootstrapServers());
    try (Admin admin = Admin.create(properties)) {
      admin.createTopics(List.of(new NewTopic("said", 1, (short) 1))).all().get();
      assertThat(Murmuration.commandLine().execute(arguments.toArray(String[]::new))).isZero();
      assertThat(records(admin, "said")).isEqualTo(1);

      // the last of two equal settings counts
      arguments.addAll(
          List.of("--kafka", "sasl.jaas.config=" + LOGIN.formatted("job", "hunter3", "")));
      StringWriter err = new StringWriter();
      CommandLine command = Murmuration.commandLine();
      command.setErr(new PrintWriter(err, true));
      assertThat(command.execute(arguments.toArray(String[]::new))).isEqualTo(1);
      assertThat(err.toString())
          .contains("Invalid username or password")
          .doesNotContain("hunter3")
          .hasLineCount(1);
      assertThat(records(admin, "said")).isEqualTo(1);
    }
  }

  @Test
  void theJobReadsTrainsAndPublishes_everyClientUnderItsOwnName() throws Exception {
    MurmurationConfig config = config();
    Properties client = config.io().clientProperties();
    try (Admin admin = Admin.create(client)) {
      JobTopics.of(config.io().topics(), /* partitions= */ 2, Duration.ofDays(1)).create(admin);
      feed(config);
      JobClient job = submit(config);
      try {
        await()
            .atMost(Duration.ofSeconds(120))
            .failFast(() -> job.getJobStatus().get().isTerminalState())
            .untilAsserted(
                () -> {
                  assertThat(records(admin, config.io().topics().deadLetters())).isPositive();
                  assertThat(records(admin, config.io().topics().ledger())).isPositive();
                  assertThat(records(admin, config.io().topics().feedback())).isPositive();
                  assertThat(records(admin, config.io().topics().releases())).isPositive();
                });
        assertThat(clientIds())
            .contains(
                "murmuration-secured-dead-letters",
                "murmuration-secured-ledger",
                "murmuration-secured-feedback",
                "murmuration-secured-releases")
            .anyMatch(id -> id.startsWith("murmuration-secured-interactions"));
      } finally {
        job.cancel().get(1, TimeUnit.MINUTES);
        // the model's files must outlive the tasks
        job.getJobExecutionResult().handle((result, cancelled) -> null).get(1, TimeUnit.MINUTES);
      }
    }
  }

  private MurmurationConfig config() {
    JobConfigs configs =
        JobConfigs.in(directory)
            .with("privacy.domain", "secured")
            .with("privacy.round-interval", "300 ms")
            .with("kafka.bootstrap-servers", kafka.bootstrapServers())
            .with("kafka.topics.replication-factor", "1")
            .with("ledger.kind", "KAFKA")
            .with("feedback.kind", "KAFKA")
            .with("job.checkpoint-interval", "500 ms")
            .with("job.parallelism", "1");
    client.forEach((key, value) -> configs.with("kafka.properties." + key, value));
    return configs.config();
  }

  private JobClient submit(MurmurationConfig config) throws Exception {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(
            Configuration.fromMap(
                Map.of(
                    "execution.checkpointing.dir",
                    directory.resolve("checkpoints").toUri().toString(),
                    "restart-strategy.type",
                    "disable")));
    MurmurationJob.addTo(env, config);
    return env.executeAsync("secured");
  }

  private static void feed(MurmurationConfig config) throws Exception {
    String topic = config.io().topics().interactions();
    try (InteractionProducer producer =
        new InteractionProducer(
            kafka.bootstrapServers(), topic, client, InteractionProducer.UNLIMITED)) {
      for (SyntheticEvent event :
          SyntheticStream.generate(/* seed= */ 1, /* users= */ 50, /* secrets= */ 0).events()) {
        producer.send(event.toInteraction());
      }
    }
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            config.io().clientProperties(), new ByteArraySerializer(), new ByteArraySerializer())) {
      byte[] garbage = "garbage".getBytes(StandardCharsets.UTF_8);
      producer.send(new ProducerRecord<>(topic, garbage, garbage)).get();
    }
  }

  private static long records(Admin admin, String topic) throws Exception {
    TopicPartition partition = new TopicPartition(topic, 0);
    return admin
        .listOffsets(Map.of(partition, OffsetSpec.latest()))
        .partitionResult(partition)
        .get()
        .offset();
  }

  /** Of the producers, consumers and administrators that live in this JVM. */
  private static Set<String> clientIds() throws MalformedObjectNameException {
    Set<String> ids = new HashSet<>();
    for (String kind : List.of("producer", "consumer")) {
      ManagementFactory.getPlatformMBeanServer()
          .queryNames(new ObjectName("kafka.%s:type=app-info,id=*".formatted(kind)), null)
          .forEach(name -> ids.add(name.getKeyProperty("id")));
    }
    return ids;
  }
}
