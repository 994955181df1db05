package io.murmuration.release;

import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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

  private final StoredFiles files;

  /**
   * @param files of the store
   */
  StoreMarker(StoredFiles files) {
    this.files = files;
  }

  /** An id that no other store has. */
  static String freshId() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  /** What the marker of a store holds. */
  static byte[] content(String id) {
    return (id + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /** Whether there is certainly none. */
  boolean isAbsent() throws IOException {
    return files.read(NAME).isEmpty();
  }

  /**
   * The id in the marker.
   *
   * @throws IOException without marker: the store is not there, whatever else is
   */
  String read() throws IOException {
    byte[] content = files.read(NAME).orElseThrow(this::away);
    String marker = new String(content, StandardCharsets.UTF_8).strip();
    if (!ID.matcher(marker).matches()) {
      throw new IOException(
          "%s must hold the id of the store, 32 hexadecimal digits, but does not; restore it from a copy"
              .formatted(location()));
    }
    return marker;
  }

  /** Says that the store is not there, and what to do. */
  IOException away() {
    return new IOException(
        ("the store is not there: it has no %s. Mount it, or move it back; nothing is written or"
                + " given up until it is there")
            .formatted(location()));
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

  private Location location() {
    return files.root().resolve(NAME);
  }
}
