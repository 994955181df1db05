package io.murmuration.job;

import static org.awaitility.Awaitility.await;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordSerializer;
import io.murmuration.event.RawRecords;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.budget.InMemoryRoundFeedback;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PublishSink;
import io.murmuration.release.RoundRelease;
import io.murmuration.rounds.ModelRoundTrainer;
import io.murmuration.training.InMemoryParameterStore;
import io.murmuration.training.LearningRateSchedule;
import io.murmuration.training.OptimizerOptions;
import io.murmuration.training.RoundTrainer;
import io.murmuration.training.TrainOperator;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * The job's own topology in this process, without a broker: its events are generated, its
 * announcements and dead letters go nowhere. Its files are where its configuration says.
 */
final class BrokerlessJob {

  /** Users of {@link #message}. */
  static final int USERS = 50;

  private static final Duration PATIENCE = Duration.ofSeconds(90);

  /** What the budget said during a run; written by a task's thread. */
  static final class Heard implements BudgetObserver {

    private final List<Grant> granted = new CopyOnWriteArrayList<>();
    private final List<HaltReason> halts = new CopyOnWriteArrayList<>();

    List<Grant> granted() {
      return granted;
    }

    List<HaltReason> halts() {
      return halts;
    }

    boolean isHalted() {
      return !halts.isEmpty();
    }

    @Override
    public void granted(Grant grant) {
      granted.add(grant);
    }

    @Override
    public void halted(HaltReason reason, long round, double epsilonSpent) {
      halts.add(reason);
    }

    @Override
    public void waiting(String why) {
      // a file ledger is always there
    }
  }

  /**
   * How a run went.
   *
   * @param heard what its budget said
   * @param savepoint the one that it was stopped with
   */
  record Run(Heard heard, String savepoint) {}

  private BrokerlessJob() {}

  /** The topology of a configuration; short messages of {@link #USERS} users come all the time. */
  static MurmurationTopology of(MurmurationConfig config) {
    return of(config, BrokerlessJob::message, /* eventsPerSecond= */ 500);
  }

  /** The topology of a configuration, with these events. */
  static MurmurationTopology of(
      MurmurationConfig config, GeneratorFunction<Long, RawRecord> events, double eventsPerSecond) {
    MurmurationTopology job = MurmurationJob.topology(config, ConfiguredPhases.of(config));
    return with(
        job,
        new DataGeneratorSource<>(
            events,
            Long.MAX_VALUE,
            RateLimiterStrategy.perSecond(eventsPerSecond),
            new RawRecordSerializer().typeInfo(RawRecord.class)),
        job.train(),
        new PublishSink(
                DirectoryModelStore.at(config.io().releasesDirectory()),
                ConfiguredReleases.of(config).context(),
                new DiscardingSink<>())
            .onSchedule());
  }

  /** The same with another trainer; {@link #trainer} is the configured one's factory. */
  static MurmurationTopology trainedBy(
      MurmurationTopology job, MurmurationConfig config, RoundTrainer.Factory trainer) {
    String domain = config.privacy().domain();
    return with(
        job,
        job.interactions(),
        new TrainOperator.Factory(
            trainer,
            () -> new InMemoryParameterStore(domain),
            new InMemoryRoundFeedback(domain),
            job.budget().submission(),
            /* privateMetrics= */ false),
        job.publish());
  }

  /** Makes trainers of the configured model, by Adam at a constant rate. */
  static RoundTrainer.Factory trainer(MurmurationConfig config) {
    return ModelRoundTrainer.factory(
        config.training(),
        ConfiguredReleases.of(config).start(),
        OptimizerOptions.AdamW.withDefaults(
            LearningRateSchedule.constant(config.training().learningRate())));
  }

  private static MurmurationTopology with(
      MurmurationTopology job,
      Source<RawRecord, ?, ?> events,
      TrainOperator.Factory train,
      Sink<RoundRelease> publish) {
    return new MurmurationTopology(
        events,
        job.clock(),
        job.decode(),
        job.bounds(),
        job.budget(),
        job.gradients(),
        job.workers(),
        train,
        publish,
        new DiscardingSink<>(),
        job.maxParallelism(),
        job.privateMetrics(),
        job.lifetimes(),
        job.turns());
  }

  /**
   * Runs a job until what its budget said is enough, and stops it with a savepoint.
   *
   * @param directory for checkpoints and savepoints
   * @param savepoint where it begins; null for nothing
   */
  static Run run(
      MurmurationTopology job,
      MurmurationConfig config,
      Path directory,
      String savepoint,
      Predicate<Heard> enough)
      throws Exception {
    Map<String, String> flink = new HashMap<>();
    flink.put("execution.checkpointing.dir", directory.resolve("checkpoints").toUri().toString());
    flink.put("execution.checkpointing.interval", "500 ms");
    flink.put("restart-strategy.type", "disable");
    if (savepoint != null) {
      flink.put(StateRecoveryOptions.SAVEPOINT_PATH.key(), savepoint);
    }
    Heard heard = new Heard();
    try (BudgetObservers.Registration ignored =
        BudgetObservers.observe(config.privacy().domain(), heard)) {
      StreamExecutionEnvironment env =
          StreamExecutionEnvironment.createLocalEnvironment(Configuration.fromMap(flink));
      job.addTo(env);
      JobClient running = env.executeAsync("without a broker");
      await()
          .atMost(PATIENCE)
          .failFast(() -> running.getJobStatus().get().isTerminalState())
          .until(() -> enough.test(heard));
      return new Run(heard, Savepoints.stop(running, directory.resolve("savepoints")));
    }
  }

  /** A short message of one of {@link #USERS} users. */
  private static RawRecord message(long index) {
    return RawRecords.of(
        UserEvent.interaction(
            "user" + index % USERS,
            "e" + index,
            /* eventTimeMillis= */ 0,
            /* prompt= */ null,
            "message " + index % 1000));
  }
}
