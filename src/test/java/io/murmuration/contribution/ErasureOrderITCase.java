package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.cli.Murmuration;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.event.EventFormat;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.InteractionReader;
import io.murmuration.event.InteractionRules;
import io.murmuration.event.RawRecord;
import io.murmuration.event.UserEvent;
import io.murmuration.event.WriterSchemas;
import io.murmuration.event.avro.Interaction;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
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
import org.junit.jupiter.api.io.TempDir;

/**
 * Partitions are read at their own pace: what was written to one before an erasure may be read
 * after the erasure in another. A partition that lags is one whose records come last.
 */
class ErasureOrderITCase {

  private static final int PARTITIONS = 3;
  private static final String USER = "leaving";

  @TempDir static Path data;
  private static EmbeddedKafka kafka;

  @BeforeAll
  static void startKafka() {
    kafka = EmbeddedKafka.start(data, EmbeddedKafka.ANY_PORT);
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Test
  void theCommandErasesWhicheverPartitionLags() throws Exception {
    say("command");
    assertThat(
            Murmuration.commandLine()
                .execute(
                    "erase",
                    USER,
                    "--topic",
                    "command",
                    "--bootstrap-servers",
                    kafka.bootstrapServers()))
        .isZero();
    assertThat(usersLeftForEachLaggard("command")).containsOnly(0);
  }

  @Test
  void anEventThatErasesDoesSoWhicheverPartitionLags() throws Exception {
    say("event");
    try (InteractionProducer producer = producer("event")) {
      producer.send(interaction("", /* erase= */ true));
      assertThat(producer.sent()).isEqualTo(1);
    }
    assertThat(usersLeftForEachLaggard("event")).containsOnly(0);
  }

  /** What remains for producers that write it once: this is why docs/kafka.md asks for more. */
  @Test
  void aLoneTombstoneIsOvertaken() throws Exception {
    say("alone");
    try (KafkaProducer<byte[], byte[]> producer = raw()) {
      producer.send(new ProducerRecord<>("alone", USER.getBytes(StandardCharsets.UTF_8), null));
    }
    assertThat(usersLeftForEachLaggard("alone")).contains(1);
  }

  @Test
  void whatAUserSaysAfterwardsIsKept() throws Exception {
    say("again");
    try (InteractionProducer producer = producer("again")) {
      producer.erase(USER);
      producer.send(interaction("here I am again", /* erase= */ false));
    }
    // every partition up to its tombstone, then what follows
    List<UserEvent> inStep = read("again", new int[] {0, 1, 2});
    List<UserEvent> last = inStep.stream().filter(event -> event.text().contains("again")).toList();
    inStep.removeAll(last);
    inStep.addAll(last);
    assertThat(users(inStep)).isEqualTo(1);
  }

  /** Older text in every partition, as other hashes and added partitions leave it. */
  private static void say(String topic) throws Exception {
    kafka.createTopic(topic, PARTITIONS, Map.of());
    try (KafkaProducer<byte[], byte[]> producer = raw()) {
      byte[] key = USER.getBytes(StandardCharsets.UTF_8);
      for (int partition = 0; partition < PARTITIONS; partition++) {
        ByteBuffer value = interaction("of partition " + partition, false).toByteBuffer();
        producer.send(new ProducerRecord<>(topic, partition, key, bytes(value)));
      }
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  /** How many users have state at the end, for each partition that may come last. */
  private static List<Integer> usersLeftForEachLaggard(String topic) throws Exception {
    List<Integer> left = new ArrayList<>();
    for (int laggard = 0; laggard < PARTITIONS; laggard++) {
      int last = laggard;
      int[] order =
          IntStream.rangeClosed(1, PARTITIONS).map(i -> (last + i) % PARTITIONS).toArray();
      left.add(users(read(topic, order)));
    }
    return left;
  }

  private static int users(List<UserEvent> events) throws Exception {
    try (SamplerHarness harness =
        new SamplerHarness(new ContributionBounds(1_000, 8, 1), /* seed= */ 1)) {
      harness.open().epoch(1, 1);
      for (UserEvent event : events) {
        harness.flink.processElement1(new StreamRecord<>(event));
      }
      return harness.storedPool(USER) == null ? 0 : 1;
    }
  }

  /** All that the partitions hold, one partition after the other. */
  private static List<UserEvent> read(String topic, int[] order) throws Exception {
    InteractionReader reader =
        new InteractionReader(InteractionRules.DEFAULTS, EventFormat.avro(WriterSchemas.builtIn()));
    List<UserEvent> events = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers(), "auto.offset.reset", "earliest"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      for (int number : order) {
        TopicPartition partition = new TopicPartition(topic, number);
        consumer.assign(List.of(partition));
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        while (consumer.position(partition) < end) {
          for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofSeconds(1))) {
            events.add(
                reader.read(
                    new RawRecord(r.key(), r.value(), topic, number, r.offset(), r.timestamp())));
          }
        }
      }
    }
    return events;
  }

  private static KafkaProducer<byte[], byte[]> raw() {
    return new KafkaProducer<>(
        Map.of("bootstrap.servers", kafka.bootstrapServers()),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  private static InteractionProducer producer(String topic) {
    return new InteractionProducer(
        kafka.bootstrapServers(), topic, Map.of(), InteractionProducer.UNLIMITED);
  }

  private static Interaction interaction(String text, boolean erase) {
    return Interaction.newBuilder()
        .setEventId("e")
        .setUserId(USER)
        .setEventTime(Instant.EPOCH)
        .setPrompt(null)
        .setText(text)
        .setErase(erase)
        .build();
  }
}
