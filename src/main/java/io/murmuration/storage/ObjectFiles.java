package io.murmuration.storage;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.net.URI;
import java.nio.file.NoSuchFileException;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.UnsupportedFileSystemSchemeException;

/**
 * Files of a file system that Flink knows. Nothing relies on renames, on directories, or on a
 * listing that shows what was just written.
 *
 * <p>Three habits of Flink's file systems for S3 shape this: they throw unchecked exceptions of
 * their client, they upload what they have when a stream is closed after a failed write, and to
 * overwrite they delete first. Two are HDFS's: a file is there, and empty, as soon as somebody
 * begins to write it, and directories stay when their last file goes.
 */
final class ObjectFiles implements StoredFiles {

  /** Finds the file system; apart so that tests can hand over one that fails. */
  @FunctionalInterface
  interface Finder {
    FileSystem find() throws IOException;
  }

  /** Something done with the file system. */
  private interface Action<T> {
    T on(FileSystem files) throws IOException;
  }

  /** Length and SHA-256 of a content. */
  private record Fingerprint(long bytes, String sha256) {}

  private final Location root;
  private final Finder finder;

  ObjectFiles(Location root) {
    this(root, () -> find(root));
  }

  ObjectFiles(Location root, Finder finder) {
    this.root = root;
    this.finder = finder;
  }

  private static FileSystem find(Location root) throws IOException {
    URI uri = URI.create(root.text());
    try {
      return FileSystem.get(uri);
    } catch (UnsupportedFileSystemSchemeException e) {
      throw new IOException(
          ("no file system for %s:// is there: its plugin must lie in a directory below the one"
                  + " that FLINK_PLUGINS_DIR names (scripts/plugin flink-s3-fs-native fetches that of"
                  + " s3); hdfs and others of Hadoop need its client on the class path instead"
                  + " (HADOOP_CLASSPATH, see scripts/hadoop-classpath)")
              .formatted(uri.getScheme()),
          e);
    }
  }

  @Override
  public Location root() {
    return root;
  }

  private Path path(String name) {
    return new Path(name.isEmpty() ? root.text() : root.resolve(name).text());
  }

  @Override
  public <T> Optional<T> read(String name, Reading<T> reading) throws IOException {
    Path path = path(name);
    return on(
        "read",
        name,
        files -> {
          InputStream opened;
          try {
            opened = files.open(path);
          } catch (FileNotFoundException | NoSuchFileException e) {
            return Optional.empty();
          }
          try (PushbackInputStream in = new PushbackInputStream(opened)) {
            int first = in.read();
            if (first < 0) {
              return Optional.empty();
            }
            in.unread(first);
            return Optional.of(reading.from(in));
          }
        });
  }

  @Override
  public void write(String name, Content content) throws IOException {
    Path path = path(name);
    Fingerprint written =
        on(
            "write",
            name,
            files -> {
              MessageDigest sha256 = DigestUtils.getSha256Digest();
              long bytes;
              try (FSDataOutputStream out = files.create(path, WriteMode.OVERWRITE)) {
                content.writeTo(new DigestOutputStream(out, sha256));
                bytes = out.getPos();
              }
              return new Fingerprint(bytes, HexFormat.of().formatHex(sha256.digest()));
            });
    if (written.bytes() == 0) {
      return; // reads as missing
    }
    Optional<Fingerprint> found = read(name, ObjectFiles::fingerprint);
    if (!found.equals(Optional.of(written))) {
      throw new IOException(
          "%s was written with %s but reads as %s; try again"
              .formatted(
                  path,
                  written,
                  found.map(Fingerprint::toString).orElse("a file that is missing")));
    }
  }

  private static Fingerprint fingerprint(InputStream in) throws IOException {
    MessageDigest sha256 = DigestUtils.getSha256Digest();
    byte[] block = new byte[1 << 16];
    long bytes = 0;
    for (int read = in.read(block); read >= 0; read = in.read(block)) {
      sha256.update(block, 0, read);
      bytes += read;
    }
    return new Fingerprint(bytes, HexFormat.of().formatHex(sha256.digest()));
  }

  @Override
  public List<Entry> list(String directory) throws IOException {
    return on(
        "list",
        directory,
        files -> {
          FileStatus[] found;
          try {
            found = files.listStatus(path(directory));
          } catch (FileNotFoundException | NoSuchFileException e) {
            return List.of();
          }
          List<Entry> entries = new ArrayList<>();
          if (found != null) {
            for (FileStatus status : found) {
              entries.add(
                  new Entry(
                      status.getPath().getName(),
                      status.isDir(),
                      status.isDir() ? 0 : status.getLen(),
                      Instant.ofEpochMilli(status.getModificationTime())));
            }
          }
          entries.sort(Comparator.comparing(Entry::name));
          return entries;
        });
  }

  @Override
  public void delete(String name) throws IOException {
    Path path = path(name);
    on(
        "delete",
        name,
        files -> {
          try {
            return files.delete(path, /* recursive= */ false);
          } catch (FileNotFoundException | NoSuchFileException e) {
            return false;
          }
        });
  }

  @Override
  public void deleteEmptyDirectory(String name) throws IOException {
    Path path = path(name);
    on(
        "delete",
        name,
        files -> {
          try {
            // never recursive: a file that somebody adds now makes it a failure
            return files.getFileStatus(path).isDir()
                && list(name).isEmpty()
                && files.delete(path, /* recursive= */ false);
          } catch (FileNotFoundException | NoSuchFileException e) {
            return false;
          }
        });
  }

  /** Whatever a client library throws is a failure that may pass, and never an absence. */
  private <T> T on(String action, String name, Action<T> what) throws IOException {
    try {
      return what.on(finder.find());
    } catch (FileNotFoundException | NoSuchFileException e) {
      // of a file that was there a moment ago, or of something that the client needs itself
      throw failure(action, name, e);
    } catch (RuntimeException e) {
      throw failure(action, name, e);
    }
  }

  private IOException failure(String action, String name, Exception cause) {
    return new IOException(
        "cannot %s %s: %s [%s]"
            .formatted(action, path(name), cause.getMessage(), cause.getClass().getSimpleName()),
        cause);
  }
}
