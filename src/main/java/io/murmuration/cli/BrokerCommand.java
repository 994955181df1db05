package io.murmuration.cli;

import io.murmuration.demo.EmbeddedKafka;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration broker}: a Kafka broker for development, in a process of its own. */
@Command(
    name = "broker",
    description = {
      "Runs a single-node Kafka broker in this process, until it is stopped by a signal. For"
          + " development and tests.",
      "Reachable from this machine only, without encryption or authentication. scripts/kafka runs"
          + " it in the background."
    },
    mixinStandardHelpOptions = true,
    showDefaultValues = true)
final class BrokerCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "DIR",
      description = "Data directory; outlives the broker.")
  private Path data;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "9092",
      description = "Port on the loopback interface.")
  private int port;

  @Override
  public Integer call() throws InterruptedException {
    EmbeddedKafka kafka = EmbeddedKafka.start(data, port);
    Runtime.getRuntime().addShutdownHook(new Thread(kafka::close, "stop broker"));
    spec.commandLine().getOut().println("ready " + kafka.bootstrapServers());
    spec.commandLine().getOut().flush();
    // the signal that ends this process runs the hook
    new CountDownLatch(1).await();
    return 0;
  }
}
