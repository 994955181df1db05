package io.murmuration.cli;

import io.murmuration.config.EventOptions.FormatKind;
import io.murmuration.config.EventsConfig;
import io.murmuration.event.EventEncoder;
import io.murmuration.registry.RegistryClient;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How events are written into a topic. */
final class FormatOptions {

  private static final String PREFIX = "events.registry.";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--format",
      defaultValue = "AVRO",
      description =
          "How values are written: ${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}. What"
              + " events.format of the job must say.")
  private FormatKind format = FormatKind.AVRO;

  @Option(
      names = "--registry",
      paramLabel = "KEY=VALUE",
      description =
          "With AVRO_REGISTRY: an option below events.registry, for example"
              + " url=http://localhost:8081; repeatable.")
  private Map<String, String> registry = Map.of();

  @Option(
      names = "--subject",
      description = "With AVRO_REGISTRY: the schema's subject; default: the topic and -value.")
  private String subject;

  @Option(
      names = "--no-register",
      description = "With AVRO_REGISTRY: the subject must have the schema; it is not added.")
  private boolean mustBeThere;

  /**
   * The encoder; with a registry, after the schema's id was asked for.
   *
   * @throws ParameterException if options are given that the format has no use for, or are missing
   * @throws IOException if the registry does not answer, or refuses
   */
  EventEncoder encoder(String topic) throws IOException, InterruptedException {
    if (format != FormatKind.AVRO_REGISTRY
        && (!registry.isEmpty() || subject != null || mustBeThere)) {
      throw new ParameterException(
          spec.commandLine(),
          "--registry, --subject and --no-register need --format AVRO_REGISTRY, but it is "
              + format);
    }
    return switch (format) {
      case AVRO -> EventEncoder.avro();
      case AVRO_REGISTRY -> EventEncoder.registry(schemaId(topic));
      case JSON -> EventEncoder.json();
    };
  }

  private int schemaId(String topic) throws IOException, InterruptedException {
    Map<String, String> settings = new HashMap<>();
    registry.forEach((key, value) -> settings.put(PREFIX + key, value));
    RegistryClient client;
    try {
      client = new RegistryClient(EventsConfig.registry(settings));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--registry: " + e.getMessage(), e);
    }
    String name = subject == null ? topic + "-value" : subject;
    OptionalInt known = client.lookUp(name, EventEncoder.schema());
    if (known.isPresent()) {
      return known.getAsInt();
    }
    if (mustBeThere) {
      throw new IOException(
          "subject %s must have the schema of schemas/interaction.avsc, but has not; leave out --no-register, or have it added"
              .formatted(name));
    }
    return client.register(name, EventEncoder.schema());
  }
}
