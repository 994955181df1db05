package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.demo.BackgroundFeed;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.registry.FakeRegistry;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The producer, the feed and the command against a real broker. */
class ProduceCommandTest {
  private static final String MIXED_LINES =
      """
      {"user_id":"ann","event_time":"2026-01-01T10:00:00.123Z","text":"hello \uD83D\uDC4B","prompt":"say hello"}

      {"user_id":"bob","event_time":"yesterday","text":"hello"}
      {"user_id":"robot","event_time":"2026-01-01T10:00:01Z","text":"beep","bot":true}
      {"event_time":"2026-01-01T10:00:02Z","text":"nobody"}
      {"user_id":"cat","event_id":"e-7","event_time":"2026-01-01T10:00:03Z","text":""}
      """;

  @TempDir private static Path directory;
  private static EmbeddedKafka kafka;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void startKafka() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Test
  void eventsAreWrittenAndEverythingLeftOutIsCounted() throws Exception {
    kafka.createTopic("mixed", 1, Map.of());
    Path file = directory.resolve("mixed.jsonl.gz");
    try (OutputStream gz = new GZIPOutputStream(Files.newOutputStream(file))) {
      gz.write(MIXED_LINES.getBytes(StandardCharsets.UTF_8));
    }
    Instant before = Instant.now();
    int exit =
        produce(
            "mixed",
            "--events",
            file.toString(),
            "--exclude-bots",
            "--bad-lines",
            "skip",
            "--json");
    assertThat(exit).isZero();
    JsonNode summary = new ObjectMapper().readTree(out.toString());
    assertThat(summary.get("produced").asLong()).isEqualTo(2);
    assertThat(summary.get("bad_lines").asLong()).isEqualTo(2);
    assertThat(summary.get("bot_events").asLong()).isEqualTo(1);
    assertThat(err.toString()).contains("line 3 of mixed.jsonl.gz").contains("line 5 of");

    List<ConsumerRecord<byte[], byte[]>> records = read("mixed", 2);
    assertThat(records.get(0).key()).asString(StandardCharsets.UTF_8).isEqualTo("ann");
    assertThat(records)
        .allMatch(
            record -> !Instant.ofEpochMilli(record.timestamp()).isBefore(before.minusMillis(1)));
    Interaction ann = Interaction.getDecoder().decode(records.get(0).value());
    assertThat(ann.getText()).isEqualTo("hello \uD83D\uDC4B");
    assertThat(ann.getPrompt()).isEqualTo("say hello");
    assertThat(ann.getEventTime()).isEqualTo("2026-01-01T10:00:00.123Z");
    Interaction cat = Interaction.getDecoder().decode(records.get(1).value());
    assertThat(cat.getEventId()).isEqualTo("e-7");
    assertThat(cat.getText()).isEmpty();
  }

