package io.murmuration.config;

import java.time.Duration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** Options that say where data comes from and where results go. */
public final class IoOptions {

  /** Forms of the ledger. */
  public enum LedgerKind {
    /** A file with a lock: one machine. */
    FILE,
    /** A single-partition topic with a fencing transactional producer: clusters. */
    KAFKA
  }

  /** How the trainer tells the budget that a round was executed. */
  public enum FeedbackKind {
    /** They stay inside one JVM. */
    IN_MEMORY,
    /** They come by a topic. */
    KAFKA
  }

  public static final ConfigOption<String> BOOTSTRAP_SERVERS =
      ConfigOptions.key("kafka.bootstrap-servers")
          .stringType()
          .noDefaultValue()
          .withDescription("Kafka brokers, host:port[,host:port...].");

  public static final ConfigOption<String> GROUP_ID =
      ConfigOptions.key("kafka.group-id")
          .stringType()
          .noDefaultValue()
          .withDescription("Consumer group; murmuration-<domain> where not given.");

  public static final ConfigOption<String> INTERACTIONS_TOPIC =
      ConfigOptions.key("kafka.topics.interactions")
          .stringType()
          .defaultValue("interactions")
          .withDescription("Topic of the users' interactions, keyed by user id.");

  public static final ConfigOption<String> DEAD_LETTERS_TOPIC =
      ConfigOptions.key("kafka.topics.dead-letters")
          .stringType()
          .defaultValue("interactions-dead-letters")
          .withDescription(
              "Topic of records that could not be used, with the reason in the headers.");

  public static final ConfigOption<String> RELEASES_TOPIC =
      ConfigOptions.key("kafka.topics.releases")
          .stringType()
          .defaultValue("releases")
          .withDescription("Topic of announcements of releases.");

  public static final ConfigOption<String> LEDGER_TOPIC =
      ConfigOptions.key("kafka.topics.ledger")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Topic of the Kafka ledger; murmuration-ledger-<domain> where not given.");

  public static final ConfigOption<Integer> REPLICATION_FACTOR =
      ConfigOptions.key("kafka.topics.replication-factor")
          .intType()
          .defaultValue(3)
          .withDescription(
              "Replication of the ledger and feedback topics where the job creates them, and the least"
                  + " that it accepts where they exist; from 3 on they need min.insync.replicas 2."
                  + " Fewer than 3 only where nothing is promised to anybody.");

  public static final ConfigOption<String> FEEDBACK_TOPIC =
      ConfigOptions.key("kafka.topics.feedback")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Topic of executed rounds; murmuration-feedback-<domain> where not given.");

  /** Prefix of settings that are passed on to every Kafka client, for example SASL and TLS. */
  public static final String KAFKA_PROPERTIES_PREFIX = "kafka.properties.";

  public static final ConfigOption<LedgerKind> LEDGER_KIND =
      ConfigOptions.key("ledger.kind")
          .enumType(LedgerKind.class)
          .defaultValue(LedgerKind.KAFKA)
          .withDescription("FILE for one machine, KAFKA for clusters.");

  public static final ConfigOption<String> LEDGER_DIRECTORY =
      ConfigOptions.key("ledger.directory")
          .stringType()
          .noDefaultValue()
          .withDescription("Directory of the file ledger.");

  public static final ConfigOption<FeedbackKind> FEEDBACK_KIND =
      ConfigOptions.key("feedback.kind")
          .enumType(FeedbackKind.class)
          .defaultValue(FeedbackKind.KAFKA)
          .withDescription("IN_MEMORY where all of the job runs in one JVM, KAFKA otherwise.");

  public static final ConfigOption<String> RELEASES_DIRECTORY =
      ConfigOptions.key("releases.directory")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Directory of the releases and of their staging area: a path on one file system with"
                  + " atomic renames that all task managers share, or a URI of a file system of"
                  + " Flink (s3://bucket/releases), where a release is visible once its manifest,"
                  + " written last, is.");

  public static final ConfigOption<Boolean> ACCEPT_OTHER_STORE =
      ConfigOptions.key("releases.accept-other-store")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "For one start: accept that releases.directory is another store than the one that"
                  + " restored state names. What waits there for its commit is given up.");

  public static final ConfigOption<Boolean> ACCEPT_LOST_CHARGES =
      ConfigOptions.key("ledger.accept-lost-charges")
          .booleanType()
          .defaultValue(false)
          .withDescription(
              "For one start: accept that releases in releases.directory name charges which the"
                  + " ledger does not hold. What they spent is spent beside what this ledger says,"
                  + " and no manifest counts it: the sum is yours to state.");

  public static final ConfigOption<String> RUN_ID =
      ConfigOptions.key("releases.run-id")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Name of this run in the manifests; the domain where not given. Public.");

  public static final ConfigOption<Duration> CHECKPOINT_INTERVAL =
      ConfigOptions.key("job.checkpoint-interval")
          .durationType()
          .defaultValue(Duration.ofSeconds(30))
          .withDescription("Releases become visible with the next checkpoint.");

  public static final ConfigOption<String> CHECKPOINT_DIRECTORY =
      ConfigOptions.key("job.checkpoint-directory")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "URI of the directory that checkpoints go to, reachable from all machines; Flink's"
                  + " execution.checkpointing.dir where not given. One of both is required.");

  public static final ConfigOption<Integer> PARALLELISM =
      ConfigOptions.key("job.parallelism")
          .intType()
          .noDefaultValue()
          .withDescription(
              "Parallelism of ingest and sampling; the cluster's default where not given.");

  public static final ConfigOption<Integer> MAX_PARALLELISM =
      ConfigOptions.key("job.max-parallelism")
          .intType()
          .defaultValue(128)
          .withDescription(
              "Key groups of keyed state: the most that the job can ever be scaled to. Fixed for a"
                  + " savepoint's life.");

  private IoOptions() {}
}
