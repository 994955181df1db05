package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.cli.Murmuration;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.registry.RegistryServer;
import io.murmuration.registry.WireFormat;
import io.murmuration.release.ModelStores;
import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole as a team would deploy it, each part a process of its own: job manager, task managers,
 * broker, S3 server, schema registry. All that is kept is in S3, and events come as others write
 * them. {@code scripts/try-cluster-s3} fetches the registry and runs this.
 */
@Timeout(2400)
@EnabledIfSystemProperty(named = RegistryServer.JAR, matches = ".+")
class EverythingOnS3ITCase {

  private static final int TASK_MANAGERS = 2;
  private static final int SLOTS = 2;
  private static final int PARTITIONS = TASK_MANAGERS * SLOTS;
  private static final String BUCKET = "s3://bucket/";

  /** What somebody says: half of it before a task manager dies, the others while none lives. */
  private static final List<SyntheticEvent> EVENTS =
      SyntheticStream.generate(/* seed= */ 5, /* users= */ 200, /* secrets= */ 0).events();

  private static final List<SyntheticEvent> EARLIER = EVENTS.subList(0, EVENTS.size() / 2);
  private static final List<SyntheticEvent> LATER =
      EVENTS.subList(EVENTS.size() / 2, EVENTS.size());

  /** A schema of somebody else: its fields are found by their aliases. */
  private static final Schema FOREIGN =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "ChatMessage", "namespace": "com.example", "fields": [
                {"name": "room", "type": "string"},
                {"name": "sender", "type": "string", "aliases": ["user_id"]},
                {"name": "sent_at", "type": {"type": "long", "logicalType": "timestamp-micros"},
                 "aliases": ["event_time"]},
                {"name": "body", "type": ["null", "string"], "aliases": ["text"]}]}
              """);

  /** First parts of the keys of what was written to S3, by domain. */
  private static final Map<String, Set<String>> WRITTEN = new ConcurrentHashMap<>();

  private static Path directory;
  private static ScriptedCluster cluster;
  private static S3Server s3;
  private static RegistryServer registry;

  @BeforeAll
  static void start(@TempDir(cleanup = CleanupMode.ON_SUCCESS) Path temporary) throws Exception {
    directory = temporary;
    s3 = S3Server.start(directory.resolve("s3"));
    s3.createBucket("bucket");
    s3.trouble(EverythingOnS3ITCase::seen);
    registry = RegistryServer.start(directory);
    Path plugins = directory.resolve("plugins");
    s3.usePlugin(plugins, Map.of());
    // a busy machine takes its time to answer
    List<String> settings = new ArrayList<>(List.of("-Dpekko.ask.timeout=2 min"));
    s3.flinkSettings().forEach((key, value) -> settings.add("-D" + key + "=" + value));
    cluster = new ScriptedCluster(directory, plugins);
    cluster.start(TASK_MANAGERS, SLOTS, settings.toArray(String[]::new));
    cluster.uploadModel(Location.of(BUCKET + "models/demo"));
  }

  @AfterAll
  static void stop() throws Exception {
    try {
      if (cluster != null) {
        cluster.stop();
      }
    } finally {
      if (registry != null) {
        registry.close();
      }
      if (s3 != null) {
        s3.close();
      }
    }
  }

  /** Changes no answer. */
  private static int seen(String method, String resource) {
    String[] parts = resource.replaceFirst("\\?.*", "").split("/"); // "", bucket, domain, place
    if (method.equals("PUT") && parts.length > 4) {
      WRITTEN.computeIfAbsent(parts[2], domain -> ConcurrentHashMap.newKeySet()).add(parts[3]);
      if (parts[4].startsWith(".")) {
        WRITTEN.get(parts[2]).add(parts[3] + "/" + parts[4]);
      }
    }
    return 0;
  }

  /** The registry hangs while the job restores: ingest waits for it, and nothing else does. */
  @Test
  void withEventsOfARegistry() throws Exception {
    String domain = "registry";
    Path config =
        configure(
            domain,
            Map.of(
                "events.format",
                "AVRO_REGISTRY",
                "events.registry.url",
                registry.url().toString(),
                "events.registry.timeout",
                "1 s"));
    int foreign = registry.client().register("chat-value", FOREIGN);
    assertThat(produce(domain, EARLIER, "--registry", "url=" + registry.url()))
        .contains("%,d events written to %s".formatted(EARLIER.size(), topic(domain)));

    String job = cluster.submitByRest(config, Optional.empty());
    cluster.awaitRound(job, 2);
    registry.pause();
    try {
      send(domain, LATER, event -> wireFormat(foreign, event));
      cluster.replaceTaskManager(1, job, domain);
      await()
          .atMost(ScriptedCluster.PATIENCE)
          .until(() -> cluster.anyMetric(job, "interactions", "schemaRegistryAway") == 1);
      cluster.awaitRound(job, cluster.charges(domain).size() + 1);
      assertThat(cluster.everythingIsRead(domain, topic(domain))).isFalse();
    } finally {
      registry.proceed();
    }

    stopRestoreAndVerify(domain, config, job);
  }

  @Test
  void withEventsInJson() throws Exception {
    String domain = "json";
    Path config =
        configure(
            domain,
            Map.of(
                "events.format",
                "JSON",
                "events.time-format",
                "MILLIS",
                "events.fields.user-id",
                "actor.id",
                "events.fields.event-time",
                "at",
                "events.fields.text",
                "body.text"));
    send(domain, EARLIER, EverythingOnS3ITCase::json);

    Location releases = Location.of(BUCKET + domain + "/releases");
    String job = cluster.submitByRest(config, Optional.empty());
    cluster.awaitRound(job, 2);
    send(domain, LATER, EverythingOnS3ITCase::json);
    try (ServingProcess server =
        cluster.serve(
            domain, releases, Location.of(BUCKET + "models/demo"), topic(domain) + "-releases")) {
      long round = server.awaitRoundAfter(0);
      cluster.replaceTaskManager(1, job, domain);
      assertThat(server.awaitRoundAfter(round)).isGreaterThan(round);
      assertThat(server.generate("has anyone").get("round").asLong()).isGreaterThan(round);
    }

    stopRestoreAndVerify(domain, config, job);
  }

  /** Keeps every event, so that a savepoint counts them. */
  private static Path configure(String domain, Map<String, String> events) throws Exception {
    Map<String, String> settings = new TreeMap<>(events);
    settings.put("contribution.window-ticks", Integer.toString(1 << 30));
    settings.put("contribution.examples-per-window", Integer.toString(Short.MAX_VALUE));
    settings.put("contribution.windows", "1");
    settings.put("training.model", BUCKET + "models/demo");
    settings.put("training.parallelism", Integer.toString(TASK_MANAGERS));
    settings.put("kafka.topics.interactions", topic(domain));
    settings.put("kafka.topics.dead-letters", topic(domain) + "-dead-letters");
    settings.put("kafka.topics.releases", topic(domain) + "-releases");
    settings.put("releases.directory", BUCKET + domain + "/releases");
    settings.put("job.checkpoint-directory", BUCKET + domain + "/checkpoints");
    // so that the one that dies has work
    settings.put("job.parallelism", Integer.toString(PARTITIONS));
    Path config = cluster.writeConfig(domain, settings);
    String partitions = Integer.toString(PARTITIONS);
    murmuration("topics", "--config", config.toString(), "--partitions", partitions);
    return config;
  }

  private static String topic(String domain) {
    return "chat-" + domain;
  }

  /** From a job that has lost a task manager to a release that somebody speaks with. */
  private static void stopRestoreAndVerify(String domain, Path config, String job)
      throws Exception {
    String gone = EVENTS.get(0).userId();
    murmuration(
        "erase", gone, "--bootstrap-servers", cluster.bootstrapServers(), "--topic", topic(domain));
    await()
        .atMost(ScriptedCluster.PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> cluster.everythingIsRead(domain, topic(domain)));
    String savepoints = BUCKET + domain + "/savepoints";
    String first = cluster.stopWithSavepoint(job, "--savepointPath", savepoints);
    assertThat(first).startsWith(savepoints);

    long charged = cluster.charges(domain).size();
    String restored = cluster.submitByRest(config, Optional.of(first));
    cluster.awaitRound(restored, charged + 2);
    String last = cluster.stopWithSavepoint(restored, "--savepointPath", savepoints);

    assertThat(cluster.epochs(domain)).isEqualTo(3);
    assertThat(cluster.charges(domain))
        .extracting(charge -> charge.round())
        .doesNotHaveDuplicates()
        .isSorted();
    assertEverythingIsThereOnce(last, gone);
    assertSound(domain);
    assertNothingWasLeftOnThisMachine(domain);
  }

  /** What was said is in the state, but for what an erased user said. */
  private static void assertEverythingIsThereOnce(String savepoint, String gone) throws Exception {
    JsonNode users =
        new JsonMapper()
            .readTree(murmuration("inspect", savepoint, "--json"))
            .get("boundAndSample");
    List<SyntheticEvent> kept =
        EVENTS.stream().filter(event -> !event.userId().equals(gone)).toList();

    assertThat(kept).hasSizeLessThan(EVENTS.size());
    assertThat(users.get("examples").asLong()).isEqualTo(kept.size());
    assertThat(users.get("users").asLong())
        .isEqualTo(kept.stream().map(SyntheticEvent::userId).distinct().count());
  }

  private static void assertSound(String domain) throws Exception {
    String releases = BUCKET + domain + "/releases";
    int published = ModelStores.reading(Location.of(releases)).published().size();
    String[] ledger = {
      "--bootstrap-servers",
      cluster.bootstrapServers(),
      "--ledger-topic",
      "murmuration-ledger-" + domain
    };
    assertThat(published).isPositive();
    assertThat(murmuration(ledger, "releases", "verify", releases))
        .contains("%1$d of %1$d releases are sound".formatted(published));
    assertThat(murmuration(ledger, "ledger", "verify")).contains("is whole");
    assertThat(murmuration(ledger, "ledger", "show", "--releases", releases))
        .contains("%d durable and published".formatted(published));
    assertThat(
            murmuration(
                "generate",
                "--model",
                BUCKET + "models/demo",
                "--adapter",
                releases + "/latest",
                "--max-tokens",
                "3",
                "--prompt",
                "has anyone"))
        .contains("has anyone");
  }

  private static String murmuration(String[] last, String... first) {
    return murmuration(Stream.of(first, last).flatMap(Stream::of).toArray(String[]::new));
  }

  /** Runs a command in this process, which like its own loads the file system of S3. */
  private static String murmuration(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        Murmuration.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(arguments);
    assertThat(exit).as("%s: %s%s", List.of(arguments), out, err).isZero();
    return out.toString();
  }

  private static void assertNothingWasLeftOnThisMachine(String domain) {
    assertThat(WRITTEN.get(domain))
        .contains(
            "checkpoints",
            "savepoints",
            "releases",
            "releases/.staging",
            "releases/.parameters",
            "releases/.murmuration-store");
    assertThat(directory.resolve("checkpoints")).doesNotExist();
    assertThat(directory.resolve("savepoints")).doesNotExist();
    assertThat(cluster.releases(domain)).doesNotExist();
  }

  /** By the command, from a file, with the schema that it adds to the registry. */
  private static String produce(String domain, List<SyntheticEvent> events, String... more)
      throws Exception {
    List<String> lines = new ArrayList<>();
    for (SyntheticEvent event : events) {
      lines.add(
          new JsonMapper()
              .createObjectNode()
              .put("user_id", event.userId())
              .put("event_time", event.eventTime().toString())
              .put("text", event.text())
              .toString());
    }
    Path file = Files.write(directory.resolve(domain + ".jsonl"), lines);
    return murmuration(
        more,
        "produce",
        "--bootstrap-servers",
        cluster.bootstrapServers(),
        "--topic",
        topic(domain),
        "--events",
        file.toString(),
        "--format",
        "avro_registry");
  }

  /** What another program than ours writes. */
  private interface Writer {
    byte[] value(SyntheticEvent event) throws IOException;
  }

  private static void send(String domain, List<SyntheticEvent> events, Writer writer)
      throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", cluster.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      List<Future<?>> sent = new ArrayList<>();
      for (SyntheticEvent event : events) {
        byte[] key = event.userId().getBytes(StandardCharsets.UTF_8);
        sent.add(producer.send(new ProducerRecord<>(topic(domain), key, writer.value(event))));
      }
      for (Future<?> each : sent) {
        each.get();
      }
    }
  }

  private static byte[] json(SyntheticEvent event) {
    var value = new JsonMapper().createObjectNode();
    value.put("type", "message").put("at", event.eventTime().toEpochMilli());
    value.putObject("actor").put("id", event.userId()).put("name", "somebody");
    value.putObject("body").put("text", event.text());
    return value.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] wireFormat(int schemaId, SyntheticEvent event) throws IOException {
    GenericRecord message = new GenericData.Record(FOREIGN);
    message.put("room", "birds");
    message.put("sender", event.userId());
    message.put("sent_at", ChronoUnit.MICROS.between(Instant.EPOCH, event.eventTime()));
    message.put("body", event.text());
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(body, null);
    new GenericDatumWriter<GenericRecord>(FOREIGN).write(message, encoder);
    encoder.flush();
    return WireFormat.encode(schemaId, body.toByteArray(), /* offset= */ 0);
  }
}
