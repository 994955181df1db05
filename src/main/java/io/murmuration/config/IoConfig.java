package io.murmuration.config;

import io.murmuration.config.IoOptions.FeedbackKind;
import io.murmuration.config.IoOptions.LedgerKind;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Properties;

/**
 * Says where data comes from and where results go.
 *
 * @param bootstrapServers Kafka brokers
 * @param groupId consumer group
 * @param topics names of the topics
 * @param kafkaProperties passed on to every Kafka client
 * @param ledgerKind form of the ledger
 * @param ledgerDirectory directory of a file ledger, else null
 * @param feedbackKind how executed rounds are acknowledged
 * @param releasesDirectory where releases become visible
 * @param acceptOtherStore whether that may be another store than restored state names
 * @param acceptLostCharges whether releases there may name charges that the ledger does not hold
 * @param runId name of this run in the manifests
 * @param checkpointInterval between checkpoints
 * @param checkpointDirectory URI of the directory that they go to; null for Flink's own setting
 * @param parallelism of ingest and sampling, or empty for the cluster's default
 * @param maxParallelism key groups of keyed state
 */
public record IoConfig(
    String bootstrapServers,
    String groupId,
    Topics topics,
    Map<String, String> kafkaProperties,
    LedgerKind ledgerKind,
    String ledgerDirectory,
    FeedbackKind feedbackKind,
    String releasesDirectory,
    boolean acceptOtherStore,
    boolean acceptLostCharges,
    String runId,
    Duration checkpointInterval,
    String checkpointDirectory,
    OptionalInt parallelism,
    int maxParallelism) {

  /** Names of the topics. */
  public record Topics(
      String interactions,
      String deadLetters,
      String releases,
      String ledger,
      String feedback,
      int replicationFactor) {

    /** The names that topics have where the configuration gives none. */
    public static Topics ofDomain(String domain, int replicationFactor) {
      return new Topics(
          IoOptions.INTERACTIONS_TOPIC.defaultValue(),
          IoOptions.DEAD_LETTERS_TOPIC.defaultValue(),
          IoOptions.RELEASES_TOPIC.defaultValue(),
          ledgerOf(domain),
          feedbackOf(domain),
          replicationFactor);
    }

    private static String ledgerOf(String domain) {
      return "murmuration-ledger-" + domain;
    }

    private static String feedbackOf(String domain) {
      return "murmuration-feedback-" + domain;
    }
  }

  public IoConfig {
    kafkaProperties = Map.copyOf(kafkaProperties);
  }

  /** What every Kafka client gets, bootstrap servers included. */
  public Properties clientProperties() {
    Properties properties = new Properties();
    properties.putAll(kafkaProperties);
    properties.setProperty("bootstrap.servers", bootstrapServers);
    return properties;
  }

  /**
   * The same with a client id, by which brokers tell clients apart in logs, metrics and quotas: the
   * group and what the client is for.
   *
   * @param purpose of the client, such as {@code ledger}
   */
  public Properties clientProperties(String purpose) {
    Properties properties = clientProperties();
    properties.setProperty("client.id", groupId + "-" + purpose);
    return properties;
  }

  static IoConfig read(Faults faults, Map<String, String> kafkaProperties) {
    faults.startPart();
    String servers = faults.required(IoOptions.BOOTSTRAP_SERVERS);
    String domain = faults.optional(PrivacyOptions.DOMAIN);
    String groupId = faults.optional(IoOptions.GROUP_ID);
    String interactions = faults.required(IoOptions.INTERACTIONS_TOPIC);
    String deadLetters = faults.required(IoOptions.DEAD_LETTERS_TOPIC);
    String releases = faults.required(IoOptions.RELEASES_TOPIC);
    String ledger = faults.optional(IoOptions.LEDGER_TOPIC);
    Integer replicationFactor = faults.atLeast(IoOptions.REPLICATION_FACTOR, 1);
    String feedback = faults.optional(IoOptions.FEEDBACK_TOPIC);
    LedgerKind ledgerKind = faults.required(IoOptions.LEDGER_KIND);
    String ledgerDirectory = faults.optional(IoOptions.LEDGER_DIRECTORY);
    if (ledgerKind == LedgerKind.FILE && ledgerDirectory == null) {
      faults.add(
          IoOptions.LEDGER_DIRECTORY,
          "is required where " + IoOptions.LEDGER_KIND.key() + " is FILE");
    }
    FeedbackKind feedbackKind = faults.required(IoOptions.FEEDBACK_KIND);
    String releasesDirectory = faults.required(IoOptions.RELEASES_DIRECTORY);
    Boolean acceptOtherStore = faults.required(IoOptions.ACCEPT_OTHER_STORE);
    Boolean acceptLostCharges = faults.required(IoOptions.ACCEPT_LOST_CHARGES);
    String runId = faults.optional(IoOptions.RUN_ID);
    Duration checkpointInterval = faults.required(IoOptions.CHECKPOINT_INTERVAL);
    if (checkpointInterval != null && checkpointInterval.toMillis() < 10) {
      faults.add(
          IoOptions.CHECKPOINT_INTERVAL,
          "must be at least 10 ms, since releases become visible by checkpoints, but is "
              + checkpointInterval);
    }
    String checkpointDirectory = faults.optional(IoOptions.CHECKPOINT_DIRECTORY);
    Integer parallelism = faults.optionalAtLeast(IoOptions.PARALLELISM, 1);
    Integer maxParallelism = faults.atLeast(IoOptions.MAX_PARALLELISM, 1);
    if (maxParallelism != null && maxParallelism > 32_768) {
      faults.add(IoOptions.MAX_PARALLELISM, "must be at most 32768 but is " + maxParallelism);
    }
    if (parallelism != null && maxParallelism != null && parallelism > maxParallelism) {
      faults.add(
          IoOptions.PARALLELISM,
          "must be at most "
              + IoOptions.MAX_PARALLELISM.key()
              + ", "
              + maxParallelism
              + ", but is "
              + parallelism);
    }
    return faults.build(
        () ->
            new IoConfig(
                servers,
                groupId == null ? "murmuration-" + domain : groupId,
                new Topics(
                    interactions,
                    deadLetters,
                    releases,
                    ledger == null ? Topics.ledgerOf(domain) : ledger,
                    feedback == null ? Topics.feedbackOf(domain) : feedback,
                    replicationFactor),
                kafkaProperties,
                ledgerKind,
                ledgerDirectory,
                feedbackKind,
                releasesDirectory,
                acceptOtherStore,
                acceptLostCharges,
                runId == null ? domain : runId,
                checkpointInterval,
                checkpointDirectory,
                parallelism == null ? OptionalInt.empty() : OptionalInt.of(parallelism),
                maxParallelism));
  }
}
