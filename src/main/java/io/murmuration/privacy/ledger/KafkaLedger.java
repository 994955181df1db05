package io.murmuration.privacy.ledger;

import io.murmuration.privacy.mechanism.Checks;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A ledger in a topic of its own: one partition, nothing ever deleted or compacted.
 *
 * <p>The holder is a transactional producer whose transactional id names topic and domain, so that
 * who writes to another topic of the same brokers is left alone, be its domain of the same name.
 * {@link #open} initialises it first, by which the broker fences every earlier holder and ends its
 * transaction, committed or aborted; only then is the topic read to its end, committed records
 * only. One append is one transaction, which is committed only if its record is the next after what
 * was read and written: whoever else may have written, the chain never forks. Records are dated by
 * {@link RecordTimes}: when they were written would tell how long rounds took, and a tick would be
 * taken for 1970.
 *
 * <p><b>Former holders.</b> Earlier releases used the bare domain as transactional id, and a job of
 * theirs may still run. It is fenced before the topic is read, and again within the first
 * transaction, whose record is there already: from then on it can neither write, being fenced, nor
 * open the ledger anew, which it refuses while somebody's transaction is open, and after that it
 * finds the epoch of this holder. What it wrote in between lies where the record was to be, or
 * behind it, and the transaction is aborted.
 *
 * <p>A topic must have the endpoint's replication, {@code min.insync.replicas} 2 where that is 3 or
 * more, and no unclean leader election; a topic that this class creates has.
 */
public final class KafkaLedger implements Ledger {

  /** Far below the brokers' maximum of 15 minutes; the next holder does not wait for it anyway. */
  private static final int TRANSACTION_TIMEOUT_MILLIS = 60_000;

  /** Settings without which records get lost, or tell more than they say. */
  private static final Map<String, String> REQUIRED_SETTINGS =
      new TreeMap<>(
          Map.of(
              TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_DELETE,
              // the broker's own time would tell when a record was written
              TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, TimestampType.CREATE_TIME.name,
              TopicConfig.RETENTION_MS_CONFIG, "-1",
              TopicConfig.RETENTION_BYTES_CONFIG, "-1",
              TopicConfig.UNCLEAN_LEADER_ELECTION_ENABLE_CONFIG, "false"));

  /** How long one read waits for records; reading goes on until the end that was asked for. */
  private static final Duration POLL = Duration.ofMillis(200);

  private final String domain;
  private final KafkaEndpoint endpoint;
  private final TopicPartition partition;
  private final int transactionTimeoutMillis;
  private KafkaProducer<byte[], byte[]> producer;
  private RecordTimes times = new RecordTimes();

  /** The offset at which the next record must come to lie. */
  private long nextOffset;

  private boolean appended;

  /**
   * @param domain the privacy domain
   */
  public KafkaLedger(String domain, KafkaEndpoint endpoint) {
    this(domain, endpoint, TRANSACTION_TIMEOUT_MILLIS);
  }

  /** A ledger of tests that let a transaction time out. */
  KafkaLedger(String domain, KafkaEndpoint endpoint, int transactionTimeoutMillis) {
    Checks.text("domain", domain);
    this.domain = domain;
    this.endpoint = endpoint;
    this.transactionTimeoutMillis = transactionTimeoutMillis;
    this.partition = new TopicPartition(endpoint.topic(), 0);
  }

  /** Ledgers of this domain on this topic. */
  public static LedgerFactory factory(String domain, KafkaEndpoint endpoint) {
    return () -> new KafkaLedger(domain, endpoint);
  }

  @Override
  public String location() {
    return "ledger topic '" + endpoint.topic() + "'";
  }

  @Override
  public List<LedgerEntry> read() throws LedgerException, InterruptedException {
    try (KafkaTopic topic = new KafkaTopic(endpoint)) {
      if (topic.partitions().isEmpty()) {
        return List.of();
      }
      return readTo(topic.endOffset(IsolationLevel.READ_COMMITTED));
    }
  }

  @Override
  public boolean isThere() throws LedgerException, InterruptedException {
    try (KafkaTopic topic = new KafkaTopic(endpoint)) {
      return topic.partitions().isPresent();
    }
  }

  @Override
  public List<LedgerEntry> open() throws LedgerException, InterruptedException {
    if (producer != null) {
      throw new IllegalStateException("the ledger is already open");
    }
    try (KafkaTopic topic = new KafkaTopic(endpoint)) {
      topic.ensureSinglePartition(newTopicSettings(endpoint.replicationFactor()));
      topic.requireDurability(REQUIRED_SETTINGS);
      topic.fence(domain);
      fence();
      long end = topic.endOffset(IsolationLevel.READ_COMMITTED);
      long written = topic.endOffset(IsolationLevel.READ_UNCOMMITTED);
      if (end != written) {
        // Fencing has ended every transaction of this domain, so it is somebody else's.
        throw new LedgerException.Unavailable(
            "The %s has an open transaction of another producer at offset %d; nobody but the domain's jobs may write to it"
                .formatted(location(), end));
      }
      List<LedgerEntry> entries = readTo(end);
      nextOffset = end;
      appended = false;
      return entries;
    } catch (LedgerException | InterruptedException e) {
      close();
      throw e;
    }
  }

  /** Settings that a new ledger topic of this replication must be created with. */
  public static Map<String, String> newTopicSettings(int replicationFactor) {
    Map<String, String> settings = new TreeMap<>(REQUIRED_SETTINGS);
    settings.putAll(KafkaTopic.newTopicSettings(replicationFactor));
    return settings;
  }

  /** The transactional id of whoever may write to the ledger of this domain on this topic. */
  static String transactionalId(String topic, String domain) {
    // names of topics have no slash: no two pairs make one id
    return topic + "/" + domain;
  }

  private void fence() throws LedgerException, InterruptedException {
    Map<String, Object> properties = endpoint.newClientProperties();
    properties.put(
        ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId(endpoint.topic(), domain));
    properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, transactionTimeoutMillis);
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, endpoint.timeoutMillis());
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, endpoint.timeoutMillis());
    properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, endpoint.requestTimeoutMillis());
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 0);
    try {
      producer =
          new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
      producer.initTransactions();
    } catch (KafkaException e) {
      throw failed("open", e);
    }
  }

  private List<LedgerEntry> readTo(long end) throws LedgerException, InterruptedException {
    Map<String, Object> properties = endpoint.newClientProperties();
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, endpoint.timeoutMillis());
    properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, endpoint.requestTimeoutMillis());
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(partition));
      long beginning = consumer.beginningOffsets(List.of(partition)).get(partition);
      if (beginning != 0) {
        throw new LedgerException.Refused(
            "The %s begins at offset %d: its first records were deleted. Nothing may be charged to it; restore it from a copy that is whole"
                .formatted(location(), beginning));
      }
      consumer.seek(partition, 0);
      return poll(consumer, end);
    } catch (KafkaException e) {
      throw failed("read", e);
    }
  }

  private List<LedgerEntry> poll(KafkaConsumer<byte[], byte[]> consumer, long end)
      throws LedgerException {
    List<LedgerEntry> entries = new ArrayList<>();
    times = new RecordTimes();
    long lastProgress = System.nanoTime();
    long position = 0;
    while (position < end) {
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
        LedgerEntry entry = decode(record);
        times.millisOf(entry.record());
        entries.add(entry);
      }
      long now = System.nanoTime();
      long next = consumer.position(partition);
      if (next > position) {
        position = next;
        lastProgress = now;
      } else if (now - lastProgress > endpoint.timeout().toNanos()) {
        throw new LedgerException.Unavailable(
            "The %s could be read to offset %d only, of %d".formatted(location(), position, end));
      }
    }
    return entries;
  }

  private LedgerEntry decode(ConsumerRecord<byte[], byte[]> record) throws LedgerException.Refused {
    try {
      if (record.value() == null) {
        throw new IllegalArgumentException("it has no value");
      }
      return LedgerCodec.decode(new String(record.value(), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw new LedgerException.Refused(
          "The %s is damaged at offset %d: %s. Nothing may be charged to it; restore it from a copy that is whole"
              .formatted(location(), record.offset(), e.getMessage()),
          e);
    }
  }

  @Override
  public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
    if (producer == null) {
      throw new IllegalStateException("the ledger is not open");
    }
    try {
      producer.beginTransaction();
      long offset = write(entry);
      if (!appended) {
        try (KafkaTopic topic = new KafkaTopic(endpoint)) {
          topic.fence(domain);
          requireNext(topic.endOffset(IsolationLevel.READ_UNCOMMITTED) - 1);
        }
      }
      requireNext(offset);
      producer.commitTransaction();
      // the record, and the marker of its commit
      nextOffset = offset + 2;
      appended = true;
    } catch (KafkaException e) {
      // Whether it was committed, only reading the topic after the next fencing tells.
      close();
      throw failed("append to", e);
    } catch (LedgerException | InterruptedException e) {
      // The next holder's fencing aborts the transaction.
      close();
      throw e;
    }
  }

  private long write(LedgerEntry entry) throws InterruptedException {
    try {
      return producer
          .send(
              new ProducerRecord<>(
                  partition.topic(),
                  partition.partition(),
                  times.millisOf(entry.record()),
                  domain.getBytes(StandardCharsets.UTF_8),
                  entry.line().getBytes(StandardCharsets.UTF_8)))
          .get()
          .offset();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KafkaException known ? known : new KafkaException(e.getCause());
    }
  }

  private void requireNext(long offset) throws LedgerException.Unavailable {
    if (offset != nextOffset) {
      throw new LedgerException.Unavailable(
          "Another producer has written to the %s: after offset %d, where the next record belongs, the topic ends with %d. The append is given up, and the ledger is to be read again"
              .formatted(location(), nextOffset, offset));
    }
  }

  private LedgerException failed(String doing, KafkaException e) throws InterruptedException {
    if (e instanceof InterruptException) {
      // Kafka's exception leaves the thread interrupted as well; the one thrown here is enough.
      Thread.interrupted();
      InterruptedException interrupted =
          new InterruptedException("Interrupted while trying to " + doing + " the " + location());
      interrupted.initCause(e);
      throw interrupted;
    }
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof ProducerFencedException
          || cause instanceof InvalidProducerEpochException) {
        return new LedgerException.Fenced("Another holder has opened the " + location(), e);
      }
      if (cause instanceof UnknownTopicOrPartitionException) {
        return new LedgerException.Unavailable("The " + location() + " is not there", e);
      }
    }
    return new LedgerException.Unavailable("Could not " + doing + " the " + location(), e);
  }

  @Override
  public void close() {
    if (producer != null) {
      KafkaProducer<byte[], byte[]> closing = producer;
      producer = null;
      try {
        closing.close(Duration.ZERO);
      } catch (InterruptException e) {
        // The producer is closed all the same; the interrupt stays pending for the caller.
        Thread.currentThread().interrupt();
      }
    }
  }
}
