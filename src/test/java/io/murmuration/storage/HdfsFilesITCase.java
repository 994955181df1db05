package io.murmuration.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Flink's file system of HDFS against servers. */
@EnabledIfSystemProperty(named = HdfsServers.CLASS_PATH, matches = ".+")
class HdfsFilesITCase extends StoredFilesContract {

  private static final AtomicInteger PLACES = new AtomicInteger();

  private static HdfsServers hdfs;
  private Location place;

  @BeforeAll
  static void start() throws Exception {
    hdfs = HdfsServers.running();
  }

  @BeforeEach
  void nextPlace() {
    place = hdfs.root().resolve("place-" + PLACES.incrementAndGet());
  }

  @Override
  protected StoredFiles files() {
    return StoredFiles.at(place);
  }

  @Test
  void whatSomebodyOnlyBeganToWriteIsMissing_andIsReplaced() throws IOException {
    org.apache.flink.core.fs.Path path =
        new org.apache.flink.core.fs.Path(place.resolve("a.txt").text());
    FileSystem.get(path.toUri()).create(path, WriteMode.OVERWRITE); // and never closed

    assertThat(files().read("a.txt")).isEmpty();
    files().write("a.txt", new byte[] {7});
    assertThat(files().read("a.txt")).contains(new byte[] {7});
  }
}
