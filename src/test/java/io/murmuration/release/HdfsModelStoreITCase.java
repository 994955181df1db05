package io.murmuration.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.release.ModelStore.Outcome;
import io.murmuration.release.ModelStore.Staged;
import io.murmuration.storage.HdfsServers;
import io.murmuration.storage.HdfsServers.Server;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model store on HDFS, and what happens to such servers. */
@EnabledIfSystemProperty(named = HdfsServers.CLASS_PATH, matches = ".+")
class HdfsModelStoreITCase extends ModelStoreContract {

  private static final AtomicInteger PLACES = new AtomicInteger();

  private static HdfsServers hdfs;

  private Location root;
  private ModelStore store;

  @BeforeAll
  static void start() throws Exception {
    hdfs = HdfsServers.running();
  }

  @BeforeEach
  void open() throws IOException {
    root = hdfs.root().resolve("releases-" + PLACES.incrementAndGet());
    store = ModelStores.at(root).open();
  }

  @Override
  ModelStore store() {
    return store;
  }

  private static org.apache.flink.core.fs.Path path(Location location) {
    return new org.apache.flink.core.fs.Path(location.text());
  }

  private static void assertTriedAgain(ThrowingCallable action) {
    assertThatThrownBy(action)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ReleaseLostException.class)
        .isNotInstanceOf(ReleaseConflictException.class);
  }

  private void assertAway(Staged staged) {
    assertTriedAgain(() -> store.commit(staged));
    assertTriedAgain(() -> store.stage(ReleaseFixtures.files(2, 1)));
    assertTriedAgain(() -> ModelStores.at(root).reopen());
  }

  /** Without name node nothing is known of any file, without data node nothing of their content. */
  @ParameterizedTest
  @EnumSource
  void aStoreWithoutAServerIsNotLost(Server server) throws Exception {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    hdfs.kill(server);
    try {
      assertAway(staged);
      assertTriedAgain(() -> ModelStores.requireThere(StoredFiles.at(root)));
    } finally {
      hdfs.start(server);
      hdfs.awaitWritable();
    }
    assertThat(ModelStores.at(root).reopen().commit(staged)).isEqualTo(Outcome.PUBLISHED);
    assertThat(store.published()).containsExactly("round-00000001");
  }

  @Test
  void aStoreThatWasMovedAwayIsNotLost() throws Exception {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    FileSystem files = FileSystem.get(path(root).toUri());
    Location elsewhere = hdfs.root().resolve("elsewhere");
    assertThat(files.rename(path(root), path(elsewhere))).isTrue();

    assertAway(staged);
    assertThat(files.exists(path(root.resolve(".staging")))).isFalse();

    files.delete(path(root), /* recursive= */ true);
    assertThat(files.rename(path(elsewhere), path(root))).isTrue();
    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);
  }

  /** A task manager died, or hangs, over a manifest that it holds open. */
  @Test
  void aCommitReplacesWhatAnotherBeganToWrite_andThatOneCannotEndIt() throws Exception {
    Staged staged = store.stage(ReleaseFixtures.files(1, 1));
    org.apache.flink.core.fs.Path manifest = path(root.resolve("round-00000001/manifest.json"));
    FSDataOutputStream hanging =
        FileSystem.get(manifest.toUri()).create(manifest, WriteMode.OVERWRITE);
    hanging.write('{');
    hanging.sync();
    assertThat(store.published()).isEmpty();

    assertThat(store.commit(staged)).isEqualTo(Outcome.PUBLISHED);

    assertThatThrownBy(
            () -> {
              hanging.write('}');
              hanging.close();
            })
        .isInstanceOf(IOException.class);
    assertThat(Digests.ofRelease(store.read("round-00000001"))).isEqualTo(staged.digest());
  }

  @Test
  void latestStandsForTheNewestRelease() throws IOException {
    store.commit(store.stage(ReleaseFixtures.files(7, 1)));

    Path copy = ModelStores.directory(root.resolve("latest"));

    assertThat(copy.getFileName()).hasToString("round-00000007");
    assertThat(copy.toFile().list()).hasSize(4).contains("manifest.json");
  }
}
