package io.murmuration.serving;

import io.murmuration.cli.PublishedRun;
import io.murmuration.release.DirectoryModelStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/** A run's releases and its ledger as somebody sees them who is shown one round after the other. */
public final class GrowingStore {

  private final PublishedRun run;
  private final Path root;

  /**
   * @param root empty
   */
  public GrowingStore(PublishedRun run, Path root) throws IOException {
    this.run = run;
    this.root = root;
    Files.createDirectories(releases());
    Files.copy(run.ledger(), ledger());
  }

  /** The store. */
  public Path releases() {
    return root.resolve("releases");
  }

  /** A copy of the ledger. */
  public Path ledger() {
    return root.resolve("ledger");
  }

  /** Where a round's release is, or will be. */
  public Path release(long round) {
    return releases().resolve("round-%08d".formatted(round));
  }

  /** Makes a round visible, whole and at once. */
  public GrowingStore show(long round) throws IOException {
    Path from = run.releases().resolve(release(round).getFileName());
    Path copy = Files.createTempDirectory(root, "copy");
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    Files.move(copy, release(round), StandardCopyOption.ATOMIC_MOVE);
    return this;
  }

  /** Takes a round away. */
  public GrowingStore hide(long round) throws IOException {
    try (Stream<Path> files = Files.list(release(round))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(release(round));
    return this;
  }

  /** Changes the last byte of a file of a round. */
  public GrowingStore tamper(long round, String file) throws IOException {
    Path path = release(round).resolve(file);
    byte[] bytes = Files.readAllBytes(path);
    bytes[bytes.length - 1] ^= 1;
    Files.write(path, bytes);
    return this;
  }

  /** The ledger loses its last records. */
  public GrowingStore cutLedger(int records) throws IOException {
    List<String> lines = Files.readAllLines(run.ledger());
    Files.write(ledger(), lines.subList(0, lines.size() - records));
    return this;
  }

  /** The ledger has all records again. */
  public GrowingStore restoreLedger() throws IOException {
    Files.copy(run.ledger(), ledger(), StandardCopyOption.REPLACE_EXISTING);
    return this;
  }

  /** The store as it is. */
  public DirectoryModelStore store() throws IOException {
    return DirectoryModelStore.reading(releases());
  }
}
