package io.murmuration.chaos;

import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Users who go on talking whatever is killed; every message is one of its kind, and sent once.
 *
 * <p>A producer may give up, since the broker may be away for longer than it waits: another one
 * goes on with the next message. What counts as sent is what the topic holds at the end, which is
 * what the job can read.
 */
final class Traffic implements AutoCloseable {

  private static final double EVENTS_PER_SECOND = 150;

  /** Longer than most absences of the broker, and no more than a run can wait for. */
  private static final Map<String, String> PATIENT =
      Map.of(
          "delivery.timeout.ms", "120000",
          "max.block.ms", "120000",
          "reconnect.backoff.max.ms", "500");

  private final String bootstrapServers;
  private final String topic;
  private final int partitions;
  private final LongFunction<String> userOf;
  private final Consumer<String> out;
  private final Thread thread = new Thread(this::talk, "traffic");
  private volatile boolean stopped;
  private volatile RuntimeException failure;

  /**
   * @param partitions of the topic
   * @param userOf who says the event of a number
   * @param out told of each producer that gives up
   */
  Traffic(
      String bootstrapServers,
      String topic,
      int partitions,
      LongFunction<String> userOf,
      Consumer<String> out) {
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.partitions = partitions;
    this.userOf = userOf;
    this.out = out;
  }

  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  private void talk() {
    try {
      for (long next = 0; !stopped; ) {
        next = talk(next);
      }
    } catch (InterruptedException e) {
      stopped = true;
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  /** Talks until the end, or until a producer gives up; returns the number that is next. */
  private long talk(long first) throws InterruptedException {
    long next = first;
    try (InteractionProducer producer =
        new InteractionProducer(bootstrapServers, topic, PATIENT, EVENTS_PER_SECOND)) {
      while (!stopped) {
        long event = next++;
        producer.send(event(event));
      }
    } catch (IllegalStateException e) {
      out.accept("a producer gives up before event %d: %s".formatted(next, e));
    }
    return next;
  }

  private Interaction event(long number) {
    String user = userOf.apply(number);
    return Interaction.newBuilder()
        .setEventId("e" + number)
        .setUserId(user)
        .setEventTime(Instant.now())
        .setPrompt(null)
        .setText(number + " " + user)
        .setErase(false)
        .build();
  }

  /**
   * Ends the traffic and waits until nothing more can reach the topic.
   *
   * @return the texts of each user that the topic holds
   */
  Map<String, Set<String>> stop() throws InterruptedException, IOException {
    stopped = true;
    thread.join();
    if (failure != null) {
      throw new IllegalStateException("the traffic broke off: " + failure, failure);
    }
    return texts();
  }

  private Map<String, Set<String>> texts() throws IOException {
    Map<String, Set<String>> texts = new TreeMap<>();
    List<TopicPartition> all =
        IntStream.range(0, partitions).mapToObj(i -> new TopicPartition(topic, i)).toList();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (all.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          Interaction event = Interaction.fromByteBuffer(ByteBuffer.wrap(record.value()));
          if (!texts
              .computeIfAbsent(event.getUserId(), user -> new HashSet<>())
              .add(event.getText())) {
            throw new IllegalStateException(
                "the topic holds '%s' twice: the producer is not idempotent"
                    .formatted(event.getText()));
          }
        }
      }
    }
    return texts;
  }

  @Override
  public void close() throws InterruptedException {
    stopped = true;
    thread.interrupt();
    thread.join();
  }
}
