package io.murmuration.audit;

import static org.awaitility.Awaitility.await;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.AuditedSamplers;
import io.murmuration.event.RawRecord;
import io.murmuration.event.RawRecordSerializer;
import io.murmuration.job.AuditedTopology;
import io.murmuration.job.Savepoints;
import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.training.TrainerState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiter;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;

/**
 * The whole job on a mini cluster, from encoded events to the optimizer, with canaries: events,
 * decoding, keyed pools and due ticks, grants from a ledger in a file, clipping, two workers' sums,
 * noise.
 *
 * <p>Twice the job is cancelled and started anew from a savepoint that lies some rounds back, so
 * that what must not repeat has an occasion to.
 */
final class ClusterPipeline {

  private static final Map<String, ClusterPipeline> RUNNING = new ConcurrentHashMap<>();

  private static final int PULSES_PER_SECOND = 200;

  private static final int SLOTS = 2;

  private static final int WORKERS = 2;

  /** How often the job is started: once without state, then from savepoints. */
  static final int LIVES = 3;

  /** So many rounds at least lie between a savepoint and the end of a life. */
  private static final int LOST = 5;

  private final AuditSetting setting;
  private final Plant plant;
  private final SampledCanaries sampled;
  private final Path directory;
  private final String domain = "audit-" + UUID.randomUUID();
  private final AtomicInteger eventsSent = new AtomicInteger();
  private final CompletableFuture<Void> clockRuns = new CompletableFuture<>();
  private final List<Execution> tape = new CopyOnWriteArrayList<>();
  private final CompletableFuture<HaltReason> halt = new CompletableFuture<>();

  private ClusterPipeline(AuditSetting setting, Plant plant, Path directory) {
    this.setting = setting;
    this.plant = plant;
    this.sampled = new SampledCanaries(setting, plant);
    this.directory = directory;
  }

  /** A mini cluster that pipelines run on, one after the other. */
  static MiniClusterExtension cluster() {
    return new MiniClusterExtension(clusterConfiguration());
  }

  /** What that cluster is made of. */
  static MiniClusterResourceConfiguration clusterConfiguration() {
    Map<String, String> flink = new HashMap<>();
    flink.put("state.backend.type", "hashmap");
    flink.put("taskmanager.memory.managed.size", "64 mb");
    flink.put("execution.checkpointing.interval", "200 ms");
    flink.put("restart-strategy.type", "disable");
    // a round crosses the network three times, and nothing else would fill a buffer
    flink.put("execution.buffer-timeout.interval", "1 ms");
    flink.put("pipeline.generic-types", "false");
    return new MiniClusterResourceConfiguration.Builder()
        .setNumberTaskManagers(1)
        .setNumberSlotsPerTaskManager(SLOTS)
        .setConfiguration(Configuration.fromMap(flink))
        .build();
  }

  /** Runs the job until its rounds are done, and returns what it executed in the order of time. */
  static List<Execution> run(AuditSetting setting, Plant plant, Path directory) throws Exception {
    ClusterPipeline pipeline = new ClusterPipeline(setting, plant, directory);
    RUNNING.put(pipeline.domain, pipeline);
    try (BudgetObservers.Registration registered =
        BudgetObservers.observe(pipeline.domain, pipeline.watch())) {
      pipeline.runToTheEnd();
    } finally {
      RUNNING.remove(pipeline.domain);
    }
    return List.copyOf(pipeline.tape);
  }

  /** Three lives: two of them begin from restored state, and what they have in common shows. */
  private void runToTheEnd() throws Exception {
    JobClient job = start(null);
    waitFor(job, () -> eventsSent.get() == setting.canaries().events());
    // a savepoint behind the last event: all of them are in keyed state before the first round
    Savepoints.take(job, directory.resolve("savepoints"));
    clockRuns.complete(null);
    for (int life = 1; life < LIVES; life++) {
      int cancelled = life * setting.rounds() / LIVES;
      waitFor(job, () -> tape.size() >= cancelled - LOST);
      String savepoint = Savepoints.take(job, directory.resolve("savepoints"));
      waitFor(job, () -> tape.size() >= cancelled);
      cancel(job);
      job = start(savepoint);
    }
    waitFor(job, halt::isDone);
    cancel(job);
    if (halt.get() != HaltReason.ROUNDS_DONE) {
      throw new IllegalStateException("all rounds must be done, but " + halt.get());
    }
  }

