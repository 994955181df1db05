package io.murmuration.cli;

import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Commands on an S3 server. */
class ObjectStorageCommandsITCase extends StorageCommandsContract {

  private static S3Server server;

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

  @Override
  Location root() {
    return Location.of("s3://bucket");
  }
}
