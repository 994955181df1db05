package io.murmuration.privacy.ledger;

import io.murmuration.privacy.mechanism.Checks;
import java.io.Serializable;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.CommonClientConfigs;

/**
 * A single-partition topic and how to reach it; configuration that travels in the job graph.
 *
 * @param topic its name
 * @param clientProperties properties of every Kafka client, {@code bootstrap.servers} among them
 * @param createTopic whether the topic may be created where it does not exist
 * @param replicationFactor of a topic that is created; 3 or more in production
 * @param timeout how long one exchange with the brokers may take before they count as unreachable
 */
public record KafkaEndpoint(
    String topic,
    Map<String, String> clientProperties,
    boolean createTopic,
    int replicationFactor,
    Duration timeout)
    implements Serializable {

  /** The timeout of {@link #of}. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

  /** A broker's answer takes milliseconds, a new leader seconds. */
  private static final Duration SHORTEST_TIMEOUT = Duration.ofSeconds(1);

  public KafkaEndpoint {
    Checks.text("topic", topic);
    clientProperties = new HashMap<>(clientProperties);
    Checks.text(
        CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG,
        clientProperties.get(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG));
    Checks.atLeast("replication factor", replicationFactor, 1);
    if (timeout.compareTo(SHORTEST_TIMEOUT) < 0) {
      throw new IllegalArgumentException(
          "timeout must be at least %s but is %s".formatted(SHORTEST_TIMEOUT, timeout));
    }
  }

  /**
   * An endpoint with the default timeout whose topic is created, with this replication, if absent.
   */
  public static KafkaEndpoint of(
      String topic, Map<String, String> clientProperties, int replicationFactor) {
    return new KafkaEndpoint(
        topic, clientProperties, /* createTopic= */ true, replicationFactor, DEFAULT_TIMEOUT);
  }

  /** A copy of the client properties, to add to. */
  public Map<String, Object> newClientProperties() {
    return new HashMap<>(clientProperties);
  }

  /** The whole of what one call may take. */
  public int timeoutMillis() {
    return Math.toIntExact(timeout.toMillis());
  }

  /** One try of a request: several fit into the timeout. */
  public int requestTimeoutMillis() {
    return Math.max(1, timeoutMillis() / 3);
  }
}
