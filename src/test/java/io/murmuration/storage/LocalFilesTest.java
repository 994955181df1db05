package io.murmuration.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalFilesTest extends StoredFilesContract {

  @TempDir private Path directory;

  @Override
  protected StoredFiles files() {
    return StoredFiles.at(Location.of(directory));
  }

  @Test
  void aFailedWriteLeavesWhatWasThere() throws IOException {
    files().write("a.txt", "whole".getBytes(UTF_8));

    assertThatThrownBy(
            () ->
                files()
                    .write(
                        "a.txt",
                        out -> {
                          out.write(1);
                          throw new IOException("the disk is full");
                        }))
        .hasMessage("the disk is full");

    assertThat(directory).isDirectoryContaining("glob:**a.txt");
    assertThat(directory.toFile().list()).containsExactly("a.txt");
    assertThat(files().read("a.txt")).contains("whole".getBytes(UTF_8));
  }

  @Test
  void aFileInPlaceOfTheDirectoryIsNoAbsence() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    StoredFiles below = StoredFiles.at(Location.of(file));

    assertThatThrownBy(() -> below.read("a.txt")).isInstanceOf(IOException.class);
  }
}
