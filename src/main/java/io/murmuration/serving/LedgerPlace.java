package io.murmuration.serving;

import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Where a ledger is that is only read: a file, or a topic. */
public sealed interface LedgerPlace extends Serializable {

  /** A file ledger, or a copy of one. */
  static LedgerPlace of(Location file) {
    return new InFile(file);
  }

  /**
   * A topic.
   *
   * @param clientProperties of the Kafka client, {@code bootstrap.servers} among them
   */
  static LedgerPlace of(String topic, Map<String, String> clientProperties) {
    return new InTopic(topic, new TreeMap<>(clientProperties));
  }

  /**
   * Its charges as they are now, checked, and priced by the accountant.
   *
   * @throws IOException if a file is not there, or out of reach
   * @throws LedgerException.Unavailable if brokers are out of reach
   * @throws LedgerException.Refused if the ledger is damaged
   */
  ChargeHistory charges(AccountantFactory accountants)
      throws IOException, LedgerException, InterruptedException;

  /** A file; of another file system it is fetched each time, since a ledger grows. */
  record InFile(Location file) implements LedgerPlace {

    @Override
    public ChargeHistory charges(AccountantFactory accountants)
        throws IOException, LedgerException, InterruptedException {
      if (file.isLocal()) {
        if (!Files.exists(file.path())) {
          throw absent();
        }
        return read(file.path(), accountants);
      }
      Path copy = Files.createTempFile("murmuration-ledger-", null);
      try {
        Optional<Long> copied =
            StoredFiles.at(file.parent())
                .read(file.name(), in -> Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING));
        if (copied.isEmpty()) {
          throw absent();
        }
        return read(copy, accountants);
      } finally {
        Files.deleteIfExists(copy);
      }
    }

    private NoSuchFileException absent() {
      return new NoSuchFileException(file.text(), null, "there is no ledger");
    }

    private ChargeHistory read(Path path, AccountantFactory accountants)
        throws LedgerException, InterruptedException {
      try (FileLedger ledger = new FileLedger(path)) {
        return ChargeHistory.of(ledger.read(), "ledger file " + file, accountants);
      }
    }
  }

  /** A topic. */
  record InTopic(String topic, TreeMap<String, String> clientProperties) implements LedgerPlace {

    @Override
    public ChargeHistory charges(AccountantFactory accountants)
        throws LedgerException, InterruptedException {
      try (Ledger ledger = ledger()) {
        return ChargeHistory.of(ledger.read(), ledger.location(), accountants);
      }
    }

    private Ledger ledger() {
      // reading needs no transactional id, for which alone a ledger wants its domain
      return new KafkaLedger(
          "reader",
          new KafkaEndpoint(
              topic,
              clientProperties,
              /* createTopic= */ false,
              /* replicationFactor= */ 1,
              KafkaEndpoint.DEFAULT_TIMEOUT));
    }
  }
}
