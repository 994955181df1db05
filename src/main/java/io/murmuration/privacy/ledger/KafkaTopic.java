package io.murmuration.privacy.ledger;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.FenceProducersOptions;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The administrator's view of an endpoint's topic. One thread uses an instance. */
public final class KafkaTopic implements AutoCloseable {

  /** The pause between two looks at a topic that was only just created. */
  private static final long PAUSE_MILLIS = 50;

  private final KafkaEndpoint endpoint;
  private final Admin admin;

  /**
   * An admin client of the endpoint; opens no connection yet.
   *
   * @throws LedgerException if the client cannot be made
   */
  public KafkaTopic(KafkaEndpoint endpoint) throws LedgerException {
    this.endpoint = endpoint;
    Map<String, Object> properties = endpoint.newClientProperties();
    properties.put(
        AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
        Integer.toString(endpoint.timeoutMillis()));
    properties.put(
        AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
        Integer.toString(endpoint.requestTimeoutMillis()));
    try {
      admin = Admin.create(properties);
    } catch (KafkaException e) {
      throw unreachable(e);
    }
  }

  /** Number of partitions; empty if the topic does not exist. */
  Optional<Integer> partitions() throws LedgerException, InterruptedException {
    try {
      return Optional.of(
          get(admin.describeTopics(List.of(endpoint.topic())).allTopicNames())
              .get(endpoint.topic())
              .partitions()
              .size());
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return Optional.empty();
      }
      throw unreachable(e.getCause());
    }
  }

  /**
   * Makes sure that the topic exists and has one partition.
   *
   * @param configs settings of a topic that has to be created
   */
  public void ensureSinglePartition(Map<String, String> configs)
      throws LedgerException, InterruptedException {
    Optional<Integer> partitions = partitions();
    if (partitions.isEmpty()) {
      if (!endpoint.createTopic()) {
        throw new LedgerException.Refused(
            "Kafka topic '%s' does not exist and may not be created: create it with one partition and %s"
                .formatted(endpoint.topic(), configs));
      }
      create(configs);
      return;
    }
    if (partitions.get() != 1) {
      throw new LedgerException.Refused(
          "Kafka topic '%s' must have one partition, for its records have one order, but has %d: name another topic"
              .formatted(endpoint.topic(), partitions.get()));
    }
  }

  private void create(Map<String, String> configs) throws LedgerException, InterruptedException {
    NewTopic topic =
        new NewTopic(endpoint.topic(), 1, (short) endpoint.replicationFactor()).configs(configs);
    try {
      get(admin.createTopics(List.of(topic)).all());
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw unreachable(e.getCause());
      }
    }
    awaitKnown();
  }

  /** The controller acknowledges a new topic before every broker has heard of it. */
  private void awaitKnown() throws LedgerException, InterruptedException {
    long start = System.nanoTime();
    while (true) {
      try {
        describeConfig();
        return;
      } catch (ExecutionException e) {
        boolean unheardOf = e.getCause() instanceof UnknownTopicOrPartitionException;
        if (!unheardOf || System.nanoTime() - start > endpoint.timeout().toNanos()) {
          throw unreachable(e.getCause());
        }
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    }
  }

  private Config describeConfig() throws ExecutionException, LedgerException, InterruptedException {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, endpoint.topic());
    return get(admin.describeConfigs(List.of(resource)).all()).get(resource);
  }

  /** Settings without which a topic of this replication can lose what it has acknowledged. */
  public static Map<String, String> newTopicSettings(int replicationFactor) {
    int least = leastInSyncReplicas(replicationFactor);
    return least > 1
        ? Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, Integer.toString(least))
        : Map.of();
  }

  /** Fewer than three replicas are somebody's explicit choice, who gets along with one. */
  private static int leastInSyncReplicas(int replicationFactor) {
    return replicationFactor >= 3 ? 2 : 1;
  }

  /**
   * Refuses a topic that could lose what it has acknowledged: with fewer replicas than the endpoint
   * asks for, with too few of them in sync, or with other settings than these.
   */
  public void requireDurability(Map<String, String> required)
      throws LedgerException, InterruptedException {
    Config config;
    int replicas;
    try {
      config = describeConfig();
      replicas =
          get(admin.describeTopics(List.of(endpoint.topic())).allTopicNames())
              .get(endpoint.topic())
              .partitions()
              .get(0)
              .replicas()
              .size();
    } catch (ExecutionException e) {
      throw unreachable(e.getCause());
    }
    List<String> faults = new ArrayList<>();
    if (replicas < endpoint.replicationFactor()) {
      faults.add(
          "its replication must be at least %d (kafka.topics.replication-factor) but is %d"
              .formatted(endpoint.replicationFactor(), replicas));
    }
    int leastInSync = leastInSyncReplicas(endpoint.replicationFactor());
    int inSync = Integer.parseInt(config.get(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG).value());
    if (inSync < leastInSync) {
      faults.add(
          "%s must be at least %d but is %d"
              .formatted(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, leastInSync, inSync));
    }
    required.forEach(
        (name, value) -> {
          ConfigEntry entry = config.get(name);
          String actual = entry == null ? null : entry.value();
          if (!value.equals(actual)) {
            faults.add("%s must be %s but is %s".formatted(name, value, actual));
          }
        });
    if (!faults.isEmpty()) {
      throw new LedgerException.Refused(
          "Kafka topic '%s' could lose records: %s. Change the topic; where fewer brokers are to do, say so with kafka.topics.replication-factor"
              .formatted(endpoint.topic(), String.join(", ", faults)));
    }
  }

  /**
   * Fences whoever holds this transactional id, and ends its transaction. Where nobody ever held it
   * that does nothing.
   */
  void fence(String transactionalId) throws LedgerException, InterruptedException {
    try {
      get(
          admin
              .fenceProducers(
                  List.of(transactionalId),
                  new FenceProducersOptions().timeoutMs(endpoint.timeoutMillis()))
              .all());
    } catch (ExecutionException e) {
      throw unreachable(e.getCause());
    }
  }

  /** The end of the partition: with or without records of transactions that are still open. */
  long endOffset(IsolationLevel isolation) throws LedgerException, InterruptedException {
    TopicPartition partition = new TopicPartition(endpoint.topic(), 0);
    try {
      return get(admin
              .listOffsets(
                  Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(isolation))
              .partitionResult(partition))
          .offset();
    } catch (ExecutionException e) {
      throw unreachable(e.getCause());
    }
  }

  private <T> T get(KafkaFuture<T> future)
      throws ExecutionException, LedgerException, InterruptedException {
    try {
      return future.get(2L * endpoint.timeoutMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw unreachable(e);
    }
  }

  private LedgerException unreachable(Throwable cause) {
    return new LedgerException.Unavailable(
        "Kafka does not answer for topic '%s'".formatted(endpoint.topic()), cause);
  }

  @Override
  public void close() {
    try {
      admin.close(Duration.ZERO);
    } catch (InterruptException e) {
      // Closing loses nothing; the interrupt itself stays pending for the caller.
      Thread.currentThread().interrupt();
    }
  }
}
