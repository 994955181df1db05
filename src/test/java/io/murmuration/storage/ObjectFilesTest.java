package io.murmuration.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.storage.ObjectStorage.ClientException;
import io.murmuration.storage.ObjectStorage.Operation;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectFilesTest extends StoredFilesContract {

  private final ObjectStorage storage = new ObjectStorage();

  @Override
  protected StoredFiles files() {
    return storage.at("place");
  }

  /** The client of a storage throws what it likes, and none of it says that a file is missing. */
  @ParameterizedTest
  @EnumSource(names = {"OPEN", "LIST", "DELETE", "CREATE"})
  void anUncheckedExceptionIsAFailureAndNoAbsence(Operation broken) throws IOException {
    files().write("a.txt", "a".getBytes(UTF_8));
    storage.trouble(
        (operation, key) -> {
          if (operation == broken) {
            throw new ClientException("HTTP 503: reduce your request rate");
          }
        });
    List<ThrowingCallable> actions =
        switch (broken) {
          case OPEN -> List.of(() -> files().read("a.txt"), () -> files().read("nowhere"));
          case LIST -> List.of(() -> files().list(""));
          case DELETE -> List.of(() -> files().delete("a.txt"));
          case CREATE -> List.of(() -> files().write("b.txt", new byte[1]));
        };

    for (ThrowingCallable action : actions) {
      assertThatThrownBy(action)
          .isInstanceOf(IOException.class)
          .isNotInstanceOf(FileNotFoundException.class)
          .hasMessageContaining("mem://bucket/place")
          .hasMessageContaining("HTTP 503")
          .hasCauseInstanceOf(ClientException.class);
    }
  }

  @Test
  void aFileThatDisappearsWhileItIsReadIsAFailureAndNoAbsence() throws IOException {
    files().write("a.txt", "a".getBytes(UTF_8));

    assertThatThrownBy(
            () ->
                files()
                    .read(
                        "a.txt",
                        in -> {
                          throw new FileNotFoundException("NoSuchKey");
                        }))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(FileNotFoundException.class)
        .hasMessageContaining("NoSuchKey");
  }

  @Test
  void whatDoesNotReadBackAsItWasWrittenIsReported() throws IOException {
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN) {
            storage.objects().put(key, "another".getBytes(UTF_8));
          }
        });

    assertThatThrownBy(() -> files().write("a.txt", "a".getBytes(UTF_8)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("place/a.txt was written with")
        .hasMessageContaining("but reads as");
  }

  /** Also where it goes missing, as after a deletion that was slower than the write. */
  @Test
  void whatIsMissingAfterItWasWrittenIsReported() {
    storage.trouble(
        (operation, key) -> {
          if (operation == Operation.OPEN) {
            storage.objects().remove(key);
          }
        });

    assertThatThrownBy(() -> files().write("a.txt", "a".getBytes(UTF_8)))
        .hasMessageContaining("a file that is missing");
  }

  @Test
  void aFailedWriteMayLeaveABeginning_whichTheNextReplaces() throws IOException {
    storage.cutOff("a.txt", 3);

    assertThatThrownBy(() -> files().write("a.txt", "a whole sentence".getBytes(UTF_8)))
        .hasMessageContaining("No space left");
    assertThat(storage.objects().get("place/a.txt")).hasSize(3);

    storage.recover();
    files().write("a.txt", "a whole sentence".getBytes(UTF_8));
    assertThat(files().read("a.txt")).contains("a whole sentence".getBytes(UTF_8));
  }

  @Test
  void aFileSystemWithoutPluginSaysHowToGetIt() {
    StoredFiles unknown = StoredFiles.at(Location.of("nosuch://bucket/releases"));

    assertThatThrownBy(() -> unknown.read("a.txt"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no file system for nosuch:// is there")
        .hasMessageContaining("FLINK_PLUGINS_DIR")
        .hasMessageContaining("scripts/plugin");
  }
}
