package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordSerializer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.model.AdaptedModel;
import io.murmuration.model.TextEvaluator;
import io.murmuration.model.TinyModels;
import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PublishSink;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.PartialSums.RoundSum;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainOperator;
import io.murmuration.training.TrainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the job publishes, loaded back, against the model that was live in its trainer. */
@Timeout(180)
class LiveModelITCase {

  private static final int ROUNDS = 3;
  private static final int USERS = 50;
  private static final List<String> HELD_OUT = List.of("a flock turns", "no one leads it", "x");

  /** By round; the trainer runs in this JVM. */
  private static final Map<Long, Double> LIVE_NATS = new ConcurrentHashMap<>();

  private static final Map<Long, Long> COHORTS = new ConcurrentHashMap<>();

  @TempDir private Path directory;
  private Path base;

  @BeforeEach
  void writeBase() throws IOException {
    LIVE_NATS.clear();
    COHORTS.clear();
    base = TinyModels.write(directory.resolve("base"), TinyModels.GPT2, 11);
  }

  @Test
  void everyReleasedAdapterHasTheLossOfTheLiveModel() throws Exception {
    run(settings("adapters").with("training.lora.mode", "BOTH").config());

    assertThat(releases("adapters")).hasSize(ROUNDS);
    for (Path release : releases("adapters")) {
      assertThat(nats(base, Optional.of(release))).isEqualTo(LIVE_NATS.get(round(release)));
    }
    assertThat(LIVE_NATS.values()).doesNotHaveDuplicates();
    assertThat(COHORTS.values()).anyMatch(users -> users > 0);
  }

  @Test
  void everyReleasedModelHasTheLossOfTheLiveModel_andTrainingGoesOnFromOne() throws Exception {
    run(settings("models").with("training.parameters", "ALL").config());

    List<Path> releases = releases("models");
    assertThat(releases).hasSize(ROUNDS);
    for (Path release : releases) {
      assertThat(nats(release, Optional.empty())).isEqualTo(LIVE_NATS.get(round(release)));
    }
    double reached = LIVE_NATS.get((long) ROUNDS);

    // the same domain and ledger, no state: rounds go on where the ledger ends
    run(
        settings("more-models")
            .with("training.parameters", "ALL")
            .with("training.learning-rate", "1e-12")
            .with("training.start-from", releases.get(ROUNDS - 1).toString())
            .with("privacy.rounds", String.valueOf(2 * ROUNDS))
            .config());

    assertThat(releases("more-models")).extracting(LiveModelITCase::round).startsWith(ROUNDS + 1L);
    // hardly a step was taken
    assertThat(LIVE_NATS.get(ROUNDS + 1L)).isBetween(reached - 0.01, reached + 0.01);
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
    AtomicBoolean halted = new AtomicBoolean();
    try (BudgetObservers.Registration registered =
        BudgetObservers.observe(config.privacy().domain(), new Halt(halted))) {
      StreamExecutionEnvironment env =
          StreamExecutionEnvironment.createLocalEnvironment(
              Configuration.fromMap(
                  Map.of(
                      "execution.checkpointing.dir",
                      directory.resolve("checkpoints").toUri().toString(),
                      "execution.checkpointing.interval",
                      "500 ms",
                      "restart-strategy.type",
                      "disable")));
      topology(config).addTo(env);
      JobClient job = env.executeAsync("live model");
      await()
          .atMost(Duration.ofSeconds(90))
          .failFast(() -> job.getJobStatus().get().isTerminalState())
          .untilTrue(halted);
      Savepoints.stop(job, directory.resolve("savepoints"));
      assertThat(registered).isNotNull();
    }
  }

  /** The job's own topology without a broker, its trainer watched. */
  private static MurmurationTopology topology(MurmurationConfig config) {
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    ConfiguredReleases releases = ConfiguredReleases.of(config);
    String domain = config.privacy().domain();
    RoundTrainer.Factory trainer =
        ModelRoundTrainer.factory(
            config.training(),
            releases.start(),
            OptimizerOptions.AdamW.withDefaults(
                LearningRateSchedule.constant(config.training().learningRate())));
    return new MurmurationTopology(
        new DataGeneratorSource<>(
            LiveModelITCase::record,
            Long.MAX_VALUE,
            RateLimiterStrategy.perSecond(500),
            new RawRecordSerializer().typeInfo(RawRecord.class)),
        job.clock(),
        job.decode(),
        job.bounds(),
        job.budget(),
        job.gradients(),
        job.workers(),
        new TrainOperator.Factory(
            restored -> new Watched((ModelRoundTrainer) trainer.create(restored)),
            () -> new InMemoryParameterStore(domain),
            new InMemoryRoundFeedback(domain),
            job.budget().submission(),
            /* privateMetrics= */ false),
        new PublishSink(
            DirectoryModelStore.at(config.io().releasesDirectory()),
            releases.context(),
            new DiscardingSink<>()),
        new DiscardingSink<>(),
        job.maxParallelism(),
        /* privateMetrics= */ false);
  }

  static RawRecord record(long index) {
    String user = "user" + index % USERS;
    try {
      ByteBuffer value =
          Interaction.newBuilder()
              .setEventId("e" + index)
              .setUserId(user)
              .setEventTime(Instant.EPOCH)
              .setPrompt(null)
              .setText("message " + index % 1000)
              .setErase(false)
              .build()
              .toByteBuffer();
      byte[] bytes = new byte[value.remaining()];
      value.get(bytes);
      return new RawRecord(
          user.getBytes(StandardCharsets.UTF_8),
          bytes,
          "generated",
          0,
          index,
          /* timestampMillis= */ 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Path> releases(String name) throws IOException {
    DirectoryModelStore store = DirectoryModelStore.reading(directory.resolve(name));
    return store.published().stream().map(store::directoryOf).toList();
  }

  private static long round(Path release) {
    return Long.parseLong(release.getFileName().toString().substring("round-".length()));
  }

  private static double nats(Path model, Optional<Path> adapter) throws IOException {
    try (AdaptedModel loaded = AdaptedModel.load(model, adapter)) {
      return loaded.evaluate(HELD_OUT, 32).nats();
    }
  }

  /** Measures the live model after every round. */
  private record Watched(ModelRoundTrainer trainer) implements RoundTrainer {

    @Override
    public ExecutedRound execute(RoundSum sum) {
      ExecutedRound executed = trainer.execute(sum);
      TextEvaluator evaluator = new TextEvaluator(trainer.parameters().model(), HELD_OUT, 32);
      LIVE_NATS.put(
          sum.grant().round(),
          evaluator.evaluate(trainer.parameters(), executed.outcome().state().parameters()).nats());
      COHORTS.put(sum.grant().round(), sum.sum().slices());
      return executed;
    }

    @Override
    public TrainerState state() {
      return trainer.state();
    }

    @Override
    public void close() {
      trainer.close();
    }
  }

  private record Halt(AtomicBoolean halted) implements BudgetObserver {

    @Override
    public void granted(Grant grant) {
      // the trainer is watched instead
    }

    @Override
    public void halted(HaltReason reason, long round, double epsilonSpent) {
      halted.set(true);
    }

    @Override
    public void waiting(String why) {
      // for the ledger's file; it is there at once
    }
  }
}