  private JobClient start(String savepoint) throws Exception {
    Configuration flink = new Configuration();
    if (savepoint != null) {
      flink.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(flink);
    env.setParallelism(SLOTS);
    String key = domain;
    AuditedTopology.addTo(
        env,
        config(),
        new DataGeneratorSource<>(
            index -> RUNNING.get(key).event(index),
            setting.canaries().events(),
            new RawRecordSerializer().typeInfo(RawRecord.class)),
        new DataGeneratorSource<>(pulse -> pulse, Long.MAX_VALUE, new HeldClock<>(key), Types.LONG),
        () -> RUNNING.get(key).sampled.source(),
        WORKERS,
        restored -> RUNNING.get(key).trainer(restored),
        bounds -> AuditedSamplers.with(bounds, plant.randomness()));
    return env.executeAsync(domain);
  }

  private RawRecord event(long index) {
    RawRecord event = setting.canaries().event((int) index);
    eventsSent.incrementAndGet();
    return event;
  }

  private AuditedTrainer trainer(Optional<TrainerState> restored) {
    // of a round that the life before did not end
    sampled.take();
    return new AuditedTrainer(sampled, plant, restored, tape::add);
  }

  private MurmurationConfig config() {
    boolean uls = setting.sampler() == Sampler.ULS;
    Map<String, String> settings = new HashMap<>(AuditedTopology.settings(directory));
    settings.put("privacy.domain", domain);
    settings.put("privacy.sampler", setting.sampler().name());
    // room for what more frequent sampling costs, and for the rounding of the accountant
    double room = plant.probabilityFactor() > 1 ? 3 * plant.probabilityFactor() : 1.01;
    settings.put("privacy.epsilon", String.valueOf(room * setting.epsilon()));
    settings.put("privacy.delta", String.valueOf(AuditSetting.DELTA));
    settings.put("privacy.rounds", String.valueOf(setting.rounds()));
    settings.put(
        "privacy.sampling-probability",
        String.valueOf(plant.probabilityFactor() * setting.samplingProbability()));
    settings.put("privacy.group-size", String.valueOf(setting.groupSize()));
    settings.put("privacy.noise-multiplier", String.valueOf(setting.noiseMultiplier()));
    settings.put("privacy.clip-norm", "1");
    settings.put("privacy.expected-units", String.valueOf(setting.expectedUnits()));
    settings.put("privacy.adaptive-clipping.quantile", String.valueOf(AuditSetting.QUANTILE));
    settings.put("privacy.round-interval", "20 ms");
    settings.put("contribution.window-ticks", "10000000");
    settings.put("contribution.windows", "1");
    settings.put(
        "contribution.examples-per-window",
        String.valueOf(uls ? Canaries.EXAMPLES : setting.groupSize()));
    settings.put("events.truncation", "CHARACTERS");
    return MurmurationConfig.of(settings);
  }

  private static void cancel(JobClient job) throws Exception {
    job.cancel().get(1, TimeUnit.MINUTES);
    job.getJobExecutionResult().handle((result, cancelled) -> null).get(1, TimeUnit.MINUTES);
  }

  private static void waitFor(JobClient job, Callable<Boolean> condition) {
    await()
        .atMost(Duration.ofMinutes(3))
        .pollInterval(Duration.ofMillis(10))
        .failFast(() -> job.getJobStatus().get().isTerminalState())
        .until(condition);
  }

  private BudgetObserver watch() {
    return new BudgetObserver() {
      @Override
      public void granted(Grant grant) {
        // the tape says what became of it
      }

      @Override
      public void halted(HaltReason reason, long round, double epsilonSpent) {
        halt.complete(reason);
      }

      @Override
      public void waiting(String why) {
        // a file ledger is always there
      }
    };
  }

  /** A clock that stands until all canaries are known. */
  private record HeldClock<S extends SourceSplit>(String key) implements RateLimiterStrategy<S> {

    @Override
    public RateLimiter<S> createRateLimiter(int parallelism) {
      RateLimiter<S> running =
          RateLimiterStrategy.perSecond(PULSES_PER_SECOND).createRateLimiter(parallelism);
      CompletableFuture<Void> runs = RUNNING.get(key).clockRuns;
      return pulses -> runs.thenCompose(go -> running.acquire(pulses));
    }
  }
}
