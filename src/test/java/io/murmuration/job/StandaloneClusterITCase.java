package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.MetricsTable;
import io.murmuration.demo.SyntheticEvent;
import io.murmuration.demo.SyntheticStream;
import io.murmuration.event.InteractionProducer;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * The artefacts as a platform engineer uses them: a standalone cluster and a broker as separate
 * JVMs, the job jar submitted through the command line and through REST, a savepoint, and another
 * parallelism.
 */
@Timeout(900)
class StandaloneClusterITCase {

  private static final int USERS = 300;

  private static final String[] PLACED = {
    "training.parallelism=2",
    "training.slot-sharing-group=gradients",
    "placement.worker-resource=gradient-worker",
    "placement.worker-heap=64 mb",
    "placement.worker-off-heap=512 mb",
    "placement.ingest-heap=64 mb",
    "placement.ingest-managed=160 mb"
  };

  /** Slots of each task manager. */
  private static final int SLOTS = 2;

  private static ScriptedCluster cluster;
  private static S3Server s3;

  @BeforeAll
  static void start(@TempDir(cleanup = CleanupMode.ON_SUCCESS) Path directory) throws Exception {
    s3 = S3Server.start(directory.resolve("s3"));
    s3.createBucket("bucket");
    Path plugins = directory.resolve("plugins");
    s3.usePlugin(plugins, Map.of());
    List<String> settings =
        new ArrayList<>(
            List.of(
                "-Dexternal-resources=gradient-worker",
                "-Dexternal-resource.gradient-worker.amount=1"));
    s3.flinkSettings().forEach((key, value) -> settings.add("-D" + key + "=" + value));
    cluster = new ScriptedCluster(directory, plugins);
    cluster.start(/* taskManagers= */ 2, SLOTS, settings.toArray(String[]::new));
    for (String domain : List.of("rescaled", "placed", "on-s3")) {
      cluster.script("kafka", "topics", "--domain", domain, "--partitions", "4");
    }
    feed();
  }

  @AfterAll
  static void stop() throws Exception {
    try {
      if (cluster != null) {
        cluster.stop();
      }
    } finally {
      if (s3 != null) {
        s3.close();
      }
    }
  }

  @Test
  void runsByCommandLineAndByRest_andIsRescaledFromASavepoint() throws Exception {
    Path config = cluster.writeConfig("rescaled", Map.of());

    String first = submitByCommandLine(config, /* parallelism= */ 2);
    cluster.awaitRound(first, 3);
    assertThat(cluster.parallelismOf(first, "bound & sample")).isEqualTo(2);
    assertThat(cluster.parallelismOf(first, "gradients")).isEqualTo(1);
    assertThat(cluster.userConfig(first))
        .containsEntry("privacy.domain", "rescaled")
        .containsEntry("kafka.properties.ssl.keystore.password", "******")
        .doesNotContainValue("hunter2");

    String savepoint = cluster.stopWithSavepoint(first);
    int releasedBefore = releases().size();
    assertThat(releasedBefore).isPositive();
    long chargedBefore = cluster.charges("rescaled").size();

    String second =
        cluster.submitByRest(
            config, Optional.of(savepoint), "job.parallelism=4", "training.parallelism=2");
    cluster.awaitRound(second, chargedBefore + 3);
    assertThat(cluster.parallelismOf(second, "bound & sample")).isEqualTo(4);
    assertThat(cluster.parallelismOf(second, "gradients")).isEqualTo(2);
    await()
        .atMost(Duration.ofSeconds(120))
        .untilAsserted(() -> assertThat(cluster.prometheusMetrics()).isEqualTo(publicMetrics()));
    await()
        .atMost(Duration.ofSeconds(120))
        .untilAsserted(() -> assertThat(releases().size()).isGreaterThan(releasedBefore));
    cluster.stopWithSavepoint(second);

    assertLedgerAndReleasesAreWhole();
  }

  /** Task managers of two kinds: two with room for a worker, and one for ingest alone. */
  @Test
  void eachWorkerHasATaskManager_andIngestNeedsNoneOfTheirs() throws Exception {
    Path config = cluster.writeConfig("placed", Map.of());
    Set<String> withWorkers = cluster.taskManagers();
    assertThat(withWorkers).hasSize(2);
    cluster.script(
        "cluster",
        "taskmanager",
        "add",
        "-Dexternal-resources=none",
        "-Dtaskmanager.memory.process.size=1300m",
        "-Dtaskmanager.memory.task.off-heap.size=0");
    await().atMost(Duration.ofSeconds(120)).until(() -> cluster.taskManagers().size() == 3);

    String job = submitByCommandLine(config, /* parallelism= */ 3, PLACED);
    cluster.awaitRound(job, 2);

    List<String> workers = cluster.placesOf(job, "gradients");
    assertThat(workers).containsExactlyInAnyOrderElementsOf(withWorkers);
    assertThat(workers).containsAll(cluster.placesOf(job, "train"));
    assertThat(cluster.placesOf(job, "bound & sample")).hasSize(3);
    cluster.stopWithSavepoint(job);
  }

  /**
   * Model, releases, parameters, checkpoints, savepoint; through a machine's death and a restore.
   */
  @Test
  void runsWithEverythingOnObjectStorage() throws Exception {
    new StorageTrial(cluster, "on-s3", Location.of("s3://bucket"), SLOTS)
        .trainsThroughADeathAndARestore();
  }

  /** Rounds 1, 2, 3, … each charged once, two epochs, and no release that was not charged. */
  private static void assertLedgerAndReleasesAreWhole() throws Exception {
    List<Charge> charges = cluster.charges("rescaled");
    assertThat(charges)
        .extracting(Charge::round)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, charges.size()).boxed().toList());
    assertThat(cluster.epochs("rescaled")).isEqualTo(2);
    List<Long> released = releases();
    assertThat(released).doesNotHaveDuplicates().isSorted();
    assertThat(released).allMatch(round -> round <= charges.size());
  }

  /** What is public, by the names that Prometheus gives it. */
  private static Set<String> publicMetrics() throws IOException {
    return MetricsTable.published().stream()
        .map(name -> "flink_" + name.replace('.', '_').replace(':', '_'))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String submitByCommandLine(Path config, int parallelism, String... settings)
      throws Exception {
    List<String> all = new ArrayList<>(List.of(settings));
    all.add("job.parallelism=" + parallelism);
    all.add("kafka.properties.ssl.keystore.password=hunter2");
    return cluster.submit(config, Optional.empty(), all.toArray(String[]::new));
  }

  private static void feed() throws Exception {
    try (InteractionProducer producer =
        new InteractionProducer(
            cluster.bootstrapServers(), "interactions", Map.of(), InteractionProducer.UNLIMITED)) {
      for (SyntheticEvent event :
          SyntheticStream.generate(/* seed= */ 3, USERS, /* secrets= */ 0).events()) {
        producer.send(event.toInteraction());
      }
    }
  }

  private static List<Long> releases() throws Exception {
    Path directory = cluster.releases("rescaled");
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    ReleaseCatalog catalog = new ReleaseCatalog(DirectoryModelStore.reading(directory));
    List<Long> rounds = new ArrayList<>();
    for (String name : catalog.names()) {
      rounds.add(catalog.manifest(name).round());
    }
    return rounds;
  }
}
