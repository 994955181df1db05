package io.murmuration.chaos;

import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
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

  /** Longer than most absences of the broker, and no more than a run can wait for. */
  private static final Map<String, String> PATIENT =
      Map.of(
          "delivery.timeout.ms", "120000",
          "max.block.ms", "120000",
          "reconnect.backoff.max.ms", "500");

  private final String bootstrapServers;
  private final String topic;
  private final int partitions;
  private final double eventsPerSecond;
  private final LongFunction<Act> script;
  private final Consumer<String> out;
  private final Thread thread = new Thread(this::talk, "traffic");
  private volatile boolean stopped;
  private volatile RuntimeException failure;

  /**
   * What happens in an event.
   *
   * @param user whose it is
   * @param erases whether the user asks for erasure, in one of both ways, and says nothing
   */
  record Act(String user, boolean erases) {}

  /**
   * What the topic holds at the end.
   *
   * @param texts of each user, since the user's last erasure
   * @param erased users who asked for erasure, once or more often
   */
  record Sent(Map<String, Set<String>> texts, Set<String> erased) {}

  /**
   * @param partitions of the topic
   * @param script what happens in the event of a number
   * @param out told of each producer that gives up
   */
  Traffic(
      String bootstrapServers,
      String topic,
      int partitions,
      double eventsPerSecond,
      LongFunction<Act> script,
      Consumer<String> out) {
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.partitions = partitions;
    this.eventsPerSecond = eventsPerSecond;
    this.script = script;
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
        new InteractionProducer(bootstrapServers, topic, PATIENT, eventsPerSecond)) {
      while (!stopped) {
        long event = next++;
        Act act = script.apply(event);
        if (act.erases() && event % 2 == 0) {
          producer.erase(act.user());
        } else {
          producer.send(event(event, act));
        }
      }
    } catch (IllegalStateException e) {
      out.accept("a producer gives up before event %d: %s".formatted(next, e));
    }
    return next;
  }

  private static Interaction event(long number, Act act) {
    return Interaction.newBuilder()
        .setEventId("e" + number)
        .setUserId(act.user())
        .setEventTime(Instant.now())
        .setPrompt(null)
        .setText(number + " " + act.user())
        .setErase(act.erases())
        .build();
  }

  /** Ends the traffic, waits until nothing more can reach the topic, and reads it. */
  Sent stop() throws InterruptedException, IOException {
    stopped = true;
    thread.join();
    if (failure != null) {
      throw new IllegalStateException("the traffic broke off: " + failure, failure);
    }
    return sent();
  }

  private Sent sent() throws IOException {
    Sent sent = new Sent(new TreeMap<>(), new TreeSet<>());
    List<TopicPartition> all =
        IntStream.range(0, partitions).mapToObj(i -> new TopicPartition(topic, i)).toList();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      for (TopicPartition partition : all) {
        // a user's texts are in one partition; erasures are in every, and come after them in theirs
        Map<String, Set<String>> texts = new TreeMap<>();
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        while (consumer.position(partition) < ends.get(partition)) {
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
            read(record, texts, sent.erased());
          }
        }
        texts.forEach((user, said) -> sent.texts().merge(user, said, Traffic::together));
      }
    }
    return sent;
  }

  private static Set<String> together(Set<String> some, Set<String> more) {
    some.addAll(more);
    return some;
  }

  private static void read(
      ConsumerRecord<byte[], byte[]> record, Map<String, Set<String>> texts, Set<String> erased)
      throws IOException {
    String user = new String(record.key(), StandardCharsets.UTF_8);
    Set<String> said = texts.computeIfAbsent(user, name -> new HashSet<>());
    Interaction event =
        record.value() == null ? null : Interaction.fromByteBuffer(ByteBuffer.wrap(record.value()));
    if (event == null || event.getErase()) {
      erased.add(user);
      said.clear();
    } else if (!said.add(event.getText())) {
      throw new IllegalStateException(
          "the topic holds '%s' twice: the producer is not idempotent".formatted(event.getText()));
    }
  }

  @Override
  public void close() throws InterruptedException {
    stopped = true;
    thread.interrupt();
    thread.join();
  }
}
