package io.murmuration.release;

import io.murmuration.storage.LocalCopies;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Model stores by where they lie: on this machine's file system, which renames atomically, a {@link
 * DirectoryModelStore}, elsewhere one whose releases become visible with their manifest.
 */
public final class ModelStores {

  private ModelStores() {}

  /** Opens the store there wherever a task runs; all of them must see the same one. */
  public static ModelStore.Provider at(Location root) {
    return root.isLocal()
        ? DirectoryModelStore.at(root.text())
        : new ObjectStorage(root, StoreMarker.freshId());
  }

  /**
   * A store on object storage.
   *
   * @param freshId what its id will be if it is new: one for all tasks, which begin it at once
   */
  private record ObjectStorage(Location root, String freshId) implements ModelStore.Provider {

    @Override
    public ModelStore open() throws IOException {
      return ObjectModelStore.open(StoredFiles.at(root), freshId);
    }

    @Override
    public ModelStore reopen() throws IOException {
      return ObjectModelStore.reopen(StoredFiles.at(root));
    }
  }

  /**
   * Opens an existing store for reading only.
   *
   * @throws IOException if there is none, or it is out of reach
   */
  public static ModelStore reading(Location root) throws IOException {
    return root.isLocal()
        ? DirectoryModelStore.reading(root.path())
        : ObjectModelStore.reading(StoredFiles.at(root));
  }

  /**
   * Checks that a store is there now, for what is kept beside releases.
   *
   * @throws IOException if it is away, or nothing was ever opened there
   */
  public static void requireThere(StoredFiles root) throws IOException {
    new StoreMarker(root).read();
  }

  /**
   * Says where the newest release lies, if that is what {@code latest} beside releases on object
   * storage stands for; every other location stands for itself. On this machine's file system
   * {@code latest} is a link.
   *
   * @throws IOException if there is no release
   */
  public static Location resolved(Location location) throws IOException {
    if (location.isLocal() || !location.name().equals(ObjectModelStore.LATEST)) {
      return location;
    }
    Location root = location.parent();
    List<String> names = reading(root).published();
    if (names.isEmpty()) {
      throw new IOException("%s holds no release of a model yet".formatted(root));
    }
    return root.resolve(names.get(names.size() - 1));
  }

  /**
   * A directory with a model, an adapter or a release, on this machine: a copy if it lies
   * elsewhere.
   *
   * @throws IOException if there is none, or it cannot be fetched
   */
  public static Path directory(Location location) throws IOException {
    return LocalCopies.of(resolved(location), name -> !name.startsWith("."));
  }
}
