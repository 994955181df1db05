package io.murmuration.release;

import io.murmuration.storage.StoredFiles;
import io.murmuration.storage.StoredFiles.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.codec.digest.DigestUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Releases on storage without atomic renames: S3 and what speaks as it does, and any other file
 * system that Flink knows. HDFS does rename atomically, but through Flink's interface a directory
 * is moved <i>into</i> one that is there already, so that a repeated commit would nest releases;
 * nor has that interface links, times or permissions, which {@link DirectoryModelStore} needs. What
 * is asked of storage here HDFS gives, and more: its listings never lag.
 *
 * <pre>
 * root/.murmuration-store               marks the store and holds its id
 * root/.staging/round-00000043-DIGEST   a {@link ReleaseArchive}, whose SHA-256 is DIGEST
 * root/round-00000042/.files.json       {@link ReleaseContents}: what is there, written first
 * root/round-00000042/…                 the files of the release
 * root/round-00000042/manifest.json     written last: the release is visible
 * root/calibration-00000001/…           visible, but no model: never the latest
 * root/latest                           the name of the newest release of a model and a line feed
 * </pre>
 *
 * <p><b>Visible is what has a manifest that parses.</b> A stream that is closed after a failed
 * write may leave the beginning of a file, and no beginning of a manifest is a JSON object. All
 * other files have been read back before the manifest is written, see {@link StoredFiles#write}.
 *
 * <p><b>Repeated and concurrent commits are harmless</b>, since a round has one digest: all write
 * the same bytes, and only what is not there yet. Another digest under the same name is refused
 * even where the first has not become visible.
 *
 * <p><b>Nothing depends on a listing</b> but which releases there are. The newest is the larger of
 * what is listed and what {@code latest} says, as a listing may lag and the pointer be missing
 * while it is replaced.
 *
 * <p><b>Away is not lost.</b> That something is missing is concluded only if the marker of the
 * right store was read before and after it was looked for, and a listing does not have it either.
 * Everything else is an {@link IOException}, after which one tries again. Credentials that may not
 * list a bucket get the same answer for what is missing as for what is forbidden, so such a store
 * cannot be opened.
 *
 * <p><b>Times.</b> Files bear the time at which the storage took them, which nobody can set: that
 * of a commit is public as in {@link DirectoryModelStore}; those below {@code .staging} are not, so
 * consumers must neither read nor list it.
 *
 * <p>Long because staging, commit and removal share the order of their steps, on which their safety
 * rests.
 */
final class ObjectModelStore implements ModelStore {

  private static final String STAGING = ".staging";
  private static final String PROBE = "probe-";

  /** The age from which on what belongs to no release is a leftover. */
  private static final Duration LEFTOVER_AGE = Duration.ofDays(1);

  /** A pointer that was cut off has no line feed. */
  private static final Pattern POINTER = Pattern.compile("(round-\\d{8,})\n");

  /** Name of the pointer to the newest release. */
  static final String LATEST = "latest";

  private static final Logger LOG = LoggerFactory.getLogger(ObjectModelStore.class);

  private final StoredFiles files;
  private final StoreMarker marker;

  /** The store's id as the marker had it when the store was opened; null for reading only. */
  private final String id;

  private ObjectModelStore(StoredFiles files, String id) {
    this.files = files;
    this.marker = new StoreMarker(files);
    this.id = id;
  }

  /**
   * Opens a store for publishing: creates its marker where it is missing, and tries to write, read,
   * delete and miss an object, so that a missing permission shows before a round is charged for a
   * release that cannot be kept.
   *
   * @param freshId the id of a store that is not there yet. Storage without conditional writes
   *     cannot tell who of several came first, so all that may open it at once give the same
   * @throws IOException if it cannot be written to
   */
  static ObjectModelStore open(StoredFiles files, String freshId) throws IOException {
    return open(files, Optional.of(freshId));
  }

  private static ObjectModelStore open(StoredFiles files, Optional<String> freshId)
      throws IOException {
    StoreMarker marker = new StoreMarker(files);
    try {
      if (freshId.isEmpty()) {
        marker.read(); // before anything is written
      }
      probe(files);
      if (freshId.isPresent() && marker.isAbsent()) {
        files.write(StoreMarker.NAME, StoreMarker.content(freshId.get()));
      }
      ObjectModelStore store = new ObjectModelStore(files, marker.read());
      store.collect(Instant.now().minus(LEFTOVER_AGE));
      return store;
    } catch (IOException e) {
      throw failure(files, "open the model store", e);
    }
  }

  /**
   * Opens a store that must be there already, as after a restore.
   *
   * @throws IOException if it is not there now, or cannot be written to
   */
  static ObjectModelStore reopen(StoredFiles files) throws IOException {
    return open(files, Optional.empty());
  }

  /**
   * Opens an existing store for reading only.
   *
   * @throws IOException if there is none
   */
  static ObjectModelStore reading(StoredFiles files) throws IOException {
    ObjectModelStore store = new ObjectModelStore(files, /* id= */ null);
    if (store.marker.isAbsent() && store.published().isEmpty() && store.calibrations().isEmpty()) {
      throw new NoSuchFileException(
          "the model store must hold a %s or releases, but %s has neither"
              .formatted(StoreMarker.NAME, files.root()));
    }
    return store;
  }

  private static void probe(StoredFiles files) throws IOException {
    String probe = STAGING + "/" + PROBE + UUID.randomUUID();
    files.write(probe, probe.getBytes(StandardCharsets.UTF_8));
    files.delete(probe);
    if (files.read(probe).isPresent()) {
      throw new IOException(probe + " is still there after it was deleted");
    }
  }

  /** Keeps nobody from publishing: what cannot be removed is logged and stays. */
  private void collect(Instant leftoversBefore) throws IOException {
    for (Entry entry : files.list(STAGING)) {
      String path = STAGING + "/" + entry.name();
      try {
        Matcher staged = ReleaseNames.STAGED.matcher(entry.name());
        boolean needless =
            staged.matches()
                ? isVisible(staged.group(1))
                : entry.name().startsWith(PROBE) && entry.modified().isBefore(leftoversBefore);
        if (needless) {
          files.delete(path);
          LOG.info("Removed {}, which nothing needs any more", path);
        }
      } catch (IOException e) {
        LOG.warn("Nothing needs {} any more, but it cannot be removed", path, e);
      }
    }
  }

  @Override
  public String id() {
    return id;
  }

  private static String stagingOf(Staged staged) {
    return STAGING + "/" + ReleaseNames.staged(staged);
  }

  private Optional<String> digestAt(String file) throws IOException {
    return files.read(file, DigestUtils::sha256Hex);
  }

  @Override
  public Staged stage(ReleaseFiles release) throws IOException {
    Staged staged = new Staged(id, release.name(), Digests.ofRelease(release.files()));
    String archive = stagingOf(staged);
    try {
      marker.require(id);
      if (!digestAt(archive).equals(Optional.of(staged.digest()))) {
        files.write(archive, out -> ReleaseArchive.write(release.files(), out));
      }
    } catch (IOException e) {
      throw failure(files, "stage release " + release.name(), e);
    }
    return staged;
  }

  @Override
  public Outcome commit(Staged staged) throws IOException {
    try {
      marker.require(staged.store());
      if (isVisible(staged.name())) {
        return alreadyPublished(staged);
      }
      Optional<SortedMap<String, byte[]>> release = waiting(staged);
      if (release.isEmpty()) {
        // published and cleaned away by somebody else since the first look
        return alreadyPublished(staged);
      }
      publish(staged, release.get());
      updateLatest(staged);
      files.delete(stagingOf(staged));
      return Outcome.PUBLISHED;
    } catch (ReleaseConflictException | ReleaseLostException e) {
      throw e;
    } catch (IOException e) {
      throw failure(files, "publish release " + staged.name(), e);
    }
  }

  private Outcome alreadyPublished(Staged staged) throws IOException {
    requireSame(staged, digestOf(staged.name()));
    updateLatest(staged);
    files.delete(stagingOf(staged));
    return Outcome.ALREADY_PUBLISHED;
  }

  private void requireSame(Staged staged, String existing) throws IOException {
    if (!existing.equals(staged.digest())) {
      marker.require(staged.store());
      throw new ReleaseConflictException(staged.name(), existing, staged.digest());
    }
  }

  /**
   * What waits for its commit.
   *
   * @return empty if the release is visible by now
   * @throws ReleaseLostException if it is certainly gone or damaged
   */
  private Optional<SortedMap<String, byte[]>> waiting(Staged staged) throws IOException {
    String archive = stagingOf(staged);
    Optional<String> expected = Optional.of(staged.digest());
    Optional<String> found = digestAt(archive);
    if (found.equals(expected)) {
      SortedMap<String, byte[]> release =
          files
              .read(archive, ReleaseArchive::read)
              .orElseThrow(() -> new IOException(archive + " was there a moment ago"));
      if (!Digests.ofRelease(release).equals(staged.digest())) {
        throw new IOException(archive + " changed while it was read");
      }
      return Optional.of(release);
    }
    if (isVisible(staged.name())) {
      return Optional.empty();
    }
    boolean listed =
        files.list(STAGING).stream()
            .anyMatch(entry -> entry.name().equals(ReleaseNames.staged(staged)));
    if (listed != found.isPresent() || !digestAt(archive).equals(found)) {
      throw new IOException(archive + " is reported as there and as missing; it may be away");
    }
    marker.require(staged.store());
    throw new ReleaseLostException(
        staged.name(),
        found
            .map(digest -> "%s is damaged, its digest is now %s".formatted(archive, digest))
            .orElse("there is no " + files.root().resolve(archive)));
  }

  /** Writes what is not there yet, the manifest last. */
  private void publish(Staged staged, SortedMap<String, byte[]> release) throws IOException {
    String name = staged.name();
    Optional<ReleaseContents> claimed = contents(name);
    if (claimed.isPresent()) {
      requireSame(staged, claimed.get().releaseDigest());
    } else {
      files.write(in(name, ReleaseContents.FILE), ReleaseContents.of(release).write());
    }
    SortedMap<String, byte[]> payload = new TreeMap<>(release);
    byte[] manifest = payload.remove(Manifest.FILE);
    for (Map.Entry<String, byte[]> file : payload.entrySet()) {
      writeMissing(in(name, file.getKey()), file.getValue());
    }
    marker.require(staged.store());
    writeMissing(in(name, Manifest.FILE), manifest);
  }

  private void writeMissing(String path, byte[] content) throws IOException {
    if (!digestAt(path).equals(Optional.of(Digests.ofFile(content)))) {
      files.write(path, content);
    }
  }

  private static String in(String release, String file) {
    return release + "/" + file;
  }

  private boolean isVisible(String name) throws IOException {
    return manifest(name).isPresent();
  }

  /** Empty if there is none, or only a beginning; of what format it is is its reader's business. */
  private Optional<byte[]> manifest(String name) throws IOException {
    Optional<byte[]> manifest = files.read(in(name, Manifest.FILE));
    if (manifest.isPresent()) {
      try {
        ReleaseJson.object(manifest.get());
      } catch (IOException e) {
        LOG.debug("Release {} is not visible: its manifest is cut off", name, e);
        return Optional.empty();
      }
    }
    return manifest;
  }

  /** Empty if there are none, or only a beginning of them. */
  private Optional<ReleaseContents> contents(String name) throws IOException {
    Optional<byte[]> json = files.read(in(name, ReleaseContents.FILE));
    if (json.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(ReleaseContents.read(json.get()));
    } catch (IOException e) {
      LOG.debug("The contents of release {} are cut off", name, e);
      return Optional.empty();
    }
  }

  private String digestOf(String name) throws IOException {
    Optional<ReleaseContents> contents = contents(name);
    return contents.isPresent() ? contents.get().releaseDigest() : Digests.ofRelease(read(name));
  }

  @Override
  public List<String> published() throws IOException {
    return named(ReleaseNames.MODEL, pointer());
  }

  @Override
  public List<String> calibrations() throws IOException {
    return named(ReleaseNames.CALIBRATION, Optional.empty());
  }

  private List<String> named(Pattern pattern, Optional<String> another) throws IOException {
    try {
      TreeSet<String> candidates = new TreeSet<>(ReleaseNames.BY_ROUND);
      another.ifPresent(candidates::add);
      for (Entry entry : files.list("")) {
        if (entry.isDirectory() && pattern.matcher(entry.name()).matches()) {
          candidates.add(entry.name());
        }
      }
      List<String> names = new ArrayList<>();
      for (String candidate : candidates) {
        if (isVisible(candidate)) {
          names.add(candidate);
        }
      }
      return names;
    } catch (IOException e) {
      throw failure(files, "list the releases", e);
    }
  }

  @Override
  public SortedMap<String, byte[]> read(String name) throws IOException {
    requireVisible(name);
    SortedMap<String, byte[]> found = new TreeMap<>();
    for (String file : filesOf(name)) {
      files.read(in(name, file)).ifPresent(content -> found.put(file, content));
    }
    return found;
  }

  /**
   * The files of a release; of a store that was copied here from directories only a listing tells.
   */
  private List<String> filesOf(String name) throws IOException {
    Optional<ReleaseContents> contents = contents(name);
    return contents.isPresent()
        ? List.copyOf(contents.get().files().keySet())
        : files.list(name).stream()
            .filter(entry -> !entry.isDirectory() && !entry.name().startsWith("."))
            .map(Entry::name)
            .toList();
  }

  @Override
  public Optional<byte[]> read(String name, String file) throws IOException {
    Optional<byte[]> manifest = ReleaseNames.isRelease(name) ? manifest(name) : Optional.empty();
    if (manifest.isEmpty()) {
      throw none(name); // gone altogether is another answer
    }
    return file.equals(Manifest.FILE) ? manifest : files.read(in(name, file));
  }

  private void requireVisible(String name) throws IOException {
    if (!ReleaseNames.isRelease(name) || !isVisible(name)) {
      throw none(name);
    }
  }

  private IOException none(String name) throws IOException {
    return new NoSuchFileException(
        "there is no release %s in %s; it holds %s".formatted(name, files.root(), published()));
  }

  /** The manifest goes first, so that no consumer sees half a release, and the contents last. */
  @Override
  public void remove(String name) throws IOException {
    requireVisible(name);
    try {
      List<String> payload = filesOf(name);
      files.delete(in(name, Manifest.FILE));
      if (isVisible(name)) {
        throw new IOException("its manifest is still there after it was deleted");
      }
      for (String file : payload) {
        files.delete(in(name, file));
      }
      files.delete(in(name, ReleaseContents.FILE));
      files.deleteEmptyDirectory(name);
      if (pointer().equals(Optional.of(name))) {
        List<String> left = published();
        if (left.isEmpty()) {
          files.delete(LATEST);
        } else {
          point(left.get(left.size() - 1));
        }
      }
    } catch (IOException e) {
      throw failure(files, "remove release " + name, e);
    }
  }

  @Override
  public List<String> removeStaged(Instant before) throws IOException {
    List<String> removed = new ArrayList<>();
    try {
      marker.read();
      for (Entry entry : files.list(STAGING)) {
        if (ReleaseNames.STAGED.matcher(entry.name()).matches()
            && entry.modified().isBefore(before)) {
          files.delete(STAGING + "/" + entry.name());
          removed.add(entry.name());
        }
      }
    } catch (IOException e) {
      throw failure(files, "remove staged releases", e);
    }
    return removed;
  }

  /** What the pointer says, if it says something. */
  private Optional<String> pointer() throws IOException {
    return files
        .read(LATEST)
        .map(content -> POINTER.matcher(new String(content, StandardCharsets.UTF_8)))
        .filter(Matcher::matches)
        .map(pointer -> pointer.group(1));
  }

  private void updateLatest(Staged published) throws IOException {
    String name = published.name();
    if (ReleaseFiles.isCalibration(name)) {
      return;
    }
    Optional<String> pointed = pointer();
    boolean isCurrent =
        pointed.isPresent()
            && ReleaseNames.BY_ROUND.compare(pointed.get(), name) >= 0
            && (pointed.get().equals(name) || isVisible(pointed.get()));
    if (!isCurrent) {
      point(name);
    }
  }

  private void point(String name) throws IOException {
    files.write(LATEST, (name + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Says which store and what went wrong. */
  private static IOException failure(StoredFiles files, String action, IOException cause) {
    return new IOException(
        "Cannot %s in %s: %s [%s]"
            .formatted(action, files.root(), cause.getMessage(), cause.getClass().getSimpleName()),
        cause);
  }
}
