package io.murmuration.cli;

import io.murmuration.event.EventEncoder;
import io.murmuration.event.InteractionProducer;
import java.util.Map;
import picocli.CommandLine.Option;

/** The topic that interactions are written to. */
final class InteractionsTopic extends BrokersOption {

  @Option(
      names = "--topic",
      defaultValue = "interactions",
      description = "Topic to write to, default: ${DEFAULT-VALUE}.")
  private String topic;

  @Option(
      names = "--kafka",
      paramLabel = "KEY=VALUE",
      description =
          "A setting of the Kafka producer, for example security.protocol=SSL; repeatable.")
  private Map<String, String> kafkaProperties = Map.of();

  String name() {
    return topic;
  }

  /**
   * A producer, to be closed.
   *
   * @param rate events per second, above 0
   * @param encoder form of the values
   */
  InteractionProducer producer(double rate, EventEncoder encoder) {
    return new InteractionProducer(bootstrapServers(), topic, kafkaProperties, rate, encoder);
  }
}
