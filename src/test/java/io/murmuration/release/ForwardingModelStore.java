package io.murmuration.release;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/** Hands everything to another store but what a test overrides. */
public interface ForwardingModelStore extends ModelStore {

  ModelStore store();

  @Override
  default String id() {
    return store().id();
  }

  @Override
  default Staged stage(ReleaseFiles release) throws IOException {
    return store().stage(release);
  }

  @Override
  default Outcome commit(Staged staged) throws IOException {
    return store().commit(staged);
  }

  @Override
  default List<String> published() throws IOException {
    return store().published();
  }

  @Override
  default List<String> calibrations() throws IOException {
    return store().calibrations();
  }

  @Override
  default SortedMap<String, byte[]> read(String name) throws IOException {
    return store().read(name);
  }

  @Override
  default Optional<byte[]> read(String name, String file) throws IOException {
    return store().read(name, file);
  }

  @Override
  default void remove(String name) throws IOException {
    store().remove(name);
  }

  @Override
  default List<String> removeStaged(Instant before) throws IOException {
    return store().removeStaged(before);
  }
}
