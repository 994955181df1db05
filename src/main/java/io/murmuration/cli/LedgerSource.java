package io.murmuration.cli;

import io.murmuration.job.ConfiguredMechanism;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.serving.LedgerPlace;
import io.murmuration.storage.LocalCopies;
import io.murmuration.storage.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Says where a ledger is that a command only reads: a file or a topic. */
final class LedgerSource {

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Place place;

  static final class Place {
    @Option(
        names = {"--file", "--ledger-file"},
        paramLabel = "FILE",
        converter = LocationConverter.class,
        description = "A file ledger, or a copy of one: a path or a URI.",
        required = true)
    private Location file;

    @ArgGroup(exclusive = false)
    private Topic topic;
  }

  static final class Topic extends BrokersOption {
    @Option(
        names = {"--topic", "--ledger-topic"},
        paramLabel = "TOPIC",
        description = "Topic of a Kafka ledger.",
        required = true)
    private String topic;

    @Option(
        names = "--kafka-property",
        paramLabel = "KEY=VALUE",
        description = "More properties of the Kafka client, such as security settings.")
    private Map<String, String> properties = new HashMap<>();

    Map<String, String> client() {
      Map<String, String> client = new HashMap<>(properties);
      client.put("bootstrap.servers", bootstrapServers());
      return client;
    }
  }

  /** Where it is, for whoever reads it more than once. */
  LedgerPlace place() {
    return place.file != null
        ? LedgerPlace.of(place.file)
        : LedgerPlace.of(place.topic.topic, place.topic.client());
  }

  /** The ledger, to be read and closed. */
  Ledger ledger() throws IOException {
    if (place.file != null) {
      return file(local(place.file));
    }
    KafkaEndpoint endpoint =
        new KafkaEndpoint(
            place.topic.topic,
            place.topic.client(),
            /* createTopic= */ false,
            /* replicationFactor= */ 1,
            KafkaEndpoint.DEFAULT_TIMEOUT);
    // Reading needs no transactional id, for which alone a ledger wants its domain.
    return new KafkaLedger("reader", endpoint);
  }

  private static Path local(Location file) throws IOException {
    return file.isLocal()
        ? file.path()
        : LocalCopies.of(file.parent(), file.name()::equals).resolve(file.name());
  }

  /** Its charges, checked, and priced by the accountant. */
  ChargeHistory charges() throws IOException, LedgerException, InterruptedException {
    try (Ledger ledger = ledger()) {
      return charges(ledger);
    }
  }

  /** The charges of a ledger, checked, and priced by the accountant. */
  static ChargeHistory charges(Ledger ledger) throws LedgerException, InterruptedException {
    return ChargeHistory.of(ledger.read(), ledger.location(), ConfiguredMechanism::accountant);
  }

  /**
   * A file ledger, to be read and closed.
   *
   * @throws NoSuchFileException if there is none
   */
  static Ledger file(Path file) throws NoSuchFileException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString(), null, "there is no ledger; check --file");
    }
    return new FileLedger(file);
  }
}
