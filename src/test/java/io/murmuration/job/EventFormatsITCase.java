package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.DeadLetter;
import io.murmuration.event.DecodeInteractionsFunction;
import io.murmuration.event.EventEncoder;
import io.murmuration.event.RejectionReason;
import io.murmuration.event.UserEvent;
import io.murmuration.event.UserEventSerializer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.FakeRegistry;
import io.murmuration.registry.FakeRegistry.Mood;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The job's source and its decoding on a real broker, in the formats that others write. */
@Timeout(900)
class EventFormatsITCase {

  /** Events come out in this JVM. */
  private static final Queue<UserEvent> EVENTS = new ConcurrentLinkedQueue<>();

  private static final Queue<DeadLetter> DEAD_LETTERS = new ConcurrentLinkedQueue<>();

  private static EmbeddedKafka kafka;

  @TempDir private Path directory;

  @BeforeAll
  static void start(@TempDir Path data) {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @BeforeEach
  void forget() {
    EVENTS.clear();
    DEAD_LETTERS.clear();
  }

  @Test
  void jsonWithFieldsOfAnyNameIsRead() throws Exception {
    kafka.createTopic("json", 1, Map.of());
    send("json", "ann", "{\"at\":5000,\"actor\":{\"id\":\"ann\"},\"body\":\"hello\"}");
    send("json", "bob", "{\"at\":5000,\"actor\":{\"id\":\"ann\"},\"body\":\"hello\"}");
    send("json", "bob", "{\"at\":5000}{}");
    send("json", "ann", (byte[]) null);
    JobClient job =
        submit(
            JobConfigs.in(directory)
                .with("kafka.topics.interactions", "json")
                .with("events.format", "JSON")
                .with("events.time-format", "MILLIS")
                .with("events.fields.event-time", "at")
                .with("events.fields.user-id", "actor.id")
                .with("events.fields.text", "body"),
            /* savepoint= */ null);
    try {
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> EVENTS.size() == 2 && DEAD_LETTERS.size() == 2);
      assertThat(EVENTS).first().isEqualTo(UserEvent.interaction("ann", "", 5000, null, "hello"));
      assertThat(EVENTS).last().matches(UserEvent::isErasure);
      assertThat(DEAD_LETTERS)
          .extracting(DeadLetter::reason)
          .containsExactly(RejectionReason.KEY_MISMATCH, RejectionReason.NOT_JSON);
    } finally {
      end(job);
    }
  }

  @Test
  void aRegistryThatIsAwayStopsIngest_notCheckpoints_andLosesNothing() throws Exception {
    kafka.createTopic("registry", 1, Map.of());
    try (FakeRegistry registry =
        FakeRegistry.start()
            .with(1, EventEncoder.schema().toString())
            .with(2, EventEncoder.schema().toString())) {
      JobConfigs configs =
          JobConfigs.in(directory)
              .with("kafka.topics.interactions", "registry")
              .with("events.format", "AVRO_REGISTRY")
              .with("events.registry.url", registry.url().toString());
      send("registry", "ann", said(1, "ann"));
      JobClient job = submit(configs, /* savepoint= */ null);
      String savepoint;
      try {
        await().atMost(Duration.ofSeconds(60)).until(() -> EVENTS.size() == 1);
        registry.feel(Mood.UNAVAILABLE);
        send("registry", "bob", said(2, "bob"));
        send("registry", "cat", said(1, "cat"));
        await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> registry.requests().contains("GET /schemas/ids/2"));
        savepoint =
            job.triggerSavepoint(
                    directory.resolve("savepoints").toUri().toString(),
                    SavepointFormatType.CANONICAL)
                .get(1, TimeUnit.MINUTES);
        assertThat(EVENTS).extracting(UserEvent::userId).containsExactly("ann");
      } finally {
        end(job);
      }
      registry.feel(Mood.WELL);
      job = submit(configs, savepoint);
      try {
        await().atMost(Duration.ofSeconds(60)).until(() -> EVENTS.size() >= 3);
        assertThat(EVENTS).extracting(UserEvent::userId).containsExactly("ann", "bob", "cat");
        registry.feel(Mood.UNAVAILABLE);
        send("registry", "dan", said(3, "dan"));
        await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> registry.requests().contains("GET /schemas/ids/3"));
        registry.feel(Mood.WELL);
        send("registry", "eve", said(2, "eve"));
        await().atMost(Duration.ofSeconds(60)).until(() -> EVENTS.size() == 4);
        assertThat(EVENTS).last().extracting(UserEvent::userId).isEqualTo("eve");
        assertThat(DEAD_LETTERS)
            .extracting(DeadLetter::reason)
            .containsExactly(RejectionReason.UNKNOWN_SCHEMA);
      } finally {
        end(job);
      }
    }
  }

  private static byte[] said(int schemaId, String user) {
    return EventEncoder.registry(schemaId)
        .encode(
            Interaction.newBuilder()
                .setEventId("e")
                .setUserId(user)
                .setEventTime(Instant.EPOCH)
                .setPrompt(null)
                .setText("hello")
                .setErase(false)
                .build());
  }

  private static void send(String topic, String key, String value) throws Exception {
    send(topic, key, value.getBytes(StandardCharsets.UTF_8));
  }

  private static void send(String topic, String key, byte[] value) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), value)).get();
    }
  }

  /** The first two operators of the job, and nothing behind them. */
  private JobClient submit(JobConfigs configs, String savepoint) throws Exception {
    var config =
        configs
            .with("kafka.bootstrap-servers", kafka.bootstrapServers())
            .with("events.truncation", "CHARACTERS")
            .config();
    MurmurationTopology topology = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    Configuration settings =
        Configuration.fromMap(
            Map.of(
                "execution.checkpointing.interval", "200 ms",
                "execution.checkpointing.dir", directory.resolve("checkpoints").toUri().toString(),
                "restart-strategy.type", "disable",
                "pipeline.generic-types", "false"));
    if (savepoint != null) {
      settings.setString("execution.state-recovery.path", savepoint);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    SingleOutputStreamOperator<UserEvent> events =
        env.fromSource(topology.interactions(), SilentWatermarks.strategy(), "interactions")
            .uid("interactions")
            .process(topology.decode())
            .returns(new UserEventSerializer().typeInfo(UserEvent.class))
            .uid("decode");
    events
        .getSideOutput(DecodeInteractionsFunction.DEAD_LETTERS)
        .filter(letter -> DEAD_LETTERS.add(letter))
        .uid("dead-letters")
        .sinkTo(new DiscardingSink<>());
    events.filter(event -> EVENTS.add(event)).uid("events").sinkTo(new DiscardingSink<>());
    return env.executeAsync("formats");
  }

  private static void end(JobClient job) throws Exception {
    job.cancel().get(1, TimeUnit.MINUTES);
    job.getJobExecutionResult().handle((result, cancelled) -> null).get(1, TimeUnit.MINUTES);
  }
}
