package io.murmuration.release;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The file that says that a store is there, and which one: an empty mount point, or a directory
 * that was moved away, has none.
 */
final class StoreMarker {

  /** Marks a store; hidden, and no directory, so that no consumer takes it for a release. */
  static final String NAME = ".murmuration-store";

  private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");

  private final Path file;
  private final Path staging;
  private final DirectoryModelStore.FileOutput output;

  /**
   * @param staging where the marker is written before it gets its name
   */
  StoreMarker(Path root, Path staging, DirectoryModelStore.FileOutput output) {
    this.file = root.resolve(NAME);
    this.staging = staging;
    this.output = output;
  }

  /** Gives the store an id if it has none; of several that do so at once, one succeeds. */
  void mark() throws IOException {
    if (!StoreFiles.isAbsent(file)) {
      return;
    }
    String fresh = UUID.randomUUID().toString().replace("-", "");
    Path written = staging.resolve("marker-" + fresh);
    output.write(written, (fresh + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      Files.createLink(file, written); // unlike a rename, never in place of another's marker
    } catch (FileAlreadyExistsException e) {
      return;
    } catch (UnsupportedOperationException | FileSystemException e) {
      StoreFiles.moveUnlessPresent(written, file); // no hard links here
    } finally {
      Files.deleteIfExists(written);
    }
    StoreFiles.force(file.getParent());
  }

  /**
   * The id in the marker.
   *
   * @throws IOException without marker: the store is not there, whatever else is
   */
  String read() throws IOException {
    String marker;
    try {
      marker = Files.readString(file).strip();
    } catch (NoSuchFileException e) {
      throw away();
    }
    if (!ID.matcher(marker).matches()) {
      throw new IOException(
          "%s must hold the id of the store, 32 hexadecimal digits, but does not; restore it from a copy"
              .formatted(file));
    }
    return marker;
  }

  /** Says that the store is not there, and what to do. */
  IOException away() {
    return new IOException(
        ("the store is not there: it has no %s. Mount it, or move it back; nothing is written or"
                + " given up until it is there")
            .formatted(file));
  }

  /**
   * Compares the store that is there.
   *
   * @throws IOException if it is not there, or another one is
   */
  void require(String expected) throws IOException {
    String found = read();
    if (!found.equals(expected)) {
      throw new IOException(
          "store %s is expected but store %s is there; mount the one that this job published to"
              .formatted(expected, found));
    }
  }
}
