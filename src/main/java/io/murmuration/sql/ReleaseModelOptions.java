package io.murmuration.sql;

import java.time.Duration;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/** What stands in {@code WITH} of a model. */
final class ReleaseModelOptions {

  static final ConfigOption<String> RELEASES =
      ConfigOptions.key("releases")
          .stringType()
          .noDefaultValue()
          .withDescription("Path or URI of the model store, as every task manager sees it.");

  static final ConfigOption<String> MODEL =
      ConfigOptions.key("model")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Directory of the base model, a path or a URI; not needed where releases are whole models.");

  static final ConfigOption<String> LEDGER_FILE =
      ConfigOptions.key("ledger.file")
          .stringType()
          .noDefaultValue()
          .withDescription("A file ledger, or a copy of one, by path or URI.");

  static final ConfigOption<String> LEDGER_SERVERS =
      ConfigOptions.key("ledger.bootstrap-servers")
          .stringType()
          .noDefaultValue()
          .withDescription("Brokers of a ledger in a topic.");

  static final ConfigOption<String> LEDGER_TOPIC =
      ConfigOptions.key("ledger.topic")
          .stringType()
          .noDefaultValue()
          .withDescription("The topic of a ledger in Kafka.");

  /** What follows it is a property of the ledger's Kafka client. */
  static final String LEDGER_PROPERTIES = "ledger.properties.";

  static final ConfigOption<Duration> POLL_INTERVAL =
      ConfigOptions.key("poll-interval")
          .durationType()
          .defaultValue(Duration.ofSeconds(10))
          .withDescription("How often each task manager looks for a newer release.");

  static final ConfigOption<Integer> MAX_NEW_TOKENS =
      ConfigOptions.key("max-new-tokens")
          .intType()
          .defaultValue(100)
          .withDescription("New tokens of an answer at most.");

  static final ConfigOption<Double> TEMPERATURE =
      ConfigOptions.key("temperature")
          .doubleType()
          .defaultValue(0.0)
          .withDescription("0 takes the likeliest token, larger values vary more.");

  static final ConfigOption<Long> SEED =
      ConfigOptions.key("seed")
          .longType()
          .noDefaultValue()
          .withDescription("Makes sampling repeatable: the same for every prompt.");

  static final Set<ConfigOption<?>> REQUIRED = Set.of(RELEASES);

  static final Set<ConfigOption<?>> OPTIONAL =
      Set.of(
          MODEL,
          LEDGER_FILE,
          LEDGER_SERVERS,
          LEDGER_TOPIC,
          POLL_INTERVAL,
          MAX_NEW_TOKENS,
          TEMPERATURE,
          SEED);

  private ReleaseModelOptions() {}
}
