package io.murmuration.storage;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Flink's file system of S3, as a plugin, against a server. */
class S3FilesITCase extends StoredFilesContract {

  private static final AtomicInteger PLACES = new AtomicInteger();

  private static S3Server server;
  private String place;

  @BeforeAll
  static void start(@TempDir Path directory) throws Exception {
    server = S3Server.start(directory.resolve("s3"));
    server.createBucket("bucket");
    server.usePlugin(directory.resolve("plugins"), Map.of());
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @BeforeEach
  void nextPlace() {
    place = "s3://bucket/place-" + PLACES.incrementAndGet();
  }

  @Override
  protected StoredFiles files() {
    return StoredFiles.at(Location.of(place));
  }
}
