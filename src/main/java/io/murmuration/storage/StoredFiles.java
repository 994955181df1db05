package io.murmuration.storage;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Files below one location, on whatever file system it is. Names are relative to it, with slashes
 * between their parts, and never empty.
 *
 * <p><b>An absence is an answer, a failure is none.</b> What is reported as missing was reported as
 * missing by the file system. Everything else, an unchecked exception of a client library among it,
 * is an {@link IOException}: the files are away, and one may try again. Whoever concludes something
 * from an absence must still ask whether the store is there: an empty mount point and an emptied
 * bucket report the same.
 *
 * <p>Of this machine's file system a file appears as a whole, by an atomic rename. Elsewhere it may
 * be missing for a moment while it is replaced, and may be left cut off by a failed write, which
 * its next writer replaces; what was written is read back before {@link #write} returns.
 */
public interface StoredFiles {

  /** Writes a file's content. */
  @FunctionalInterface
  interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /** Makes something of a file's content. */
  @FunctionalInterface
  interface Reading<T> {
    T from(InputStream in) throws IOException;
  }

  /**
   * What a directory holds.
   *
   * @param name within the directory
   * @param isDirectory whether it holds others itself
   * @param bytes its length; 0 of a directory
   * @param modified by the clock of the file system; the epoch of a directory that has no time
   */
  record Entry(String name, boolean isDirectory, long bytes, Instant modified) {}

  /** The files below a location. Nothing is looked at yet. */
  static StoredFiles at(Location root) {
    return root.isLocal() ? new LocalFiles(root) : new ObjectFiles(root);
  }

  /** What names are relative to. */
  Location root();

  /**
   * Reads a file.
   *
   * @return empty if there is none; a file without content counts as none, except on this machine's
   *     file system
   * @throws IOException if that is not known, or it cannot be read
   */
  <T> Optional<T> read(String name, Reading<T> reading) throws IOException;

  /** The whole content of a file, see {@link #read(String, Reading)}. */
  default Optional<byte[]> read(String name) throws IOException {
    return read(name, InputStream::readAllBytes);
  }

  /**
   * Writes a file, and replaces what is there. When this returns, the file holds what was written.
   *
   * @throws IOException if that is not certain; there may then be a part of it, but for this
   *     machine's file system
   */
  void write(String name, Content content) throws IOException;

  /** Writes a file, see {@link #write(String, Content)}. */
  default void write(String name, byte[] content) throws IOException {
    write(name, out -> out.write(content));
  }

  /**
   * What a directory holds, in the order of names.
   *
   * @param directory its name; empty for the root
   * @return nothing if there is none
   */
  List<Entry> list(String directory) throws IOException;

  /** Deletes a file, if it is there. */
  void delete(String name) throws IOException;

  /**
   * Deletes a directory, if it is there and holds nothing. Object storage has none without a file;
   * elsewhere they stay when their last file goes.
   */
  void deleteEmptyDirectory(String name) throws IOException;
}
