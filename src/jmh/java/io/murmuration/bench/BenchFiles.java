package io.murmuration.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.util.FileUtils;

/** Directories of a bench, deleted when it ends. */
final class BenchFiles {

  private BenchFiles() {}

  static String newDirectory() throws IOException {
    return newPath().toUri().toString();
  }

  static Path newPath() throws IOException {
    Path directory = Files.createTempDirectory("murmuration-bench");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
    return directory;
  }

  private static void delete(Path directory) {
    try {
      FileUtils.deleteDirectory(directory.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException("The bench's files could not be deleted", e);
    }
  }
}
