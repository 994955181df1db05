package io.murmuration.serving;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears that something was released, by the releases topic. A record is a reason to look and
 * nothing else: what is served is what was verified, whatever a topic says. Brokers that are away
 * are tried again; meanwhile whoever follows looks at intervals.
 */
public final class ReleasesTopic implements AutoCloseable {

  private static final Duration POLL = Duration.ofSeconds(10);
  private static final Duration RETRY = Duration.ofSeconds(10);

  private static final Logger LOG = LoggerFactory.getLogger(ReleasesTopic.class);

  private final String topic;
  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private final Runnable heard;
  private final Thread thread;
  private final CountDownLatch closed = new CountDownLatch(1);

  /** What {@link #close} wakes; null between two tries. */
  private volatile Consumer<byte[], byte[]> listening;

  private ReleasesTopic(
      String topic, Supplier<Consumer<byte[], byte[]>> consumers, Runnable heard) {
    this.topic = topic;
    this.consumers = consumers;
    this.heard = heard;
    this.thread = new Thread(this::run, "murmuration-releases-topic");
    thread.setDaemon(true);
  }

  /**
   * Listens in a thread of its own.
   *
   * @param clientProperties of the Kafka client, {@code bootstrap.servers} among them
   * @param heard is run once it listens, for what was released before, and for what comes then
   */
  public static ReleasesTopic listen(
      String topic, Map<String, String> clientProperties, Runnable heard) {
    Map<String, Object> client = new HashMap<>(clientProperties);
    client.putIfAbsent(ConsumerConfig.CLIENT_ID_CONFIG, "murmuration-serve");
    client.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    client.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    client.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "latest");
    return listen(
        topic,
        () -> new KafkaConsumer<>(client, new ByteArrayDeserializer(), new ByteArrayDeserializer()),
        heard);
  }

  static ReleasesTopic listen(
      String topic, Supplier<Consumer<byte[], byte[]>> consumers, Runnable heard) {
    ReleasesTopic listener = new ReleasesTopic(topic, consumers, heard);
    listener.thread.start();
    return listener;
  }

  private void run() {
    try {
      do {
        try (Consumer<byte[], byte[]> consumer = consumers.get()) {
          listening = consumer;
          listen(consumer);
        } catch (WakeupException e) {
          LOG.debug("Closed", e);
        } catch (KafkaException e) {
          LOG.warn("Cannot listen to the topic {}; trying again", topic, e);
        } finally {
          listening = null;
        }
      } while (!closed.await(RETRY.toSeconds(), TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void listen(Consumer<byte[], byte[]> consumer) {
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(partition -> new TopicPartition(topic, partition.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    partitions.forEach(consumer::position);
    heard.run();
    while (closed.getCount() > 0) {
      if (!consumer.poll(POLL).isEmpty()) {
        heard.run();
      }
    }
  }

  /** Ends the thread and waits for that. */
  @Override
  public void close() {
    closed.countDown();
    boolean interrupted = false;
    while (thread.isAlive()) {
      Consumer<byte[], byte[]> current = listening;
      if (current != null) {
        current.wakeup();
      }
      try {
        // again, if a consumer was opened meanwhile
        thread.join(Duration.ofMillis(200).toMillis());
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
