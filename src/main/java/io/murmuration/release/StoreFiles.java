package io.murmuration.release;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What a store on a file system does with files, durably and without taking an error for an
 * absence.
 */
final class StoreFiles {

  private StoreFiles() {}

  /** Whether what stands there, be it a link, was last changed before then. */
  static boolean modifiedBefore(Path path, Instant time) throws IOException {
    return Files.getLastModifiedTime(path, LinkOption.NOFOLLOW_LINKS).toInstant().isBefore(time);
  }

  /** What is in a directory, in the order of names. */
  static List<Path> entriesOf(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** Moves a file, unless another process was faster. */
  static void moveUnlessPresent(Path from, Path to) throws IOException {
    try {
      Files.move(from, to);
    } catch (FileAlreadyExistsException e) {
      // another process was faster: its id is as good
    }
  }

  /** Whether there is certainly nothing; a place that cannot be looked at is an error. */
  static boolean isAbsent(Path path) throws IOException {
    try {
      Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return false;
    } catch (NoSuchFileException e) {
      return true;
    }
  }

  /** Gives files and their directory a time that tells nothing; 0 leaves them as they are. */
  static void date(Path directory, long publicMillis) throws IOException {
    if (publicMillis != 0) {
      date(directory, FileTime.fromMillis(publicMillis));
    }
  }

  /** Gives files and their directory a time. */
  static void date(Path directory, FileTime time) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      for (Path file : (Iterable<Path>) entries::iterator) {
        Files.setLastModifiedTime(file, time);
      }
    }
    Files.setLastModifiedTime(directory, time);
  }

  /** The regular files of a directory by name. */
  static SortedMap<String, byte[]> filesIn(Path directory) throws IOException {
    List<Path> paths;
    try (Stream<Path> entries = Files.list(directory)) {
      paths = entries.filter(Files::isRegularFile).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    SortedMap<String, byte[]> files = new TreeMap<>();
    for (Path path : paths) {
      files.put(path.getFileName().toString(), Files.readAllBytes(path));
    }
    return files;
  }

  /** Writes a new file and waits until it is on the disk. */
  static void writeDurably(Path file, byte[] content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  /** Staging belongs to the trust boundary; consumers may read the root around it. */
  static void createPrivately(Path directory) throws IOException {
    Files.createDirectory(directory);
    if (isPosix(directory)) {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    }
  }

  private static boolean isPosix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix");
  }

  /** Makes a directory's entries durable; only POSIX file systems need it and offer it. */
  static void force(Path directory) throws IOException {
    if (isPosix(directory)) {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  /** Removes a directory and all that is in it, if it is there. */
  static void delete(Path directory) throws IOException {
    if (isAbsent(directory)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> paths = Files.walk(directory)) {
      deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path path : deepestFirst) {
      Files.delete(path);
    }
  }
}
