package io.murmuration.storage;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.commons.codec.digest.DigestUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Directories that lie elsewhere, as copies on this machine: libraries that map weights or read
 * tokenizers need a path.
 *
 * <p>A directory is fetched once per machine and version: copies are named by where it lies and by
 * names, lengths and times of its files, so that whoever replaces a file there gets another copy.
 * Files are fetched into a directory beside and appear together, by a rename; the digests of what
 * was fetched are kept with them, and each process compares them before it first uses a copy.
 *
 * <pre>
 * cache/KEY/NAME/…        the copy, under the name that the directory has
 * cache/KEY/sha256sums    what its files must have
 * cache/KEY.lock          held while somebody fetches or compares
 * </pre>
 *
 * <p>The cache is the directory that {@code MURMURATION_CACHE} names, or one in {@code
 * java.io.tmpdir} that is this user's alone. Nothing in it is ever needed again: whoever has no use
 * for it may delete it while no process runs.
 */
public final class LocalCopies {

  private static final String CACHE_VARIABLE = "MURMURATION_CACHE";
  private static final String SUMS = "sha256sums";
  private static final String PRIVATE = "rwx------";

  /** Characters of the digest in a copy's name. */
  private static final int KEY_LENGTH = 32;

  private static final long POLL_MILLIS = 200;

  private static final Logger LOG = LoggerFactory.getLogger(LocalCopies.class);

  /** Copies that this process has compared. */
  private static final Set<Path> COMPARED = new HashSet<>();

  private LocalCopies() {}

  /**
   * A directory on this machine: the very one if it is on this machine's file system, otherwise a
   * copy of the files in it, without what is in directories below.
   *
   * @param wanted names of files
   * @throws NoSuchFileException if no such file is there
   * @throws IOException if it cannot be fetched
   */
  public static Path of(Location directory, Predicate<String> wanted) throws IOException {
    return directory.isLocal() ? directory.path() : of(StoredFiles.at(directory), wanted, cache());
  }

  static Path of(StoredFiles files, Predicate<String> wanted, Path cache) throws IOException {
    List<StoredFiles.Entry> entries =
        files.list("").stream()
            .filter(entry -> !entry.isDirectory() && wanted.test(entry.name()))
            .toList();
    if (entries.isEmpty()) {
      throw new NoSuchFileException(
          files.root().toString(), null, "expected a directory with files, found none");
    }
    Path home = cache.resolve(key(files.root(), entries));
    Path copy = home.resolve(files.root().name());
    synchronized (COMPARED) {
      if (COMPARED.contains(home) && Files.isDirectory(copy)) {
        return copy;
      }
      try (FileChannel channel =
              FileChannel.open(
                  home.resolveSibling(home.getFileName() + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock lock = lock(channel)) {
        if (!lock.isValid() || !isSound(home, copy)) {
          delete(home);
          fetch(files, entries, home);
        }
      }
      COMPARED.add(home);
    }
    return copy;
  }

  /** Waits for other processes, and for jobs in this one that have loaded this class themselves. */
  private static FileLock lock(FileChannel channel) throws IOException {
    while (true) {
      try {
        return channel.lock();
      } catch (OverlappingFileLockException e) {
        try {
          Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException("interrupted while another job fetched the same files");
        }
      }
    }
  }

  private static String key(Location directory, List<StoredFiles.Entry> entries) {
    StringBuilder text = new StringBuilder(directory.text()).append('\n');
    for (StoredFiles.Entry entry : entries) {
      text.append("%s %d %s%n".formatted(entry.name(), entry.bytes(), entry.modified()));
    }
    return DigestUtils.sha256Hex(text.toString()).substring(0, KEY_LENGTH);
  }

  private static void fetch(StoredFiles files, List<StoredFiles.Entry> entries, Path home)
      throws IOException {
    LOG.info("Fetching {} into {}", files.root(), home);
    Path partial = home.resolveSibling("partial-" + UUID.randomUUID());
    try {
      Path target = Files.createDirectories(partial.resolve(files.root().name()));
      List<String> sums = new ArrayList<>();
      for (StoredFiles.Entry entry : entries) {
        Path file = target.resolve(entry.name());
        String sum =
            files
                .read(entry.name(), in -> save(in, file))
                .orElseGet(() -> DigestUtils.sha256Hex(new byte[0]));
        long found = Files.exists(file) ? Files.size(file) : 0;
        if (found != entry.bytes()) {
          throw new IOException(
              "%s must have %d bytes, as it is listed, but has %d; try again"
                  .formatted(files.root().resolve(entry.name()), entry.bytes(), found));
        }
        if (!Files.exists(file)) {
          Files.createFile(file);
        }
        sums.add(sum + "  " + entry.name());
      }
      Files.write(partial.resolve(SUMS), sums, StandardCharsets.UTF_8);
      Files.move(partial, home, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      delete(partial);
    }
  }

  private static String save(InputStream in, Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      in.transferTo(out);
    }
    return sha256(file);
  }

  /** Whether a copy has the files that were fetched, and no others. */
  private static boolean isSound(Path home, Path copy) throws IOException {
    Path sums = home.resolve(SUMS);
    if (!Files.isRegularFile(sums) || !Files.isDirectory(copy)) {
      return false;
    }
    List<String> expected = Files.readAllLines(sums, StandardCharsets.UTF_8);
    List<String> found = new ArrayList<>();
    try (Stream<Path> paths = Files.list(copy)) {
      for (Path path : paths.sorted(Comparator.comparing(Path::toString)).toList()) {
        found.add(sha256(path) + "  " + path.getFileName());
      }
    }
    if (!found.equals(expected)) {
      LOG.warn("The copy in {} is damaged, and is fetched anew", home);
      return false;
    }
    return true;
  }

  private static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return DigestUtils.sha256Hex(in);
    }
  }

  /**
   * The directory of copies, which nobody else may write into.
   *
   * @throws IOException if somebody else may
   */
  private static Path cache() throws IOException {
    String named = System.getenv(CACHE_VARIABLE);
    if (named != null) {
      return Files.createDirectories(Path.of(named).toAbsolutePath());
    }
    Path cache =
        Path.of(
                System.getProperty("java.io.tmpdir"),
                "murmuration-cache-" + System.getProperty("user.name"))
            .toAbsolutePath();
    boolean isPosix = cache.getFileSystem().supportedFileAttributeViews().contains("posix");
    try {
      if (isPosix) {
        Files.createDirectory(
            cache, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(PRIVATE)));
      } else {
        Files.createDirectory(cache);
      }
    } catch (FileAlreadyExistsException e) {
      if (isPosix
          && !PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)).equals(PRIVATE)) {
        throw new IOException(
            "%s must have the permissions %s, since models are taken from it; delete it, or name another directory in %s"
                .formatted(cache, PRIVATE, CACHE_VARIABLE),
            e);
      }
    }
    return cache;
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> paths = Files.walk(directory)) {
      deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : deepestFirst) {
      Files.deleteIfExists(path);
    }
  }
}
