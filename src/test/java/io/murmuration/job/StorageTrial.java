package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.release.ModelStores;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A job whose model, releases, parameters, checkpoints and savepoints lie elsewhere. */
final class StorageTrial {

  private final ScriptedCluster cluster;
  private final String domain;
  private final Location root;
  private final int slots;

  /**
   * @param root of the file system
   * @param slots of each task manager
   */
  StorageTrial(ScriptedCluster cluster, String domain, Location root, int slots) {
    this.cluster = cluster;
    this.domain = domain;
    this.root = root;
    this.slots = slots;
  }

  Location model() {
    return root.resolve("models/demo");
  }

  Location releases() {
    return root.resolve("chat/releases");
  }

  /**
   * A configuration of the job.
   *
   * @param others further settings, which win
   */
  Path configure(Map<String, String> others) throws Exception {
    cluster.uploadModel(model());
    Map<String, String> settings =
        new HashMap<>(
            Map.of(
                "training.model",
                model().text(),
                "training.parallelism",
                "2",
                "releases.directory",
                releases().text(),
                "job.checkpoint-directory",
                root.resolve("chat/checkpoints").text()));
    settings.putAll(others);
    return cluster.writeConfig(domain, settings);
  }

  /** To a release that somebody speaks with. */
  void trainsThroughADeathAndARestore() throws Exception {
    int before = cluster.taskManagers().size();
    Path config = configure(Map.of());
    String savepoints = root.resolve("chat/savepoints").text();

    // so that the one that dies has work
    String job = cluster.submit(config, Optional.empty(), "job.parallelism=" + slots * before);
    cluster.awaitRound(job, 2);
    assertThat(StoredFiles.at(root.resolve("chat/checkpoints")).list("")).isNotEmpty();
    cluster.replaceTaskManager(1, job, domain);
    String savepoint = cluster.stopWithSavepoint(job, "--savepointPath", savepoints);

    assertThat(savepoint).startsWith(savepoints + "/savepoint-");
    long charged = cluster.charges(domain).size();
    String restored = cluster.submit(config, Optional.of(savepoint));
    cluster.awaitRound(restored, charged + 1);
    cluster.stopWithSavepoint(restored);

    List<String> published = ModelStores.reading(releases()).published();
    assertThat(published).isNotEmpty();
    assertThat(
            cluster.script(
                "murmuration",
                "releases",
                "verify",
                releases().text(),
                "--bootstrap-servers",
                cluster.bootstrapServers(),
                "--ledger-topic",
                ScriptedCluster.ledgerTopic(domain)))
        .contains("%1$d of %1$d releases are sound".formatted(published.size()));
    // the dead one is forgotten
    await().atMost(ScriptedCluster.PATIENCE).until(() -> cluster.taskManagers().size() == before);
    assertThat(
            cluster.script(
                "murmuration",
                "generate",
                "--model",
                model().text(),
                "--adapter",
                releases().resolve("latest").text(),
                "--max-tokens",
                "3",
                "--prompt",
                "has anyone"))
        .contains("has anyone");
  }
}
