package io.murmuration.job;

import io.murmuration.config.IoConfig;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.KafkaTopic;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.record.TimestampType;

/**
 * The topics of a job, with the partitions and the retention that each needs.
 *
 * <p>Ledger, releases and feedback have one partition, since their records have one order. The
 * ledger and the announcements of releases are kept for ever: a broker's default retention of seven
 * days would delete the record of what was spent. Interactions and dead letters hold what users
 * said, so they are kept for a given time only.
 *
 * @param topics in the order in which they are created
 */
public record JobTopics(List<NewTopic> topics) {

  private static final String FOR_EVER = "-1";

  /** A broker that lags longer than this has other troubles. */
  private static final Duration KNOWN_WITHIN = Duration.ofSeconds(30);

  private static final Duration KNOWN_POLL = Duration.ofMillis(100);

  /** What became of a topic. */
  public enum Outcome {
    /** It is new. */
    CREATED,
    /** It was there, with the partitions and settings that it needs. */
    EXISTS,
    /** It was there, and something about it differs from what it needs. */
    DIFFERS
  }

  /**
   * What became of one topic.
   *
   * @param topic its name
   * @param differences what differs and how; empty unless the outcome is {@link Outcome#DIFFERS}
   */
  public record Result(String topic, Outcome outcome, List<String> differences) {
    public Result {
      differences = List.copyOf(differences);
    }
  }

  public JobTopics {
    topics = List.copyOf(topics);
  }

  /**
   * The topics of a domain.
   *
   * @param names names and replication
   * @param partitions of the interactions topic, at least the parallelism of ingest
   * @param retention how long interactions and dead letters, which are raw user text, are kept
   */
  public static JobTopics of(IoConfig.Topics names, int partitions, Duration retention) {
    if (partitions < 1) {
      throw new IllegalArgumentException("partitions must be at least 1 but is " + partitions);
    }
    if (retention.isNegative() || retention.isZero()) {
      throw new IllegalArgumentException("retention must be positive but is " + retention);
    }
    short replication = (short) names.replicationFactor();
    Map<String, String> rawText =
        Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(retention.toMillis()));
    return new JobTopics(
        List.of(
            new NewTopic(names.interactions(), partitions, replication).configs(rawText),
            new NewTopic(names.deadLetters(), 1, replication).configs(rawText),
            new NewTopic(names.releases(), 1, replication)
                .configs(
                    Map.of(
                        TopicConfig.RETENTION_MS_CONFIG,
                        FOR_EVER,
                        // the broker's own time would tell when a record was written
                        TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG,
                        TimestampType.CREATE_TIME.name)),
            new NewTopic(names.ledger(), 1, replication)
                .configs(KafkaLedger.newTopicSettings(names.replicationFactor())),
            new NewTopic(names.feedback(), 1, replication)
                .configs(KafkaTopic.newTopicSettings(names.replicationFactor()))));
  }

  /**
   * Creates what does not exist yet and compares what does; an existing topic is never changed.
   *
   * @throws ExecutionException where the brokers refuse
   */
  public List<Result> create(Admin admin) throws InterruptedException, ExecutionException {
    List<Result> results = new ArrayList<>();
    for (NewTopic topic : topics) {
      results.add(create(admin, topic));
    }
    return results;
  }

  private static Result create(Admin admin, NewTopic topic)
      throws InterruptedException, ExecutionException {
    try {
      admin.createTopics(List.of(topic)).all().get();
      return new Result(topic.name(), Outcome.CREATED, List.of());
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
    }
    List<String> differences = differencesOnceKnown(admin, topic);
    return new Result(
        topic.name(), differences.isEmpty() ? Outcome.EXISTS : Outcome.DIFFERS, differences);
  }

  /** A broker may learn of a topic after the controller has said that it is there. */
  private static List<String> differencesOnceKnown(Admin admin, NewTopic topic)
      throws InterruptedException, ExecutionException {
    long end = System.nanoTime() + KNOWN_WITHIN.toNanos();
    while (true) {
      try {
        return differences(admin, topic);
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof UnknownTopicOrPartitionException)
            || System.nanoTime() > end) {
          throw e;
        }
        Thread.sleep(KNOWN_POLL.toMillis());
      }
    }
  }

  private static List<String> differences(Admin admin, NewTopic topic)
      throws InterruptedException, ExecutionException {
    List<String> differences = new ArrayList<>();
    TopicDescription description =
        admin.describeTopics(List.of(topic.name())).allTopicNames().get().get(topic.name());
    compare(differences, "partitions", topic.numPartitions(), description.partitions().size());
    compareAtLeast(
        differences,
        "replication",
        topic.replicationFactor(),
        description.partitions().get(0).replicas().size());
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
    Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
    new TreeMap<>(topic.configs())
        .forEach(
            (name, value) -> {
              String actual = config.get(name).value();
              if (name.equals(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG)) {
                compareAtLeast(
                    differences, name, Integer.parseInt(value), Integer.parseInt(actual));
              } else {
                compare(differences, name, value, actual);
              }
            });
    return differences;
  }

  private static void compareAtLeast(List<String> differences, String what, int least, int actual) {
    if (actual < least) {
      compare(differences, what, least, actual);
    }
  }

  private static void compare(
      List<String> differences, String what, Object required, Object actual) {
    if (!required.toString().equals(String.valueOf(actual))) {
      differences.add("%s is %s instead of %s".formatted(what, actual, required));
    }
  }
}
