package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same store on a file system that has directories and empty files, as HDFS has. */
class ObjectModelStoreOnDirectoriesTest extends ModelStoreContract {

  private static final String ID = "0123456789abcdef".repeat(2);

  @TempDir private Path directory;
  private StoredFiles files;
  private ModelStore store;

  @BeforeEach
  void open() throws IOException {
    files = StoredFiles.at(new Location(directory.toUri().toString()));
    // whoever began to open it first did not come far
    Files.createFile(directory.resolve(StoreMarker.NAME));
    store = ObjectModelStore.open(files, ID);
  }

  @Override
  ModelStore store() {
    return store;
  }

  @Test
  void nothingIsLeftOfARemovedRelease() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(1, 1)));
    store.commit(store.stage(ReleaseFixtures.files(2, 1)));

    store.remove("round-00000001");

    assertThat(files.list(""))
        .extracting(StoredFiles.Entry::name)
        .containsExactly(StoreMarker.NAME, ".staging", "latest", "round-00000002");
  }
}
