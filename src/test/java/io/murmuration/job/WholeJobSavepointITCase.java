package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecords;
import io.murmuration.event.UserEvent;
import io.murmuration.job.BrokerlessJob.Heard;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.Manifest;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.release.ReleaseManifest;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A savepoint of the whole job that a former version made, with the ledger and the releases beside
 * it, is restored and trained on. A fixture is written once, by {@link #main} of that version
 * ({@code scripts/savepoint-fixture}), and never changed.
 */
@Timeout(900)
class WholeJobSavepointITCase {

  private static final int ROUNDS = 8;
  private static final int ROUNDS_BEFORE = 4;

  @TempDir private Path directory;

  /**
   * Writes the fixture of the version that this is.
   *
   * @param args a directory that does not exist yet, {@code savepoint-N} in this package's test
   *     resources
   */
  public static void main(String[] args) throws Exception {
    Path work = Files.createTempDirectory("whole-job");
    Path fixture = Path.of(args[0]);
    int version = Integer.parseInt(fixture.getFileName().toString().replaceFirst("savepoint-", ""));
    MurmurationConfig config = config(work, version);
    BrokerlessJob.Run run =
        BrokerlessJob.run(
            BrokerlessJob.of(config),
            config,
            work,
            /* savepoint= */ null,
            heard -> heard.granted().size() > ROUNDS_BEFORE);
    copyFiles(Path.of(URI.create(run.savepoint())), fixture.resolve("savepoint"));
    copyFiles(work.resolve("ledger"), fixture.resolve("ledger"));
    copyFiles(work.resolve("releases"), fixture.resolve("releases"));
  }

  /** Noise is correlated from version 2 on: there was none before. */
  private static MurmurationConfig config(Path directory, int version) throws IOException {
    return JobConfigs.in(directory)
        .with(
            "training.model",
            TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11).toString())
        .with("privacy.epsilon", "50")
        .with("privacy.rounds", String.valueOf(ROUNDS))
        .with("privacy.sampling-probability", "0.5")
        .with("privacy.noise-bands", version < 2 ? "1" : "2")
        .with("privacy.round-interval", "200 ms")
        .with("privacy.adaptive-clipping.quantile", "0.5")
        // what users said before the savepoint is live whenever it is restored
        .with("contribution.window-ticks", String.valueOf(1L << 40))
        .with("training.parallelism", "2")
        .with("job.parallelism", "2")
        .config();
  }

  /** Copies files alone, as a repository keeps no empty directories, and no lock of a ledger. */
  private static void copyFiles(Path from, Path to) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(from)) {
      files =
          all.filter(Files::isRegularFile)
              .filter(file -> !file.toString().endsWith(".lock"))
              .toList();
    }
    for (Path file : files) {
      Path copy = to.resolve(from.relativize(file).toString());
      Files.createDirectories(copy.getParent());
      Files.copy(file, copy);
    }
  }

  @BeforeEach
  void forget() {
    WatchedTrainer.forget();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void savepointOfEveryVersion_isRestored_andTrainingGoesOn(int version) throws Exception {
    copyFiles(
        Path.of(getClass().getResource("savepoint-" + version).toURI()), directory.resolve("."));
    List<Charge> before = records(Charge.class);
    assertThat(before).hasSizeBetween(ROUNDS_BEFORE, ROUNDS - 2);
    MurmurationConfig config = config(directory, version);
    MurmurationTopology job =
        BrokerlessJob.of(config, WholeJobSavepointITCase::nothing, /* eventsPerSecond= */ 10);

    Heard heard =
        BrokerlessJob.run(
                WatchedTrainer.of(job, config),
                config,
                directory,
                directory.resolve("savepoint").toUri().toString(),
                Heard::isHalted)
            .heard();

    assertThat(heard.halts()).containsExactly(HaltReason.ROUNDS_DONE);
    assertLedgerGoesOn(before);
    assertModelGoesOn(Path.of(config.training().model()));
    assertThat(WatchedTrainer.units().values())
        .as("users of each round; all that they said was in the savepoint")
        .anyMatch(users -> users > 0);
  }

  /** Each round is charged once, by two epochs, and every release is what its charge says. */
  private void assertLedgerGoesOn(List<Charge> before) throws Exception {
    assertThat(records(EpochOpened.class)).extracting(EpochOpened::epoch).containsExactly(1L, 2L);
    List<Charge> charges = records(Charge.class);
    assertThat(charges).startsWith(before.toArray(Charge[]::new));
    assertThat(charges)
        .extracting(Charge::round)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, ROUNDS).boxed().toList());
    try (FileLedger ledger = ledger()) {
      ChargeHistory history =
          ChargeHistory.of(ledger.read(), ledger.location(), ConfiguredMechanism::accountant);
      assertThat(new ReleaseAudit(store()).verifyAgainst(history))
          .isNotEmpty()
          .allSatisfy(checked -> assertThat(checked.problems()).isEmpty());
    }
  }

  /** The trainer begins where the last round before left the model, and what follows differs. */
  private void assertModelGoesOn(Path base) throws Exception {
    TrainerState restored = WatchedTrainer.restored().orElseThrow();
    assertThat(restored.executedRounds()).isPositive();
    assertThat(restored.optimizer().moments()).isNotEmpty();
    Map<Long, Double> published = new TreeMap<>();
    for (String name : store().published()) {
      published.put(
          ReleaseManifest.read(store().read(name).get(Manifest.FILE)).round(),
          WatchedTrainer.nats(base, Optional.of(store().directoryOf(name))));
    }
    assertThat(published).containsKey(restored.round());
    assertThat(published.keySet()).anyMatch(round -> round > restored.round());
    assertThat(published).containsAllEntriesOf(WatchedTrainer.nats());
    assertThat(published.values()).doesNotHaveDuplicates();
  }

  /** Erases who never said anything, so that nobody says anything new. */
  private static RawRecord nothing(long index) {
    return RawRecords.of(UserEvent.erasure("nobody", "e" + index, /* eventTimeMillis= */ 0));
  }

  private DirectoryModelStore store() throws IOException {
    return DirectoryModelStore.reading(directory.resolve("releases"));
  }

  private FileLedger ledger() {
    return new FileLedger(directory.resolve("ledger").resolve("chat.ledger"));
  }

  private <T> List<T> records(Class<T> type) throws Exception {
    try (FileLedger ledger = ledger()) {
      return ledger.read().stream()
          .map(LedgerEntry::record)
          .filter(type::isInstance)
          .map(type::cast)
          .toList();
    }
  }
}
