package io.murmuration.job;

import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;

/**
 * The topic of events, as its brokers know it. Ends are those of every record that is acknowledged,
 * also of transactions that are open: nothing is read from behind them.
 *
 * @param topic its name
 * @param clientProperties properties of the client, {@code bootstrap.servers} among them
 */
record KafkaInputTopic(String topic, HashMap<String, String> clientProperties)
    implements InputTopic {

  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  /** The topic, reached with these properties. */
  static KafkaInputTopic of(String topic, Properties clientProperties) {
    HashMap<String, String> properties = new HashMap<>();
    clientProperties
        .stringPropertyNames()
        .forEach(name -> properties.put(name, clientProperties.getProperty(name)));
    return new KafkaInputTopic(topic, properties);
  }

  @Override
  public Connection open() throws IOException {
    Map<String, Object> properties = new HashMap<>(clientProperties);
    properties.put(
        AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, Long.toString(TIMEOUT.toMillis()));
    properties.put(
        AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, Long.toString(TIMEOUT.toMillis() / 3));
    try {
      return new ToBrokers(topic, Admin.create(properties));
    } catch (KafkaException e) {
      throw unreachable(topic, e);
    }
  }

  private static IOException unreachable(String topic, Throwable cause) {
    return new IOException(
        "The topic of events, %s, cannot be asked how far it is written".formatted(topic), cause);
  }

  /**
   * The id of a topic, by which one that is created anew is another.
   *
   * @throws IllegalArgumentException if the brokers give topics none
   */
  static String idOf(String topic, Uuid id) {
    if (id.equals(Uuid.ZERO_UUID)) {
      throw new IllegalArgumentException(
          "The brokers must give topics ids where users have lifetimes but %s has none: a topic that is created anew could not be told from the one that was read; use brokers of Kafka 2.8 or later, with an inter.broker.protocol.version as late"
              .formatted(topic));
    }
    return id.toString();
  }

  private static final class ToBrokers implements Connection {

    private final String topic;
    private final Admin admin;
    private String clusterId;

    ToBrokers(String topic, Admin admin) {
      this.topic = topic;
      this.admin = admin;
    }

    @Override
    public InputOffsets read() throws IOException, InterruptedException {
      if (clusterId == null) {
        requireKept();
        clusterId = get(admin.describeCluster().clusterId());
      }
      TopicDescription described =
          get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
      int partitions = described.partitions().size();
      return new InputOffsets(
          clusterId,
          idOf(topic, described.topicId()),
          offsets(partitions, OffsetSpec.earliest()),
          offsets(partitions, OffsetSpec.latest()));
    }

    private List<Long> offsets(int partitions, OffsetSpec spec)
        throws IOException, InterruptedException {
      Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
      for (int partition = 0; partition < partitions; partition++) {
        asked.put(new TopicPartition(topic, partition), spec);
      }
      Map<TopicPartition, ListOffsetsResultInfo> answers = get(admin.listOffsets(asked).all());
      List<Long> offsets = new ArrayList<>();
      for (int partition = 0; partition < partitions; partition++) {
        offsets.add(answers.get(new TopicPartition(topic, partition)).offset());
      }
      return offsets;
    }

    /** A record that compaction takes away cannot be read again, and what it erased comes back. */
    private void requireKept() throws IOException, InterruptedException {
      ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
      String policy =
          get(admin.describeConfigs(List.of(resource)).all())
              .get(resource)
              .get(TopicConfig.CLEANUP_POLICY_CONFIG)
              .value();
      if (!policy.equals(TopicConfig.CLEANUP_POLICY_DELETE)) {
        throw new IllegalArgumentException(
            "The topic of events must have %s=%s where users have lifetimes but %s has %s: what compaction takes away cannot be read again after a restore"
                .formatted(
                    TopicConfig.CLEANUP_POLICY_CONFIG,
                    TopicConfig.CLEANUP_POLICY_DELETE,
                    topic,
                    policy));
      }
    }

    private <T> T get(KafkaFuture<T> answer) throws IOException, InterruptedException {
      try {
        return answer.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      } catch (ExecutionException e) {
        throw unreachable(topic, e.getCause());
      } catch (TimeoutException e) {
        throw unreachable(topic, e);
      }
    }

    @Override
    public void close() {
      admin.close(Duration.ofSeconds(1));
    }
  }
}
