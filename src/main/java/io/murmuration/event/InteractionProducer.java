package io.murmuration.event;

import io.murmuration.event.avro.Interaction;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes interactions to Kafka: key = user id in UTF-8, value = an event by an {@link
 * EventEncoder}.
 *
 * <p>Text goes to one partition, by Kafka's default hash of the key. An erasure goes to every
 * partition: a user's older text may lie in others, written by clients of another hash or before
 * partitions were added, and one that lags would bring the user back after a single record in a
 * partition that does not. In each partition the erasure follows what was written there before.
 *
 * <p>Records are stamped with the wall time of their sending; an event's own time is data and stays
 * in the value. Sending is asynchronous and idempotent; a failed send is thrown by the next {@link
 * #send}, {@link #erase}, {@link #flush} or {@link #close}. Not thread-safe.
 */
public final class InteractionProducer implements AutoCloseable {
  /** The rate of events that are sent as fast as the broker takes them. */
  public static final double UNLIMITED = Double.POSITIVE_INFINITY;

  /** Largest key plus value in bytes, unless {@code max.request.size} is configured. */
  public static final int DEFAULT_MAX_RECORD_BYTES = 4 << 20;

  /** Headers, lengths and checksums around a key and a value, generously. */
  private static final int RECORD_OVERHEAD_BYTES = 512;

  private static final double NANOS_PER_SECOND = 1e9;

  private final KafkaProducer<byte[], byte[]> producer;
  private final AtomicReference<Exception> failure = new AtomicReference<>();
  private final String topic;
  private final EventEncoder encoder;
  private final int maxRecordBytes;
  private final double eventsPerSecond;
  private final long startNanos = System.nanoTime();
  private long sent;

  /** Opens a producer of values in Avro single-object encoding. */
  public InteractionProducer(
      String bootstrapServers,
      String topic,
      Map<String, String> kafkaProperties,
      double eventsPerSecond) {
    this(bootstrapServers, topic, kafkaProperties, eventsPerSecond, EventEncoder.avro());
  }

  /**
   * Opens the producer without yet speaking to the broker.
   *
   * @param kafkaProperties settings of the Kafka producer that win over the ones chosen here
   * @param eventsPerSecond average rate that is not exceeded, above 0; {@link #UNLIMITED} for none
   * @param encoder form of the values
   */
  public InteractionProducer(
      String bootstrapServers,
      String topic,
      Map<String, String> kafkaProperties,
      double eventsPerSecond,
      EventEncoder encoder) {
    if (!(eventsPerSecond > 0)) {
      throw new IllegalArgumentException(
          "the rate must be above 0 events per second, not " + eventsPerSecond);
    }
    Map<String, Object> settings = new HashMap<>();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    settings.put(ProducerConfig.ACKS_CONFIG, "all");
    settings.put(ProducerConfig.LINGER_MS_CONFIG, "20");
    settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
    settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, String.valueOf(DEFAULT_MAX_RECORD_BYTES));
    settings.putAll(kafkaProperties);
    this.topic = topic;
    this.encoder = encoder;
    this.eventsPerSecond = eventsPerSecond;
    this.maxRecordBytes =
        Integer.parseInt(settings.get(ProducerConfig.MAX_REQUEST_SIZE_CONFIG).toString());
    this.producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /**
   * Sends one interaction, after waiting as long as the rate demands; one that erases its user to
   * every partition.
   *
   * @throws IllegalArgumentException when the interaction is larger than the largest record, or a
   *     string of it holds half of a surrogate pair; it was not sent, and the producer remains
   *     usable
   * @throws IllegalStateException when an earlier record could not be written
   */
  public void send(Interaction interaction) throws InterruptedException {
    byte[] key = utf8(interaction.getUserId());
    WellFormed.require(interaction.getEventId(), "the event id");
    WellFormed.require(interaction.getText(), "the text");
    if (interaction.getPrompt() != null) {
      WellFormed.require(interaction.getPrompt(), "the prompt");
    }
    byte[] value = encoder.encode(interaction);
    long size = (long) key.length + value.length + RECORD_OVERHEAD_BYTES;
    if (size > maxRecordBytes) {
      throw new IllegalArgumentException(
          "the event needs %d bytes, but a record may have %d (max.request.size)"
              .formatted(size, maxRecordBytes));
    }
    if (interaction.getErase()) {
      writeEverywhere(key, value);
    } else {
      write(() -> hand(new ProducerRecord<>(topic, key, value)));
    }
  }

  /**
   * Sends a tombstone to every partition: the job forgets everything that this user sent before.
   *
   * @throws IllegalArgumentException when the id is not well-formed
   * @throws IllegalStateException when an earlier record could not be written, or the partitions
   *     are not known
   */
  public void erase(String userId) throws InterruptedException {
    writeEverywhere(utf8(userId), null);
  }

  private void writeEverywhere(byte[] key, byte[] value) throws InterruptedException {
    write(
        () -> {
          for (PartitionInfo info : producer.partitionsFor(topic)) {
            hand(new ProducerRecord<>(topic, info.partition(), key, value));
          }
        });
  }

  private static byte[] utf8(String userId) {
    return WellFormed.require(userId, "the user id").getBytes(StandardCharsets.UTF_8);
  }

  private void write(Runnable sending) throws InterruptedException {
    throwFailure();
    awaitTurn();
    try {
      sending.run();
    } catch (InterruptException e) {
      throw asInterrupted(e);
    } catch (TimeoutException e) {
      failure.compareAndSet(null, e);
      throwFailure();
    }
    sent++;
  }

  private void hand(ProducerRecord<byte[], byte[]> record) {
    producer.send(
        record,
        (metadata, exception) -> {
          if (exception != null) {
            failure.compareAndSet(null, exception);
          }
        });
  }

  private void awaitTurn() throws InterruptedException {
    if (eventsPerSecond == UNLIMITED) {
      return;
    }
    long due = startNanos + (long) (sent / eventsPerSecond * NANOS_PER_SECOND);
    for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
      LockSupport.parkNanos(wait);
      if (Thread.interrupted()) {
        throw new InterruptedException("interrupted while waiting for the rate limit");
      }
    }
  }

  /** Waits until the broker has everything that was sent. */
  public void flush() throws InterruptedException {
    try {
      producer.flush();
    } catch (InterruptException e) {
      throw asInterrupted(e);
    }
    throwFailure();
  }

  /**
   * Interactions and erasures handed over so far. An erasure counts once, whatever the number of
   * partitions that it goes to.
   */
  public long sent() {
    return sent;
  }

  private void throwFailure() {
    Exception first = failure.get();
    if (first != null) {
      throw new IllegalStateException(
          "cannot write to topic %s: %s".formatted(topic, first.getMessage()), first);
    }
  }

  private static InterruptedException asInterrupted(InterruptException e) {
    // Kafka restores the flag; the checked exception says it instead.
    Thread.interrupted();
    InterruptedException interrupted = new InterruptedException(e.getMessage());
    interrupted.initCause(e);
    return interrupted;
  }

  /** Waits for what is still under way, then closes. */
  @Override
  public void close() {
    producer.close();
    throwFailure();
  }
}
