package io.murmuration.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.storage.ObjectStorage.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalCopiesTest {

  private final ObjectStorage storage = new ObjectStorage();
  private final StoredFiles model = storage.at("models/base");
  @TempDir private Path cache;
  private int reads;

  @BeforeEach
  void putModel() throws IOException {
    model.write("config.json", "{}".getBytes(UTF_8));
    model.write("model.safetensors", new byte[100_000]);
    model.write("onnx/model.onnx", new byte[10]);
    storage.trouble((operation, key) -> reads += operation == Operation.OPEN ? 1 : 0);
  }

  private Path copy() throws IOException {
    return LocalCopies.of(model, name -> true, cache);
  }

  @Test
  void aCopyHasTheNameAndTheFilesOfTheDirectory() throws IOException {
    Path copy = copy();

    assertThat(copy.getFileName()).hasToString("base");
    assertThat(copy.toFile().list()).containsExactlyInAnyOrder("config.json", "model.safetensors");
    assertThat(copy.resolve("model.safetensors")).hasBinaryContent(new byte[100_000]);
  }

  @Test
  void itIsFetchedOnce() throws IOException {
    Path first = copy();
    int once = reads;

    assertThat(copy()).isEqualTo(first);
    assertThat(reads).isEqualTo(once).isEqualTo(2);
  }

  @Test
  void onlyWhatIsWantedIsFetched() throws IOException {
    Path copy = LocalCopies.of(model, name -> name.endsWith(".json"), cache);

    assertThat(copy.toFile().list()).containsExactly("config.json");
  }

  @Test
  void anotherVersionIsAnotherCopy() throws IOException {
    Path first = copy();
    model.write("config.json", "{\"tied\": true}".getBytes(UTF_8));

    Path second = copy();

    assertThat(second).isNotEqualTo(first);
    assertThat(second.resolve("config.json")).hasContent("{\"tied\": true}");
    assertThat(first.resolve("config.json")).hasContent("{}");
  }

  /** Another process fetches it: this one trusts what it has compared. */
  @Test
  void aDamagedCopyIsFetchedAnew() throws Exception {
    Path copy = copy();
    Files.writeString(copy.resolve("config.json"), "{ }");

    Path again = inAnotherProcess();

    assertThat(again).isEqualTo(copy);
    assertThat(again.resolve("config.json")).hasContent("{}");
  }

  @Test
  void whatAFailedFetchLeftIsNeverTakenForACopy() throws Exception {
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN && key.endsWith(".safetensors")) {
            throw new ObjectStorage.ClientException("HTTP 503");
          }
        });
    assertThatThrownBy(this::copy).isInstanceOf(IOException.class).hasMessageContaining("503");
    assertThat(entries()).allMatch(name -> name.endsWith(".lock"));

    storage.recover();
    assertThat(copy().resolve("model.safetensors")).exists();
  }

  @Test
  void aFileThatIsShorterThanListedIsRefused() {
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN && key.endsWith(".safetensors")) {
            storage.objects().put(key, new byte[99_999]);
          }
        });

    assertThatThrownBy(this::copy)
        .hasMessageContaining("model.safetensors must have 100000 bytes")
        .hasMessageContaining("but has 99999");
  }

  @Test
  void anEmptyDirectoryIsNone() {
    assertThatThrownBy(() -> LocalCopies.of(storage.at("models/none"), name -> true, cache))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("mem://bucket/models/none");
  }

  @Test
  void aLocalDirectoryIsItself() throws IOException {
    assertThat(LocalCopies.of(Location.of(cache), name -> true)).isEqualTo(cache);
  }

  private List<String> entries() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** Under another path of the same directory, by which this process has compared nothing. */
  private Path inAnotherProcess() throws IOException {
    Path other = Files.createSymbolicLink(cache.resolveSibling(cache.getFileName() + "-l"), cache);
    try {
      return cache.resolve(other.relativize(LocalCopies.of(model, name -> true, other)));
    } finally {
      Files.delete(other);
    }
  }
}
