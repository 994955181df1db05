package io.murmuration.release;

import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Releases as directories of one file system that has an atomic rename (a local disk, NFS, a
 * mounted volume shared by all task managers).
 *
 * <pre>
 * root/.murmuration-store                marks the store and holds its id
 * root/round-00000042/…                  visible
 * root/calibration-00000001/…            visible, but no model: never the latest
 * root/latest -&gt; round-00000042          the newest one; absent where there are no symbolic links
 * root/.staging/round-00000043-DIGEST/…  complete and durable, waiting for its checkpoint
 * root/.staging/….partial/…              half-written; rewritten by the next attempt
 * </pre>
 *
 * <p>Every file and directory is forced to disk before the rename that relies on it. The names of
 * staging directories carry the digest of what is in them, so that attempts never mix.
 *
 * <p><b>What is collected from staging.</b> Opening a store takes away what can never be needed
 * again: releases that are visible by now, and what a process left half-done a day ago (should it
 * live after all, its write fails and is tried again). A release that was staged and is not visible
 * stays: any retained checkpoint or savepoint may hold its commit, and only a person knows which of
 * them will never be restored, see {@link #removeStaged}.
 *
 * <p><b>Times are public.</b> What becomes visible is dated by the tick of its round, and is
 * written anew when it does, see {@link #commit}.
 *
 * <p><b>Away is not lost.</b> An empty mount point, a directory that was moved and a file server
 * that stalls look like a store without releases. So nothing is concluded from an absence unless
 * the store's marker is readable before and after it and holds the id of the store that the release
 * was staged in; everything else is an {@link IOException}, after which one tries again. Nothing is
 * ever written into a place that does not hold the marker, except by {@link #open(Path)}.
 *
 * <p>Long because staging, commit and removal share the order of their steps, on which their safety
 * rests.
 */
public final class DirectoryModelStore implements ModelStore {

  private static final String STAGING = ".staging";
  private static final String PARTIAL = ".partial";
  private static final String LATEST = "latest";

  /** Bytes of the probe: more than a file system keeps inside an inode. */
  private static final int PROBE_BYTES = 64 * 1024;

  /** Writes one new file; apart so that tests can fill the disk. */
  interface FileOutput {
    void write(Path file, byte[] content) throws IOException;
  }

  /** The age from which on what belongs to no release that was staged whole is a leftover. */
  private static final Duration LEFTOVER_AGE = Duration.ofDays(1);

  private static final Logger LOG = LoggerFactory.getLogger(DirectoryModelStore.class);

  private final Path root;
  private final Path staging;
  private final FileOutput output;
  private final StoreMarker marker;

  /** The store's id as the marker had it when the store was opened; null for reading only. */
  private String id;

  private DirectoryModelStore(Path root, FileOutput output) {
    this.root = root;
    this.staging = root.resolve(STAGING);
    this.output = output;
    this.marker = new StoreMarker(StoredFiles.at(Location.of(root)));
  }

  /**
   * Opens a store for publishing: creates its directories and its marker where they are missing,
   * and tries to write, so that a full disk or a missing permission shows before a round is charged
   * for a release that cannot be kept.
   *
   * @throws IOException if it cannot be written to
   */
  public static DirectoryModelStore open(Path root) throws IOException {
    return open(root, StoreFiles::writeDurably);
  }

  /**
   * Opens a store that must be there already, as after a restore: a root without marker is an
   * error, not a new store.
   *
   * @throws IOException if it is not there now, or cannot be written to
   */
  public static DirectoryModelStore reopen(Path root) throws IOException {
    DirectoryModelStore store = new DirectoryModelStore(root, StoreFiles::writeDurably);
    try {
      // stores of earlier versions have no marker, but always a staging area
      if (StoreFiles.isAbsent(root.resolve(StoreMarker.NAME))
          && StoreFiles.isAbsent(store.staging)) {
        throw store.marker.away();
      }
    } catch (IOException e) {
      throw store.failure("open the model store", e);
    }
    return open(root);
  }

  /** Opens the store at this path wherever a task runs; all of them must see the same directory. */
  public static Provider at(String root) {
    return new Directory(root);
  }

  private record Directory(String root) implements Provider {
    @Override
    public ModelStore open() throws IOException {
      return DirectoryModelStore.open(Path.of(root));
    }

    @Override
    public ModelStore reopen() throws IOException {
      return DirectoryModelStore.reopen(Path.of(root));
    }
  }

  static DirectoryModelStore open(Path root, FileOutput output) throws IOException {
    DirectoryModelStore store = new DirectoryModelStore(root, output);
    try {
      Files.createDirectories(root);
      if (!Files.isDirectory(store.staging)) {
        StoreFiles.createPrivately(store.staging);
      }
      Path probe = Files.createTempFile(store.staging, "probe", null);
      Instant now = Files.getLastModifiedTime(probe).toInstant(); // by the file system's clock
      Files.delete(probe);
      output.write(probe, new byte[PROBE_BYTES]);
      Files.delete(probe);
      store.mark();
      store.id = store.marker.read();
      store.collect(now.minus(LEFTOVER_AGE));
    } catch (IOException e) {
      throw store.failure("open the model store", e);
    }
    return store;
  }

  /** Gives the store an id if it has none; of several that do so at once, one succeeds. */
  private void mark() throws IOException {
    Path file = root.resolve(StoreMarker.NAME);
    if (!StoreFiles.isAbsent(file)) {
      return;
    }
    String fresh = StoreMarker.freshId();
    Path written = staging.resolve("marker-" + fresh);
    output.write(written, StoreMarker.content(fresh));
    try {
      Files.createLink(file, written); // unlike a rename, never in place of another's marker
    } catch (FileAlreadyExistsException e) {
      return;
    } catch (UnsupportedOperationException | FileSystemException e) {
      StoreFiles.moveUnlessPresent(written, file); // no hard links here
    } finally {
      Files.deleteIfExists(written);
    }
    StoreFiles.force(root);
  }

  /**
   * Housekeeping, which keeps nobody from publishing: what cannot be removed is logged and stays.
   */
  private void collect(Instant leftoversBefore) throws IOException {
    for (Path entry : StoreFiles.entriesOf(staging)) {
      Matcher staged = ReleaseNames.STAGED.matcher(entry.getFileName().toString());
      try {
        boolean needless =
            staged.matches()
                ? !StoreFiles.isAbsent(root.resolve(staged.group(1)))
                : StoreFiles.modifiedBefore(entry, leftoversBefore);
        if (needless) {
          StoreFiles.delete(entry);
          LOG.info("Removed {}, which nothing needs any more", entry);
        }
      } catch (NoSuchFileException e) {
        LOG.debug("Somebody else has removed {}", entry, e);
      } catch (IOException e) {
        LOG.warn("Nothing needs {} any more, but it cannot be removed", entry, e);
      }
    }
  }

  @Override
  public List<String> removeStaged(Instant before) throws IOException {
    List<String> removed = new ArrayList<>();
    try {
      marker.read();
      for (Path entry : StoreFiles.entriesOf(staging)) {
        if (ReleaseNames.STAGED.matcher(entry.getFileName().toString()).matches()
            && StoreFiles.modifiedBefore(entry, before)) {
          StoreFiles.delete(entry);
          removed.add(entry.getFileName().toString());
        }
      }
    } catch (IOException e) {
      throw failure("remove staged releases", e);
    }
    return removed;
  }

  @Override
  public String id() {
    return id;
  }

  /**
   * Opens an existing store for reading only.
   *
   * @throws IOException if there is no such directory
   */
  public static DirectoryModelStore reading(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      throw new NoSuchFileException(
          "the model store must be a directory that holds releases, but %s is none"
              .formatted(root));
    }
    return new DirectoryModelStore(root, StoreFiles::writeDurably);
  }

  @Override
  public Staged stage(ReleaseFiles release) throws IOException {
    Staged staged = new Staged(id, release.name(), Digests.ofRelease(release.files()));
    Path complete = stagingOf(staged);
    Path partial = complete.resolveSibling(complete.getFileName() + PARTIAL);
    try {
      marker.require(id);
      if (Files.isDirectory(complete)) {
        if (Digests.ofRelease(StoreFiles.filesIn(complete)).equals(staged.digest())) {
          return staged;
        }
        StoreFiles.delete(complete);
      }
      StoreFiles.delete(partial);
      Files.createDirectory(partial); // without its parents: they are the store's
      for (var file : release.files().entrySet()) {
        output.write(partial.resolve(file.getKey()), file.getValue());
      }
      StoreFiles.date(partial, release.publicMillis());
      StoreFiles.force(partial);
      Files.move(partial, complete, StandardCopyOption.ATOMIC_MOVE);
      StoreFiles.force(staging);
    } catch (IOException e) {
      throw failure("stage release " + release.name(), e);
    }
    return staged;
  }

  @Override
  public Outcome commit(Staged staged) throws IOException {
    Path complete = stagingOf(staged);
    Path target = root.resolve(staged.name());
    try {
      requireStoreOf(staged);
      if (!StoreFiles.isAbsent(target)) {
        String existing = Digests.ofRelease(StoreFiles.filesIn(target));
        if (!existing.equals(staged.digest())) {
          requireStoreOf(staged);
          throw new ReleaseConflictException(staged.name(), existing, staged.digest());
        }
        StoreFiles.force(root);
        updateLatest();
        StoreFiles.delete(complete);
        return Outcome.ALREADY_PUBLISHED;
      }
      if (StoreFiles.isAbsent(complete)) {
        throw lost(staged, "there is no " + complete);
      }
      String found = Digests.ofRelease(StoreFiles.filesIn(complete));
      if (!found.equals(staged.digest())) {
        throw lost(staged, "%s is damaged, its digest is now %s".formatted(complete, found));
      }
      Path born = complete.resolveSibling(complete.getFileName() + PARTIAL);
      copy(complete, born);
      Files.move(born, target, StandardCopyOption.ATOMIC_MOVE);
      StoreFiles.force(root);
      updateLatest();
      StoreFiles.delete(complete);
      return Outcome.PUBLISHED;
    } catch (ReleaseConflictException | ReleaseLostException e) {
      throw e;
    } catch (IOException e) {
      throw failure("publish release " + staged.name(), e);
    }
  }

  /**
   * Writes what is staged anew, with the times it has. A file also has times that nobody can set,
   * those of its birth and of its last change: of a file that was only moved they would tell when
   * its round was over.
   */
  private void copy(Path complete, Path born) throws IOException {
    StoreFiles.delete(born);
    Files.createDirectory(born);
    for (var file : StoreFiles.filesIn(complete).entrySet()) {
      output.write(born.resolve(file.getKey()), file.getValue());
    }
    StoreFiles.date(born, Files.getLastModifiedTime(complete));
    StoreFiles.force(born);
  }

  private void requireStoreOf(Staged staged) throws IOException {
    marker.require(staged.store().isEmpty() ? id : staged.store());
  }

  /**
   * The verdict on a release that is not where it was staged, if the store was there before and
   * after the look. Releases that earlier versions staged name no store: then the marker may be
   * that of an empty mount point, unless there are releases beside it.
   */
  private ReleaseLostException lost(Staged staged, String found) throws IOException {
    requireStoreOf(staged);
    if (staged.store().isEmpty() && published().isEmpty() && calibrations().isEmpty()) {
      throw new IOException(
          "%s, but this may not be the store in which it was staged: it holds no release. Mount that one"
              .formatted(found));
    }
    return new ReleaseLostException(staged.name(), found);
  }

  @Override
  public List<String> published() throws IOException {
    return named(ReleaseNames.MODEL);
  }

  @Override
  public List<String> calibrations() throws IOException {
    return named(ReleaseNames.CALIBRATION);
  }

  private List<String> named(Pattern pattern) throws IOException {
    try (Stream<Path> entries = Files.list(root)) {
      return entries
          .filter(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
          .map(path -> path.getFileName().toString())
          .filter(name -> pattern.matcher(name).matches())
          .sorted(ReleaseNames.BY_ROUND)
          .toList();
    } catch (UncheckedIOException e) {
      throw failure("list the releases", e.getCause());
    } catch (IOException e) {
      throw failure("list the releases", e);
    }
  }

  @Override
  public SortedMap<String, byte[]> read(String name) throws IOException {
    return StoreFiles.filesIn(existing(name));
  }

  @Override
  public Optional<byte[]> read(String name, String file) throws IOException {
    try {
      return Optional.of(Files.readAllBytes(existing(name).resolve(file)));
    } catch (NoSuchFileException e) {
      existing(name); // gone altogether is another answer
      return Optional.empty();
    }
  }

  /** Removes it by a rename first, so that no consumer sees half a release. */
  @Override
  public void remove(String name) throws IOException {
    Path release = existing(name);
    try {
      Path removed = Files.createTempDirectory(staging, "removed-").resolve(name);
      Files.move(release, removed, StandardCopyOption.ATOMIC_MOVE);
      StoreFiles.force(root);
      updateLatest();
      StoreFiles.delete(removed.getParent());
    } catch (IOException e) {
      throw failure("remove release " + name, e);
    }
  }

  private Path existing(String name) throws IOException {
    if (!ReleaseNames.isRelease(name) || !Files.isDirectory(root.resolve(name))) {
      throw new NoSuchFileException(
          "there is no release %s in %s; it holds %s".formatted(name, root, published()));
    }
    return root.resolve(name);
  }

  /** The directory of a visible release. */
  public Path directoryOf(String name) {
    return root.resolve(name);
  }

  private Path stagingOf(Staged staged) {
    return staging.resolve(ReleaseNames.staged(staged));
  }

  /** Points to the newest release, whichever was just committed or removed. */
  private void updateLatest() throws IOException {
    List<String> published = published();
    Path latest = root.resolve(LATEST);
    if (published.isEmpty()) {
      Files.deleteIfExists(latest);
      return;
    }
    Path newest = Path.of(published.get(published.size() - 1));
    if (Files.isSymbolicLink(latest) && Files.readSymbolicLink(latest).equals(newest)) {
      return;
    }
    Path next = staging.resolve(LATEST);
    Files.deleteIfExists(next);
    try {
      Files.createSymbolicLink(next, newest);
    } catch (UnsupportedOperationException e) {
      return; // documented: no pointer on such a file system
    }
    Files.move(next, latest, StandardCopyOption.ATOMIC_MOVE);
    StoreFiles.force(root);
  }

  /** Says which store, what went wrong and what to change. */
  private IOException failure(String action, IOException cause) {
    String reason =
        cause instanceof AccessDeniedException
            ? "permission denied on %s; give the user that runs the task managers write access"
                .formatted(cause.getMessage())
            : String.valueOf(cause.getMessage());
    if (reason.contains("No space left")) {
      reason = "the disk is full; free space on it (%s)".formatted(reason);
    }
    return new IOException(
        "Cannot %s in %s: %s [%s]"
            .formatted(action, root, reason, cause.getClass().getSimpleName()),
        cause);
  }
}