  @Test
  void eachFormatIsWrittenAsTheJobReadsIt() throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("formats.jsonl"), MIXED_LINES.lines().findFirst().orElseThrow());
    kafka.createTopic("format-json", 1, Map.of());
    assertThat(produce("format-json", "--events", file.toString(), "--format", "json")).isZero();
    JsonNode json = new ObjectMapper().readTree(read("format-json", 1).get(0).value());
    assertThat(json.path("text").asText()).isEqualTo("hello \uD83D\uDC4B");
    assertThat(json.path("event_time").asText()).isEqualTo("2026-01-01T10:00:00.123Z");

    kafka.createTopic("format-registry", 1, Map.of());
    try (FakeRegistry registry = FakeRegistry.start()) {
      String[] options = {
        "--events",
        file.toString(),
        "--format",
        "AVRO_REGISTRY",
        "--registry",
        "url=" + registry.url()
      };
      String[] strict = Arrays.copyOf(options, options.length + 1);
      strict[options.length] = "--no-register";
      assertThat(produce("format-registry", strict)).isEqualTo(1);
      assertThat(err.toString())
          .contains("subject format-registry-value must have the schema")
          .hasLineCount(1);
      assertThat(produce("format-registry", options)).isZero();
      assertThat(produce("format-registry", strict)).isZero();
      assertThat(registry.requests())
          .contains("POST /subjects/format-registry-value/versions")
          .hasSize(4);
      for (ConsumerRecord<byte[], byte[]> record : read("format-registry", 2)) {
        assertThat(Arrays.copyOf(record.value(), 5)).containsExactly(0, 0, 0, 0, 1);
      }
      registry.feel(FakeRegistry.Mood.UNAVAILABLE);
      err.getBuffer().setLength(0);
      assertThat(produce("format-registry", options)).isEqualTo(1);
      assertThat(err.toString()).contains("the registry is away").hasLineCount(1);
    }
    assertThat(produce("x", "--registry", "url=http://localhost")).isEqualTo(2);
    assertThat(err.toString()).contains("need --format AVRO_REGISTRY");
    assertThat(produce("x", "--format", "AVRO_REGISTRY")).isEqualTo(2);
    assertThat(err.toString()).contains("events.registry.url is required");
  }

  @Test
  void eraseWritesATombstoneForEachUser() throws Exception {
    kafka.createTopic("erased", 1, Map.of());
    CommandLine command = Murmuration.commandLine();
    command.setOut(new PrintWriter(out, true));
    command.setErr(new PrintWriter(err, true));

    int exit =
        command.execute(
            "erase",
            "ann",
            "bob",
            "--topic",
            "erased",
            "--bootstrap-servers",
            kafka.bootstrapServers());

    assertThat(exit).isZero();
    assertThat(out.toString()).contains("2 users erased in every partition of erased");
    assertThat(read("erased", 2))
        .allSatisfy(record -> assertThat(record.value()).isNull())
        .extracting(record -> new String(record.key(), StandardCharsets.UTF_8))
        .containsExactly("ann", "bob");
    assertThat(command.execute("erase", " ", "--bootstrap-servers", "localhost:1")).isEqualTo(2);
    assertThat(err.toString()).contains("a user id must not be empty");
  }

  @Test
  void aBadLineStopsUnlessToldToSkip() throws Exception {
    kafka.createTopic("stop", 1, Map.of());
    Path file = Files.writeString(directory.resolve("stop.jsonl"), MIXED_LINES);
    assertThat(produce("stop", "--events", file.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("line 3 of stop.jsonl");
    assertThat(read("stop", 1)).hasSize(1);
  }

  @Test
  void noTwoPeopleBecomeOneAndWhatCannotBeReadIsCounted() throws Exception {
    kafka.createTopic("strict", 1, Map.of());
    String line = "{\"user_id\":\"%s\",\"event_time\":\"2026-01-01T00:00:00Z\",\"text\":\"t\"}\n";
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write("\ufeff".getBytes(StandardCharsets.UTF_8));
    bytes.write(line.formatted("first").getBytes(StandardCharsets.UTF_8));
    bytes.write(line.formatted("jos\u00e9").getBytes(StandardCharsets.ISO_8859_1));
    bytes.write(line.formatted("jos\u00e8").getBytes(StandardCharsets.ISO_8859_1));
    bytes.write(line.formatted("a\\ud83d").getBytes(StandardCharsets.UTF_8));
    bytes.write(line.formatted("a\\ud83c").getBytes(StandardCharsets.UTF_8));
    bytes.write(line.replace("2026", "+999999999").formatted("late").getBytes("UTF-8"));
    bytes.write((line.formatted("cat").strip() + line.formatted("dog")).getBytes("UTF-8"));
    bytes.write(line.formatted("last").getBytes(StandardCharsets.UTF_8));
    Path file = Files.write(directory.resolve("strict.jsonl"), bytes.toByteArray());

    assertThat(produce("strict", "--events", file.toString(), "--bad-lines", "skip", "--json"))
        .isZero();
    JsonNode summary = new ObjectMapper().readTree(out.toString());
    assertThat(summary.get("produced").asLong()).isEqualTo(2);
    assertThat(summary.get("bad_lines").asLong()).isEqualTo(6);
    for (int number = 2; number <= 7; number++) {
      assertThat(err.toString()).contains("skipped line %d of strict.jsonl: ".formatted(number));
    }
    assertThat(read("strict", 2))
        .extracting(record -> new String(record.key(), StandardCharsets.UTF_8))
        .containsExactly("first", "last");
  }

  @Test
  void aCutFileSaysWhereAndHowManyWereSent() throws Exception {
    kafka.createTopic("cut", 1, Map.of());
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    try (OutputStream gz = new GZIPOutputStream(whole)) {
      for (int i = 0; i < 3000; i++) {
        gz.write(
            "{\"user_id\":\"u%d\",\"event_time\":\"2026-01-01T00:00:00Z\",\"text\":\"%d\"}\n"
                .formatted(i, i * 7919L % 104729)
                .getBytes(StandardCharsets.UTF_8));
      }
    }
    Path file =
        Files.write(
            directory.resolve("cut.jsonl.gz"),
            Arrays.copyOf(whole.toByteArray(), whole.size() * 3 / 4));
    assertThat(produce("cut", "--events", file.toString(), "--bad-lines", "skip")).isEqualTo(1);
    Matcher said =
        Pattern.compile(
                "cut.jsonl.gz cannot be read beyond line (\\d+), it is cut or damaged: .*;"
                    + " ([\\d,]+) events before it were sent")
            .matcher(err.toString());
    assertThat(said.find()).as(err.toString()).isTrue();
    int sent = Integer.parseInt(said.group(2).replace(",", ""));
    assertThat(sent).isGreaterThan(500);
    assertThat(read("cut", sent)).hasSize(sent);
  }

  @Test
  void erasuresComeFromFilesAndNeverWithReplacementCharacters() throws Exception {
    kafka.createTopic("erase-file", 1, Map.of());
    Path file =
        Files.writeString(
            directory.resolve("users.jsonl"),
            "{\"user_id\": \"jos\u00e9\"}\n\n{\"user_id\": \" \", \"why\": \"asked\"}\n");
    assertThat(erase("erase-file", "--users", file.toString())).isZero();
    assertThat(read("erase-file", 2))
        .extracting(record -> new String(record.key(), StandardCharsets.UTF_8))
        .containsExactly("jos\u00e9", " ");
    assertThat(erase("erase-file", "jos\ufffd")).isEqualTo(2);
    assertThat(erase("erase-file")).isEqualTo(2);
    assertThat(erase("erase-file", "a\ud83d")).isEqualTo(1);
    Files.writeString(file, "{\"user_id\": \"ann\"}\n{\"user_id\": \"\"}\n");
    assertThat(erase("erase-file", "--users", file.toString())).isEqualTo(1);
    assertThat(err.toString())
        .contains("replacement character")
        .contains("at least one user id")
        .contains("half of a surrogate pair")
        .contains("line 2 of " + file + ": user_id must not be empty; nobody was erased");
    assertThat(read("erase-file", 2)).hasSize(2);
  }

  private int erase(String... arguments) {
    List<String> all = new ArrayList<>(List.of("erase", "--topic"));
    all.addAll(List.of(arguments));
    all.addAll(List.of("--bootstrap-servers", kafka.bootstrapServers()));
    CommandLine command = Murmuration.commandLine();
    command.setOut(new PrintWriter(out, true));
    command.setErr(new PrintWriter(err, true));
    return command.execute(all.toArray(String[]::new));
  }

  @Test
  void usersAreHeldOutByTheirHash() throws Exception {
    kafka.createTopic("all-held-out", 1, Map.of());
    Path file =
        Files.writeString(
            directory.resolve("one.jsonl"), MIXED_LINES.lines().findFirst().orElseThrow() + "\n");
    assertThat(produce("all-held-out", "--events", file.toString(), "--holdout", "1", "--json"))
        .isZero();
    assertThat(out.toString()).contains("\"produced\":0").contains("\"held_out_events\":1");
  }

  @Test
  void wrongUseIsExplained() {
    assertThat(produce("any", "--rate", "0")).isEqualTo(2);
    assertThat(produce("any", "--holdout", "NaN")).isEqualTo(2);
    assertThat(produce("any", "--events", "/no/such/file")).isEqualTo(2);
    assertThat(err.toString())
        .contains("--rate must be above 0")
        .contains("--holdout must lie in [0, 1], not NaN")
        .contains("no readable file");
  }

  @Test
  void anEventThatNoRecordCanHoldIsRefusedAndTheProducerGoesOn() throws Exception {
    kafka.createTopic("large", 1, Map.of());
    try (InteractionProducer producer = producer("large", InteractionProducer.UNLIMITED)) {
      assertThatThrownBy(() -> producer.send(event("x".repeat(5 << 20))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("max.request.size");
      producer.send(event("y".repeat(3 << 20)));
      producer.erase("user");
      producer.flush();
      assertThat(producer.sent()).isEqualTo(2);
    }
    assertThat(read("large", 2))
        .extracting(record -> record.value() == null)
        .containsExactly(false, true);
  }

  @Test
  void theRateIsKept() throws Exception {
    kafka.createTopic("paced", 1, Map.of());
    long start = System.nanoTime();
    try (InteractionProducer producer = producer("paced", /* eventsPerSecond= */ 100)) {
      for (int i = 0; i < 31; i++) {
        producer.send(event("tick"));
      }
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(299));
    assertThatThrownBy(() -> producer("paced", Double.NaN))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aFeedSendsEverythingAndAnEndlessOneCanBeStopped() throws Exception {
    kafka.createTopic("feed", 1, Map.of());
    SyntheticStream stream = SyntheticStream.generate(/* seed= */ 1, /* users= */ 100, 1);
    Iterator<Interaction> finite =
        stream.events().stream().map(event -> event.toInteraction()).iterator();
    try (BackgroundFeed feed =
        BackgroundFeed.start(finite, producer("feed", InteractionProducer.UNLIMITED))) {
      Awaitility.await().until(feed::isDone);
      assertThat(feed.sent()).isEqualTo(stream.events().size());
      assertThat(feed.rejected()).isZero();
    }
    assertThat(read("feed", stream.events().size())).hasSize(stream.events().size());

    Iterator<Interaction> endless = Stream.generate(() -> event("again")).iterator();
    BackgroundFeed feed = BackgroundFeed.start(endless, producer("feed", 1_000));
    Awaitility.await().until(() -> feed.sent() > 10);
    feed.close();
    assertThat(feed.isDone()).isTrue();
  }

  @Test
  void aFeedThatCannotSendSaysSo() throws Exception {
    InteractionProducer producer =
        new InteractionProducer(
            kafka.bootstrapServers(),
            "no-such-topic",
            Map.of("max.block.ms", "200"),
            InteractionProducer.UNLIMITED);
    BackgroundFeed feed =
        BackgroundFeed.start(Stream.generate(() -> event("lost")).iterator(), producer);
    Awaitility.await().until(feed::isDone);
    assertThatThrownBy(feed::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("no-such-topic");
  }

  private int produce(String topic, String... arguments) {
    List<String> all = new ArrayList<>(List.of("produce", "--topic", topic));
    all.addAll(List.of("--bootstrap-servers", kafka.bootstrapServers(), "--no-progress"));
    all.addAll(List.of(arguments));
    CommandLine command = Murmuration.commandLine();
    if (!command.getSubcommands().containsKey("produce")) {
      command.addSubcommand(new ProduceCommand());
      // Both reach only the subcommands that are there when they are set.
      command.setCaseInsensitiveEnumValuesAllowed(true);
      command.setExecutionExceptionHandler(command.getExecutionExceptionHandler());
    }
    command.setOut(new PrintWriter(out, true));
    command.setErr(new PrintWriter(err, true));
    return command.execute(all.toArray(String[]::new));
  }

  private static InteractionProducer producer(String topic, double eventsPerSecond) {
    return new InteractionProducer(kafka.bootstrapServers(), topic, Map.of(), eventsPerSecond);
  }

  private static Interaction event(String text) {
    return Interaction.newBuilder()
        .setEventId("id")
        .setUserId("user")
        .setEventTime(Instant.EPOCH)
        .setText(text)
        .build();
  }

  private static List<ConsumerRecord<byte[], byte[]>> read(String topic, int expected) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, kafka.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      Awaitility.await()
          .until(
              () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                return records.size() >= expected;
              });
    }
    return records;
  }
}
