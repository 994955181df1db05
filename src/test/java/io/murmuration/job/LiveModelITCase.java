package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.job.BrokerlessJob.Heard;
import io.murmuration.model.TinyModels;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.storage.Location;
import io.murmuration.storage.S3Server;
import io.murmuration.storage.StoredFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the job publishes, loaded back, against the model that was live in its trainer. */
@Timeout(900)
class LiveModelITCase {

  private static final int ROUNDS = 3;

  @TempDir private Path directory;
  private Path base;

  @BeforeEach
  void writeBase() throws IOException {
    WatchedTrainer.forget();
    base = TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11);
  }

  @Test
  void everyReleasedAdapterHasTheLossOfTheLiveModel() throws Exception {
    run(settings("adapters").with("training.lora.mode", "BOTH").config());

    assertThat(releases("adapters")).hasSize(ROUNDS);
    for (Path release : releases("adapters")) {
      assertThat(WatchedTrainer.nats(base, Optional.of(release)))
          .isEqualTo(WatchedTrainer.nats().get(round(release)));
    }
    assertThat(WatchedTrainer.nats().values()).doesNotHaveDuplicates();
    assertThat(WatchedTrainer.units().values()).anyMatch(users -> users > 0);
  }

  @Test
  void everyReleasedModelHasTheLossOfTheLiveModel_andTrainingGoesOnFromOneInS3() throws Exception {
    run(settings("models").with("training.parameters", "ALL").config());

    List<Path> releases = releases("models");
    assertThat(releases).hasSize(ROUNDS);
    for (Path release : releases) {
      assertThat(WatchedTrainer.nats(release, Optional.empty()))
          .isEqualTo(WatchedTrainer.nats().get(round(release)));
    }
    double reached = WatchedTrainer.nats().get((long) ROUNDS);

    // the same domain and ledger, no state: rounds go on where the ledger ends
    try (S3Server server = S3Server.start(directory.resolve("s3"))) {
      server.createBucket("bucket");
      server.usePlugin(directory.resolve("plugins"), Map.of());
      run(
          settings("more-models")
              .with("training.parameters", "ALL")
              .with("training.learning-rate", "1e-12")
              .with("training.start-from", upload(releases.get(ROUNDS - 1)).text())
              .with("privacy.rounds", String.valueOf(2 * ROUNDS))
              .config());
    }

    assertThat(releases("more-models")).extracting(LiveModelITCase::round).startsWith(ROUNDS + 1L);
    // hardly a step was taken
    assertThat(WatchedTrainer.nats().get(ROUNDS + 1L)).isBetween(reached - 0.01, reached + 0.01);
  }

  private static Location upload(Path release) throws IOException {
    Location place = Location.of("s3://bucket/" + release.getFileName());
    StoredFiles target = StoredFiles.at(place);
    try (Stream<Path> files = Files.list(release)) {
      for (Path file : files.toList()) {
        target.write(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return place;
  }

  private JobConfigs settings(String releases) {
    return JobConfigs.in(directory)
        .with("training.model", base.toString())
        .with("releases.directory", directory.resolve(releases).toString())
        .with("privacy.epsilon", "50")
        .with("privacy.rounds", String.valueOf(ROUNDS))
        .with("privacy.sampling-probability", "0.5")
        .with("privacy.round-interval", "200 ms")
        .with("contribution.window-ticks", "100000")
        .with("job.checkpoint-interval", "500 ms")
        .with("training.parallelism", "2")
        .with("job.parallelism", "2");
  }

  private void run(MurmurationConfig config) throws Exception {
    BrokerlessJob.run(
        WatchedTrainer.of(BrokerlessJob.of(config), config),
        config,
        directory,
        /* savepoint= */ null,
        Heard::isHalted);
  }

  private List<Path> releases(String name) throws IOException {
    DirectoryModelStore store = DirectoryModelStore.reading(directory.resolve(name));
    return store.published().stream().map(store::directoryOf).toList();
  }

  private static long round(Path release) {
    return Long.parseLong(release.getFileName().toString().substring("round-".length()));
  }
}
