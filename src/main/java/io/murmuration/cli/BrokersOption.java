package io.murmuration.cli;

import picocli.CommandLine.Option;

/** Which Kafka a command talks to. */
class BrokersOption {

  @Option(
      names = "--bootstrap-servers",
      required = true,
      paramLabel = "HOST:PORT,...",
      description = "Kafka brokers.")
  private String bootstrapServers;

  final String bootstrapServers() {
    return bootstrapServers;
  }
}
