package io.murmuration.training;

import io.murmuration.release.ModelStores;
import io.murmuration.storage.HdfsServers;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Parameters on their way to workers through HDFS. */
@EnabledIfSystemProperty(named = HdfsServers.CLASS_PATH, matches = ".+")
class HdfsParametersITCase extends ParameterStoreContract {

  private static final AtomicInteger PLACES = new AtomicInteger();

  private static HdfsServers hdfs;
  private Location releases;

  @BeforeAll
  static void start() throws Exception {
    hdfs = HdfsServers.running();
  }

  @BeforeEach
  void openReleases() throws IOException {
    releases = hdfs.root().resolve("releases-" + PLACES.incrementAndGet());
    ModelStores.at(releases).open();
  }

  @Override
  ParameterStore store() {
    return new StoredParameters(StoredFiles.at(releases), "flock");
  }
}
