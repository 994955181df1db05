package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import io.murmuration.training.ParameterStore.Key;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredParametersTest extends ParameterStoreContract {

  private static final ModelVersion VERSION = version("a1b2", 3, 7);

  @TempDir private Path root;

  @BeforeEach
  void openReleases() throws IOException {
    DirectoryModelStore.open(root);
  }

  @Override
  ParameterStore store() {
    return new StoredParameters(StoredFiles.at(Location.of(root)), "flock");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(root.resolve(".parameters/flock"))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void filesSayWhatTheyHold() throws Exception {
    store().put(Key.ofParameters(VERSION), values(3, 7));
    store().put(Key.ofFrozen(VERSION), FROZEN);
    assertThat(files())
        .containsExactly(
            "epoch-3-of-a1b2-frozen-" + VERSION.frozenDigest() + ".f32",
            "epoch-3-of-a1b2-round-7-" + VERSION.digest() + ".f32");
  }

  @Test
  void theyAreNoReleases() throws Exception {
    store().put(Key.ofParameters(VERSION), values(3, 7));
    assertThat(DirectoryModelStore.reading(root).published()).isEmpty();
  }

  @Test
  void whatIsNotOursStays() throws Exception {
    store().put(Key.ofParameters(VERSION), values(3, 7));
    Path note = Files.writeString(root.resolve(".parameters/flock/README"), "for people");
    store().deleteSuperseded(version("a1b2", 9, 9));
    assertThat(files()).containsExactly("README");
    assertThat(note).exists();
  }

  /** An empty mount point in its place must not be written to: train tries again. */
  @Test
  void nothingIsWrittenWhileTheStoreOfReleasesIsAway(@TempDir Path empty) {
    StoredParameters store = new StoredParameters(StoredFiles.at(Location.of(empty)), "flock");
    assertThatIOException().isThrownBy(() -> store.put(Key.ofFrozen(VERSION), FROZEN));
    assertThat(empty).isEmptyDirectory();
  }

  @Test
  void aFileThatIsCutOffIsRefused() throws Exception {
    Key key = Key.ofParameters(VERSION);
    store().put(key, values(3, 7));
    Path file = root.resolve(".parameters/flock").resolve(files().get(0));
    Files.write(file, new byte[] {1, 2, 3});
    assertThatIOException()
        .isThrownBy(() -> store().get(key))
        .withMessageContaining("cut off after 3 bytes")
        .withMessageContaining(file.toString());
  }
}
