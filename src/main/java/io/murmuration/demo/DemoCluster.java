package io.murmuration.demo;

import io.murmuration.config.ContributionOptions;
import io.murmuration.config.HorizonOptions;
import io.murmuration.config.IoOptions;
import io.murmuration.config.IoOptions.FeedbackKind;
import io.murmuration.config.IoOptions.LedgerKind;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PrivacyOptions;
import io.murmuration.config.TrainingOptions;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.job.MurmurationJob;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The job of a demo on a mini cluster with its web UI: the job that a cluster would run. */
final class DemoCluster implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(DemoCluster.class);

  /** Ample for a job on one machine: seconds, where it is busy a minute. */
  private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

  /** A savepoint waits for the round in training, which is as long as the model is large. */
  private static final Duration STOP_TIMEOUT = Duration.ofMinutes(5);

  /** The pause between two looks at the job. */
  private static final Duration POLL = Duration.ofMillis(200);

  /** Length of a window of public time, far longer than a demo: what users say stays. */
  private static final long WINDOW_TICKS = 100_000;

  /** Where users have lifetimes, what they say stays for at most half of one: so many windows. */
  private static final long WINDOWS_OF_A_LIFETIME = 4;

  /** Nine of ten generated users say no more. */
  private static final int EXAMPLES_PER_WINDOW = 32;

  /** The one that is filled, and the one before. */
  private static final int WINDOWS = 2;

  private final DemoSettings settings;
  private final int webPort;
  private final JobClient job;
  private final CompletableFuture<JobExecutionResult> result;
  private boolean stopped;

  private DemoCluster(DemoSettings settings, int webPort, JobClient job) {
    this.settings = settings;
    this.webPort = webPort;
    this.job = job;
    // asked for while the cluster lives: it goes with the job
    this.result = job.getJobExecutionResult();
  }

  /** How much is kept of what people say, and for how long. */
  static ContributionBounds bounds(DemoSettings settings) {
    long window =
        settings.lifetime() == null
            ? WINDOW_TICKS
            : Math.max(1, settings.lifetime() / WINDOWS_OF_A_LIFETIME);
    return new ContributionBounds(window, EXAMPLES_PER_WINDOW, WINDOWS);
  }

  /**
   * What the job is told, all but its Flink.
   *
   * @param roundInterval length of a tick
   * @param startFrom the domain's release where training begins; empty for the base model
   */
  static MurmurationConfig configuration(
      DemoSettings settings,
      Duration roundInterval,
      Path model,
      String bootstrapServers,
      Optional<Path> startFrom) {
    Configuration options = new Configuration();
    options.set(PrivacyOptions.DOMAIN, settings.domain());
    options.set(PrivacyOptions.EPSILON, settings.epsilon());
    options.set(PrivacyOptions.DELTA, settings.delta());
    if (settings.lifetime() == null) {
      options.set(PrivacyOptions.ROUNDS, settings.rounds());
    } else {
      options.set(HorizonOptions.ENABLED, true);
      options.set(HorizonOptions.ID_KEY_FILE, settings.idKeyFile().toString());
      options.set(PrivacyOptions.ROUNDS, settings.lifetime());
    }
    options.set(PrivacyOptions.RAISE_BUDGET, settings.raiseBudget());
    options.set(PrivacyOptions.SAMPLING_PROBABILITY, settings.samplingProbability());
    options.set(PrivacyOptions.EXPECTED_UNITS, settings.expectedCohort());
    options.set(PrivacyOptions.GROUP_SIZE, settings.groupSize());
    options.set(PrivacyOptions.CLIP_NORM, settings.clipNorm());
    options.set(PrivacyOptions.ROUND_INTERVAL, roundInterval);
    ContributionBounds bounds = bounds(settings);
    options.set(ContributionOptions.WINDOW_TICKS, bounds.windowTicks());
    options.set(ContributionOptions.EXAMPLES_PER_WINDOW, bounds.examplesPerWindow());
    options.set(ContributionOptions.WINDOWS, bounds.windows());
    options.set(TrainingOptions.MODEL, model.toString());
    startFrom.ifPresent(release -> options.set(TrainingOptions.START_FROM, release.toString()));
    options.set(TrainingOptions.PARAMETERS, settings.parameters());
    options.set(TrainingOptions.LORA_RANK, settings.loraRank());
    options.set(TrainingOptions.MAX_TOKENS, settings.maxTokens());
    if (settings.learningRate() != null) {
      options.set(TrainingOptions.LEARNING_RATE, settings.learningRate());
    }
    options.set(IoOptions.BOOTSTRAP_SERVERS, bootstrapServers);
    options.set(IoOptions.LEDGER_KIND, LedgerKind.FILE);
    options.set(IoOptions.LEDGER_DIRECTORY, settings.ledger().toString());
    options.set(IoOptions.FEEDBACK_KIND, FeedbackKind.IN_MEMORY);
    options.set(IoOptions.RELEASES_DIRECTORY, settings.releases().toString());
    options.set(IoOptions.CHECKPOINT_INTERVAL, settings.checkpointInterval());
    options.set(IoOptions.PARALLELISM, settings.parallelism());
    return MurmurationConfig.of(options.toMap());
  }

  /** Starts cluster and job. */
  static DemoCluster start(DemoSettings settings, MurmurationConfig config) throws Exception {
    int port = WebPort.firstFree(settings.webPort());
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironmentWithWebUI(flink(settings, port));
    if (settings.lifetime() == null) {
      MurmurationJob.addTo(env, config);
    } else {
      SampleTrace.addTo(
          MurmurationJob.addTo(env, config, SampleTrace.arrivals(settings.domain())),
          settings.domain());
    }
    return new DemoCluster(settings, port, env.executeAsync("murmuration " + settings.domain()));
  }

  private static Configuration flink(DemoSettings settings, int port) {
    Configuration flink = new Configuration();
    flink.set(RestOptions.PORT, port);
    flink.set(RestOptions.BIND_ADDRESS, "localhost");
    flink.set(TaskManagerOptions.NUM_TASK_SLOTS, settings.parallelism());
    flink.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(256));
    flink.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    flink.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY,
        settings.out().resolve("checkpoints").toUri().toString());
    flink.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    flink.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
    flink.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofSeconds(2));
    return flink;
  }

  /** Port of the web UI on this machine. */
  int webPort() {
    return webPort;
  }

  /**
   * Throws if the job is no more.
   *
   * @throws IllegalStateException with the cause
   */
  void failIfEnded() throws InterruptedException {
    if (!result.isDone()) {
      return;
    }
    try {
      result.get();
    } catch (ExecutionException e) {
      Throwable cause = rootCause(e);
      LOG.error("The job failed", e);
      throw new IllegalStateException("The job failed: " + cause.getMessage(), cause);
    }
    throw new IllegalStateException("The job ended by itself before training was halted");
  }

  private static Throwable rootCause(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  /**
   * Stops with a savepoint and without drain: its completion commits the releases still in staging.
   * A job that has only just started refuses a savepoint until all of its tasks run, so it is asked
   * again.
   */
  void stop() throws InterruptedException, ExecutionException {
    String savepoints = settings.out().resolve("savepoints").toUri().toString();
    long start = System.nanoTime();
    while (true) {
      try {
        job.stopWithSavepoint(
                /* advanceToEndOfEventTime= */ false, savepoints, SavepointFormatType.CANONICAL)
            .get(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        stopped = true;
        return;
      } catch (TimeoutException e) {
        throw new IllegalStateException("The job did not stop within " + STOP_TIMEOUT, e);
      } catch (ExecutionException e) {
        if (System.nanoTime() - start > START_TIMEOUT.toNanos()) {
          throw e;
        }
        LOG.info("The job does not take a savepoint yet: {}", rootCause(e).getMessage());
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
      }
    }
  }

  /**
   * Cancels a job that was not stopped, as where its caller was interrupted: it would go on to
   * charge the ledger. Staged releases stay invisible, as after a crash.
   *
   * @throws IllegalStateException if it is not gone after a minute
   */
  @Override
  public void close() throws InterruptedException {
    if (stopped || result.isDone()) {
      return;
    }
    try {
      job.cancel().get(START_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
      // a cancelled job has no result, and this says when it is gone
      result.handle((none, cancelled) -> null).get(START_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("The job could not be cancelled", e);
    }
  }
}
