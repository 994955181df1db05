package io.murmuration.cli;

import io.murmuration.event.InteractionProducer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code murmuration erase}: has the job forget users. */
@Command(
    name = "erase",
    description = {
      "Writes a tombstone for each user: the job drops everything that it holds of them.",
      "Earlier records in topics, and checkpoints and savepoints, go with their retention. No budget comes back."
    },
    mixinStandardHelpOptions = true)
public final class EraseCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "USER", description = "User ids.")
  private List<String> users;

  @Option(
      names = "--bootstrap-servers",
      required = true,
      paramLabel = "HOST:PORT,...",
      description = "Kafka brokers.")
  private String bootstrapServers;

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

  @Override
  public Integer call() throws InterruptedException {
    if (users.stream().anyMatch(String::isBlank)) {
      throw new ParameterException(spec.commandLine(), "a user id must not be empty");
    }
    try (InteractionProducer producer =
        new InteractionProducer(
            bootstrapServers, topic, kafkaProperties, InteractionProducer.UNLIMITED)) {
      for (String user : users) {
        producer.erase(user);
      }
      producer.flush();
    }
    spec.commandLine().getOut().printf("%,d tombstones written to %s%n", users.size(), topic);
    return 0;
  }
}
