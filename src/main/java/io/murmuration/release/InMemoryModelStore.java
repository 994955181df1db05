package io.murmuration.release;

import java.io.IOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;

/** A {@link ModelStore} that lives and dies with its process: for simulations and tests. */
public final class InMemoryModelStore implements ModelStore {

  private final String id = UUID.randomUUID().toString();
  private final Map<Staged, SortedMap<String, byte[]>> staged = new HashMap<>();
  private final Map<Staged, Instant> stagedAt = new HashMap<>();
  private final Map<String, SortedMap<String, byte[]>> published = new TreeMap<>();

  @Override
  public String id() {
    return id;
  }

  @Override
  public synchronized Staged stage(ReleaseFiles release) {
    Staged key = new Staged(id, release.name(), Digests.ofRelease(release.files()));
    staged.put(key, release.files());
    stagedAt.putIfAbsent(key, Instant.now());
    return key;
  }

  @Override
  public synchronized Outcome commit(Staged key) throws IOException {
    if (!key.store().equals(id)) {
      throw new IOException(
          "store %s is expected but store %s is there".formatted(key.store(), id));
    }
    SortedMap<String, byte[]> visible = published.get(key.name());
    if (visible != null) {
      String existing = Digests.ofRelease(visible);
      if (!existing.equals(key.digest())) {
        throw new ReleaseConflictException(key.name(), existing, key.digest());
      }
      staged.remove(key);
      return Outcome.ALREADY_PUBLISHED;
    }
    SortedMap<String, byte[]> files = staged.remove(key);
    if (files == null) {
      throw new ReleaseLostException(key.name(), "it is not staged");
    }
    published.put(key.name(), files);
    return Outcome.PUBLISHED;
  }

  @Override
  public synchronized List<String> published() {
    return named("round-");
  }

  @Override
  public synchronized List<String> calibrations() {
    return named("calibration-");
  }

  private List<String> named(String prefix) {
    return published.keySet().stream()
        .filter(name -> name.startsWith(prefix))
        .sorted(ReleaseNames.BY_ROUND)
        .toList();
  }

  @Override
  public synchronized SortedMap<String, byte[]> read(String name) throws IOException {
    SortedMap<String, byte[]> files = published.get(name);
    if (files == null) {
      throw new IOException("there is no release " + name);
    }
    return files;
  }

  @Override
  public synchronized Optional<byte[]> read(String name, String file) throws IOException {
    return Optional.ofNullable(read(name).get(file));
  }

  @Override
  public synchronized void remove(String name) throws IOException {
    if (published.remove(name) == null) {
      throw new IOException("there is no release " + name);
    }
  }

  @Override
  public synchronized List<String> removeStaged(Instant before) {
    List<Staged> old =
        staged.keySet().stream().filter(key -> stagedAt.get(key).isBefore(before)).toList();
    staged.keySet().removeAll(old);
    return old.stream().map(ReleaseNames::staged).sorted().toList();
  }
}
