package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.InteractionProducer;
import io.murmuration.storage.HdfsServers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * A standalone cluster that keeps everything in HDFS; {@code scripts/try-hdfs} fetches the servers,
 * puts Hadoop's client on the class path of Flink and of commands, and runs this.
 */
@Timeout(1800)
@EnabledIfSystemProperty(named = HdfsServers.CLASS_PATH, matches = ".+")
class HdfsClusterITCase {

  private static final String DOMAIN = "on-hdfs";
  private static final String STARTED = "started-on-hdfs";
  private static final int SLOTS = 2;

  private static ScriptedCluster cluster;
  private static HdfsServers hdfs;

  @BeforeAll
  static void start(@TempDir(cleanup = CleanupMode.ON_SUCCESS) Path directory) throws Exception {
    hdfs = HdfsServers.running();
    // a busy machine takes its time to answer
    List<String> settings = new ArrayList<>(List.of("-Dpekko.ask.timeout=2 min"));
    hdfs.flinkSettings().forEach((key, value) -> settings.add("-D" + key + "=" + value));
    cluster = new ScriptedCluster(directory, Files.createDirectory(directory.resolve("plugins")));
    cluster.start(/* taskManagers= */ 2, SLOTS, settings.toArray(String[]::new));
    for (String domain : List.of(DOMAIN, STARTED)) {
      cluster.script("kafka", "topics", "--domain", domain, "--partitions", "4");
    }
    try (InteractionProducer producer =
        new InteractionProducer(
            cluster.bootstrapServers(), "interactions", Map.of(), InteractionProducer.UNLIMITED)) {
      for (SyntheticEvent event :
          SyntheticStream.generate(/* seed= */ 3, /* users= */ 300, /* secrets= */ 0).events()) {
        producer.send(event.toInteraction());
      }
    }
  }

  @AfterAll
  static void stop() throws Exception {
    if (cluster != null) {
      cluster.stop();
    }
  }

  @Test
  void trainsThroughADeathAndARestore_andAnotherDomainStartsFromTheRelease_andIsServed()
      throws Exception {
    StorageTrial trial = new StorageTrial(cluster, DOMAIN, hdfs.root(), SLOTS);
    trial.trainsThroughADeathAndARestore();

    StorageTrial started = new StorageTrial(cluster, STARTED, hdfs.root().resolve("other"), SLOTS);
    Path config =
        started.configure(
            Map.of(
                "training.start-from",
                trial.releases().resolve("latest").text(),
                "training.start-is-public",
                "true"));
    String job = cluster.submit(config, Optional.empty(), "job.parallelism=" + SLOTS);
    try (ServingProcess server =
        cluster.serve(STARTED, started.releases(), started.model(), "releases")) {
      long round = server.awaitRoundAfter(0);
      assertThat(server.awaitRoundAfter(round)).isGreaterThan(round);
      JsonNode answer = server.generate("has anyone");
      assertThat(answer.get("round").asLong()).isGreaterThan(round);
      assertThat(answer.get("release").asText()).startsWith("round-");
    }
    cluster.stopWithSavepoint(job);
  }
}
