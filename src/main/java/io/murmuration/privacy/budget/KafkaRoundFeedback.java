package io.murmuration.privacy.budget;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaTopic;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.Checks;
import io.murmuration.privacy.mechanism.JsonFields;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Feedback over a single-partition Kafka topic, which several domains may share. A subscription
 * starts at the topic's end: older acknowledgements concern epochs that are over. What it loses is
 * sent again, but rounds wait meanwhile: a topic with fewer replicas than asked for is refused.
 *
 * <p>The topic is inside the trust boundary, unlike the ledger: the numbers in it are noised and
 * paid for, but a record appears when a round is over, which tells how long it took.
 *
 * <p>Records are JSON objects with {@code domain} and {@code epoch}, and either {@code round},
 * maybe {@code answer} and {@code model_failed}, or {@code model}. Since version 2 they state their
 * {@code version}; those of version 1, which knows no {@code model}, are read.
 *
 * @param domain the privacy domain
 * @param endpoint the topic; its retention does not matter
 */
public record KafkaRoundFeedback(String domain, KafkaEndpoint endpoint) implements RoundFeedback {

  private static final Logger LOG = LoggerFactory.getLogger(KafkaRoundFeedback.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How long a consumer waits for records before it looks whether it was closed. */
  private static final Duration POLL = Duration.ofSeconds(1);

  /** The version that is written. */
  private static final int VERSION = 2;

  /** Says nothing of versions, and knows executed rounds alone. */
  private static final int FIRST_VERSION = 1;

  public KafkaRoundFeedback {
    Checks.text("domain", domain);
  }

  @Override
  public Publisher publisher() {
    return new KafkaPublisher();
  }

  @Override
  public Subscription subscribe(Listener listener) throws LedgerException, InterruptedException {
    try (KafkaTopic topic = new KafkaTopic(endpoint)) {
      topic.ensureSinglePartition(KafkaTopic.newTopicSettings(endpoint.replicationFactor()));
      topic.requireDurability(Map.of());
    }
    return new KafkaSubscription(listener);
  }

  private ObjectNode record(long epoch) {
    return JSON.createObjectNode()
        .put("version", VERSION)
        .put("domain", domain)
        .put("epoch", epoch);
  }

  private byte[] encode(RoundExecuted executed) {
    ObjectNode node = record(executed.epoch()).put("round", executed.round());
    if (executed.modelFailed()) {
      node.put("model_failed", true);
    }
    if (!executed.answer().isEmpty()) {
      executed.answer().forEach(node.putArray("answer")::add);
    }
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }

  private byte[] encode(ModelVersion model) {
    ObjectNode node = record(model.epoch());
    node.putObject("model")
        .put("submission", model.submission())
        .put("round", model.round())
        .put("digest", model.digest())
        .put("frozen_digest", model.frozenDigest());
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }

  private final class KafkaPublisher implements Publisher {
    private KafkaProducer<byte[], byte[]> producer;

    @Override
    public void announced(ModelVersion model) throws IOException, InterruptedException {
      send("The model after round " + model.round(), encode(model));
    }

    @Override
    public void executed(RoundExecuted executed) throws IOException, InterruptedException {
      send("That round %d was executed".formatted(executed.round()), encode(executed));
    }

    private void send(String what, byte[] value) throws IOException, InterruptedException {
      try {
        if (producer == null) {
          producer = newProducer();
        }
        producer
            .send(
                new ProducerRecord<>(
                    endpoint.topic(),
                    0,
                    System.currentTimeMillis(),
                    domain.getBytes(StandardCharsets.UTF_8),
                    value))
            .get();
      } catch (InterruptException e) {
        Thread.interrupted();
        InterruptedException interrupted =
            new InterruptedException("Interrupted while sending: " + what);
        interrupted.initCause(e);
        throw interrupted;
      } catch (ExecutionException | KafkaException e) {
        // a producer may be of no more use after an error: the next try begins with a new one
        close();
        throw new IOException(
            "%s could not be sent to Kafka topic '%s'".formatted(what, endpoint.topic()), e);
      }
    }

    private KafkaProducer<byte[], byte[]> newProducer() {
      Map<String, Object> properties = endpoint.newClientProperties();
      properties.put(ProducerConfig.ACKS_CONFIG, "all");
      properties.put(ProducerConfig.LINGER_MS_CONFIG, 0);
      properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, endpoint.timeoutMillis());
      properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, endpoint.timeoutMillis());
      properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, endpoint.requestTimeoutMillis());
      return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    @Override
    public void close() {
      if (producer != null) {
        producer.close(Duration.ZERO);
        producer = null;
      }
    }
  }

  private final class KafkaSubscription implements Subscription {
    private final Listener listener;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Thread thread;
    private volatile boolean closed;

    KafkaSubscription(Listener listener) throws LedgerException, InterruptedException {
      this.listener = listener;
      Map<String, Object> properties = endpoint.newClientProperties();
      properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
      properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "latest");
      properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, endpoint.timeoutMillis());
      properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, endpoint.requestTimeoutMillis());
      consumer =
          new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
      seekToEnd();
      thread = new Thread(this::deliver, "round-feedback-" + domain);
      thread.setDaemon(true);
      thread.start();
    }

    private void seekToEnd() throws LedgerException, InterruptedException {
      TopicPartition partition = new TopicPartition(endpoint.topic(), 0);
      try {
        consumer.assign(List.of(partition));
        consumer.seekToEnd(List.of(partition));
        // Seeking is lazy: only asking for the position pins the end as it is now.
        consumer.position(partition);
      } catch (InterruptException e) {
        Thread.interrupted();
        closeConsumer();
        InterruptedException interrupted =
            new InterruptedException("Interrupted while subscribing to " + endpoint.topic());
        interrupted.initCause(e);
        throw interrupted;
      } catch (KafkaException e) {
        closeConsumer();
        throw new LedgerException.Unavailable(
            "Feedback topic '%s' cannot be read".formatted(endpoint.topic()), e);
      }
    }

    private void deliver() {
      try {
        while (!closed) {
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            if (!closed) {
              deliver(record);
            }
          }
        }
      } catch (WakeupException e) {
        if (!closed) {
          listener.failed(e);
        }
      } catch (RuntimeException e) {
        listener.failed(e);
      } finally {
        closeConsumer();
      }
    }

    private void deliver(ConsumerRecord<byte[], byte[]> record) {
      Runnable heard;
      try {
        JsonFields fields = new JsonFields(JSON.readTree(text(record.value())));
        if (!fields.text("domain").equals(domain)) {
          return;
        }
        int version = fields.has("version") ? fields.smallInteger("version") : FIRST_VERSION;
        if (version < FIRST_VERSION || version > VERSION) {
          throw new IllegalArgumentException(
              "its version must be 1 to %d but is %d: another version of the job wrote it"
                  .formatted(VERSION, version));
        }
        long epoch = fields.integer("epoch");
        if (fields.has("model")) {
          JsonFields model = fields.object("model");
          ModelVersion announced =
              new ModelVersion(
                  model.text("submission"),
                  epoch,
                  model.integer("round"),
                  model.text("digest"),
                  model.text("frozen_digest"));
          heard = () -> listener.announced(announced);
        } else {
          RoundExecuted executed =
              new RoundExecuted(
                  epoch,
                  fields.integer("round"),
                  fields.has("answer") ? fields.reals("answer") : List.of(),
                  fields.has("model_failed") && fields.flag("model_failed"));
          heard = () -> listener.executed(executed);
        }
      } catch (IllegalArgumentException | JsonProcessingException e) {
        LOG.warn(
            "Record at offset {} of feedback topic '{}' is nothing that train says here and is"
                + " passed over",
            record.offset(),
            endpoint.topic(),
            e);
        return;
      }
      heard.run();
    }

    private static String text(byte[] value) {
      return value == null ? "null" : new String(value, StandardCharsets.UTF_8);
    }

    private void closeConsumer() {
      consumer.close(org.apache.kafka.clients.consumer.CloseOptions.timeout(Duration.ZERO));
    }

    @Override
    public void close() {
      closed = true;
      consumer.wakeup();
    }
  }
}
