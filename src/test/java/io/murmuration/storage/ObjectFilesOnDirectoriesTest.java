package io.murmuration.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same on a file system that has directories and empty files, as HDFS has. */
class ObjectFilesOnDirectoriesTest extends StoredFilesContract {

  @TempDir private Path directory;

  @Override
  protected StoredFiles files() {
    return new ObjectFiles(new Location(directory.toUri().toString()));
  }

  @Test
  void whatSomebodyOnlyBeganToWriteIsMissing() throws IOException {
    Files.createFile(directory.resolve("a.txt"));

    assertThat(files().read("a.txt")).isEmpty();
  }
}
