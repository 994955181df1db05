package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.EventEncoder;
import io.murmuration.event.EventFormat;
import io.murmuration.event.FieldPaths;
import io.murmuration.event.InteractionReader;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RejectedRecordException;
import io.murmuration.event.RejectionReason;
import io.murmuration.registry.RegistryClient;
import io.murmuration.registry.RegistryEndpoint;
import io.murmuration.registry.RegistryServer;
import io.murmuration.registry.RegistryUnavailableException;
import io.murmuration.registry.SchemaAnswer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * {@code produce} and the job's reader with a real registry server. {@code scripts/try-registry}
 * fetches the server and runs this.
 */
@Timeout(900)
@EnabledIfSystemProperty(named = RegistryServer.JAR, matches = ".+")
class RegistryServerITCase {

  @TempDir private Path directory;

  @Test
  void whatIsProducedWithARealRegistryIsRead_andWhatItDoesNotKnowIsRejected() throws Exception {
    try (RegistryServer server = RegistryServer.start(directory);
        EmbeddedKafka kafka =
            EmbeddedKafka.start(directory.resolve("kafka"), EmbeddedKafka.ANY_PORT)) {
      URI url = server.url();
      RegistryClient client = server.client();
      kafka.createTopic("chat", 1, Map.of());
      assertThat(produce(kafka, url)).isZero();
      assertThat(produce(kafka, url, "--no-register")).isZero();

      InteractionReader reader =
          new InteractionReader(
              InteractionRules.DEFAULTS,
              EventFormat.registry(
                  RegistryEndpoint.at(url), FieldPaths.DEFAULTS, /* timeFormat= */ null));
      List<RawRecord> records = read(kafka, 2);
      for (RawRecord record : records) {
        assertThat(reader.read(record).text()).isEqualTo("hello");
      }
      byte[] unknown = records.get(0).value().clone();
      unknown[1] = 0x7f;
      assertThat(
              catchThrowableOfType(
                      RejectedRecordException.class,
                      () ->
                          reader.read(
                              new RawRecord(records.get(0).key(), unknown, "chat", 0, 9, 0)))
                  .reason())
          .isEqualTo(RejectionReason.UNKNOWN_SCHEMA);
      int id = client.register("other", EventEncoder.schema());
      assertThat(client.schema(id)).isEqualTo(new SchemaAnswer.Found(EventEncoder.schema()));

      server.close();
      assertThat(catchThrowableOfType(RegistryUnavailableException.class, client::check))
          .hasMessageContaining("the registry is away");
    }
  }

  private int produce(EmbeddedKafka kafka, URI registry, String... more) throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("chat.jsonl"),
            "{\"user_id\":\"ann\",\"event_time\":\"2026-01-01T10:00:00Z\",\"text\":\"hello\"}");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "produce",
                "--bootstrap-servers",
                kafka.bootstrapServers(),
                "--topic",
                "chat",
                "--events",
                file.toString(),
                "--format",
                "avro_registry",
                "--registry",
                "url=" + registry));
    arguments.addAll(List.of(more));
    StringWriter err = new StringWriter();
    CommandLine command = Murmuration.commandLine();
    command.setErr(new PrintWriter(err, true));
    command.setOut(new PrintWriter(new StringWriter(), true));
    int exit = command.execute(arguments.toArray(String[]::new));
    assertThat(err.toString()).isEmpty();
    return exit;
  }

  private static List<RawRecord> read(EmbeddedKafka kafka, int expected) {
    List<RawRecord> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition("chat", 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                consumer
                    .poll(Duration.ofMillis(100))
                    .forEach(
                        record ->
                            records.add(
                                new RawRecord(
                                    record.key(),
                                    record.value(),
                                    record.topic(),
                                    record.partition(),
                                    record.offset(),
                                    record.timestamp())));
                return records.size() >= expected;
              });
    }
    return records;
  }
}
