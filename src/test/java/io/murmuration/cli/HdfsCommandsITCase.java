package io.murmuration.cli;

import io.murmuration.storage.HdfsServers;
import io.murmuration.storage.Location;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Commands on HDFS. */
@EnabledIfSystemProperty(named = HdfsServers.CLASS_PATH, matches = ".+")
class HdfsCommandsITCase extends StorageCommandsContract {

  private static HdfsServers server;

  @BeforeAll
  static void start() throws Exception {
    server = HdfsServers.running();
  }

  @Override
  Location root() {
    return server.root();
  }
}
