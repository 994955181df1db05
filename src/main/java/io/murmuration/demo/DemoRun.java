package io.murmuration.demo;

import io.murmuration.config.MurmurationConfig;
import io.murmuration.demo.LossTracker.Measurement;
import io.murmuration.event.InteractionProducer;
import io.murmuration.job.MechanismPlan;
import io.murmuration.job.MurmurationJob;
import io.murmuration.privacy.accounting.StatedEpsilon;
import io.murmuration.privacy.budget.BudgetObserver;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.ledger.ChargeHistory;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseAudit;
import io.murmuration.report.HeldOutLosses;
import io.murmuration.report.ReportPage;
import io.murmuration.report.RunReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole pipeline in one process: a Kafka broker, a feed, the job on a mini cluster with its web
 * UI, and somebody who looks at the releases from outside and says what they have learned.
 *
 * <p>It is the job that a cluster would run: only its addresses differ.
 */
public final class DemoRun {

  private static final Logger LOG = LoggerFactory.getLogger(DemoRun.class);

  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration STOP_TIMEOUT = Duration.ofMinutes(5);

  private final DemoSettings settings;
  private final PrintWriter out;
  private final boolean terminal;

  /**
   * What came of it.
   *
   * @param summary for the person at the keyboard
   * @param losses held-out losses by round, the base model's as round 0
   * @param halt why training ended
   */
  public record Outcome(DemoSummary summary, List<Measurement> losses, HaltReason halt) {}

  /**
   * @param settings what to do
   * @param out where progress goes
   * @param terminal whether {@code out} understands a carriage return
   */
  public DemoRun(DemoSettings settings, PrintWriter out, boolean terminal) {
    this.settings = settings;
    this.out = out;
    this.terminal = terminal;
  }

  /** What the budget operator said last; written by the task's thread. */
  private static final class Watch implements BudgetObserver {
    private volatile Grant lastGrant;
    private volatile HaltReason halt;
    private volatile String waiting;
    private volatile long lastRound;
    private volatile double epsilonSpent;

    @Override
    public void granted(Grant grant) {
      lastGrant = grant;
      lastRound = grant.round();
      epsilonSpent = grant.epsilonSpent();
      waiting = null;
    }

    @Override
    public void halted(HaltReason reason, long round, double epsilon) {
      lastRound = round;
      epsilonSpent = epsilon;
      halt = reason;
      waiting = null;
    }

    @Override
    public void waiting(String why) {
      waiting = why;
    }
  }

  /**
   * Runs until the budget halts training; then stops the job so that its last releases are visible.
   */
  public Outcome run() throws Exception {
    long start = System.nanoTime();
    Files.createDirectories(settings.out());
    Path model =
        settings.model() != null
            ? settings.model()
            : DemoModel.unpack(settings.out().resolve("base-model"));
    DemoWorld world =
        settings.events() == null
            ? DemoWorld.generated(settings)
            : DemoWorld.ofFile(settings, this::complain);
    say("Stream    " + world.description());
    say("Model     " + model);

    // the broker starts empty: the stream is fed anew, while ledger and releases outlive the demo
    Path brokerFiles = settings.out().resolve("kafka");
    deleteRecursively(brokerFiles);
    Watch watch = new Watch();
    try (EmbeddedKafka kafka = EmbeddedKafka.start(brokerFiles, EmbeddedKafka.ANY_PORT);
        BudgetObservers.Registration observation =
            BudgetObservers.observe(settings.domain(), watch);
        LossTracker losses =
            new LossTracker(
                model,
                world.heldOut(),
                settings.maxTokens(),
                DirectoryModelStore.open(releases()),
                settings.evaluateEvery())) {
      MurmurationConfig config = MurmurationConfig.of(options(model, kafka.bootstrapServers()));
      createTopics(kafka, config);
      say("Kafka     " + kafka.bootstrapServers());
      long fed;
      JobClient job;
      try (BackgroundFeed feed =
          BackgroundFeed.start(
              world.feed(),
              new InteractionProducer(
                  kafka.bootstrapServers(),
                  config.io().topics().interactions(),
                  Map.of(),
                  settings.rate()))) {
        if (settings.rate() == InteractionProducer.UNLIMITED) {
          feedAll(feed, world.interactions().size());
        }
        int port = WebPort.firstFree(settings.webPort());
        StreamExecutionEnvironment env =
            StreamExecutionEnvironment.createLocalEnvironmentWithWebUI(flink(port));
        MurmurationJob.addTo(env, config);
        job = env.executeAsync("murmuration " + settings.domain());
        say("Web UI    http://localhost:" + port);
        say("Releases  " + releases());
        say("Ledger    " + settings.ledger());
        say("");
        watchUntilHalted(job, watch, feed, losses);
        fed = feed.sent();
      }
      stop(job);
      SortedMap<String, Long> deadLetters =
          DeadLetterTally.of(kafka.bootstrapServers(), config.io().topics().deadLetters());
      return outcome(
          world, losses, watch, fed, deadLetters, Duration.ofNanos(System.nanoTime() - start));
    }
  }

  /** A stream without a rate is history: it is in Kafka before the job starts. */
  private void feedAll(BackgroundFeed feed, int total) throws InterruptedException {
    ProgressBarBuilder builder =
        new ProgressBarBuilder().setTaskName("Feeding").setInitialMax(total);
    if (!terminal) {
      builder.setConsumer(new DelegatingProgressBarConsumer(line -> LOG.info("{}", line)));
    }
    try (ProgressBar bar = builder.build()) {
      while (!feed.isDone()) {
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        bar.stepTo(feed.sent());
      }
      feed.check();
      bar.stepTo(feed.sent());
    }
  }

  private void watchUntilHalted(JobClient job, Watch watch, BackgroundFeed feed, LossTracker losses)
      throws Exception {
    ProgressDisplay progress =
        new ProgressDisplay(out, terminal, settings.rounds(), settings.epsilon());
    // asked for while the cluster lives: it goes with the job
    CompletableFuture<JobExecutionResult> result = job.getJobExecutionResult();
    String lastWaiting = null;
    while (watch.halt == null) {
      TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
      feed.check();
      failIfEnded(result);
      losses.lookForReleases();
      String waiting = watch.waiting;
      if (waiting != null && !waiting.equals(lastWaiting)) {
        progress.message("Waiting for the ledger: " + waiting);
      }
      lastWaiting = waiting;
      Grant grant = watch.lastGrant;
      if (grant != null) {
        progress.show(
            new ProgressDisplay.State(
                grant.round(), grant.epsilonSpent(), losses.latest().loss(), losses.releases()));
      }
    }
    progress.finish();
    say("Training has halted: " + watch.halt.text());
    if (watch.lastGrant == null) {
      say(
          "No round was run: the ledger in %s already holds %d rounds and ε %s of %s."
              .formatted(
                  settings.ledger(),
                  watch.lastRound,
                  StatedEpsilon.text(watch.epsilonSpent, /* decimals= */ 4),
                  settings.epsilon()));
      say("Another --ledger is another promise to the same people, and the two add up.");
    }
  }

  private static void failIfEnded(CompletableFuture<JobExecutionResult> result)
      throws InterruptedException {
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
   * With a savepoint and without drain: its completion commits the releases still in staging. A job
   * that has only just started refuses a savepoint until all of its tasks run, so it is asked
   * again.
   */
  private void stop(JobClient job) throws InterruptedException, ExecutionException {
    String savepoints = settings.out().resolve("savepoints").toUri().toString();
    long start = System.nanoTime();
    while (true) {
      try {
        job.stopWithSavepoint(
                /* advanceToEndOfEventTime= */ false, savepoints, SavepointFormatType.CANONICAL)
            .get(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
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

  private Outcome outcome(
      DemoWorld world,
      LossTracker losses,
      Watch watch,
      long fed,
      SortedMap<String, Long> deadLetters,
      Duration wallTime)
      throws Exception {
    say("Measuring the last release ...");
    losses.lookForReleases();
    losses.measureLast();
    Path report = writeReport(world, losses);
    var run =
        new DemoSummary.Run(
            watch.lastRound,
            losses.releases(),
            watch.epsilonSpent,
            settings.epsilon(),
            settings.delta(),
            fed,
            deadLetters,
            wallTime,
            watch.halt.text(),
            releases(),
            report);
    var heldOut = new DemoSummary.HeldOut(losses.base().loss(), losses.latest().loss());
    if (world.stream().isEmpty() || losses.releases() == 0) {
      return new Outcome(
          new DemoSummary(run, heldOut, Optional.empty(), Optional.empty()),
          losses.measurements(),
          watch.halt);
    }
    SyntheticStream stream = world.stream().get();
    TrendProbe trend = TrendProbe.ofDemo(settings.seed() + 2, 200);
    MemorizationProbe secrets = MemorizationProbe.ofDemo(stream, settings.seed() + 3, 400);
    try (LossTracker.AdaptedScore adapted = losses.adaptedScore()) {
      return new Outcome(
          new DemoSummary(
              run,
              heldOut,
              Optional.of(trend.compare(losses.baseScore(), adapted)),
              Optional.of(secrets.compare(losses.baseScore(), adapted))),
          losses.measurements(),
          watch.halt);
    }
  }

  /**
   * The page that anybody may see: losses stand on it only where the text is public. An earlier
   * demo's losses on the same text are kept.
   */
  private Path writeReport(DemoWorld world, LossTracker losses)
      throws IOException, LedgerException, InterruptedException {
    String text =
        world.stream().isPresent()
            ? "made-up sentences, half of them of the trend"
            : "messages of %,d held-out users of %s"
                .formatted(settings.heldOutUsers(), settings.events().getFileName());
    boolean publicText = world.stream().isPresent() || settings.heldOutPublic();
    List<HeldOutLosses.Point> points =
        losses.measurements().stream()
            .map(measured -> new HeldOutLosses.Point(measured.round(), measured.loss()))
            .toList();
    Path file = settings.out().resolve(HeldOutLosses.FILE);
    HeldOutLosses heldOut = new HeldOutLosses(text, publicText, List.of());
    if (Files.exists(file)) {
      HeldOutLosses before = HeldOutLosses.read(file);
      if (before.text().equals(text)) {
        heldOut = heldOut.with(before.points());
      }
    }
    heldOut = heldOut.with(points);
    heldOut.write(file);
    Path page = settings.out().resolve("report.html");
    try (Ledger ledger = new FileLedger(settings.ledger().resolve(settings.domain() + ".ledger"))) {
      RunReport report =
          RunReport.of(
              ChargeHistory.of(ledger.read(), ledger.location(), MechanismPlan::accountant),
              new ReleaseAudit(DirectoryModelStore.reading(releases())),
              Optional.of(heldOut),
              RunReport.Audience.PUBLIC,
              Instant.now());
      Files.writeString(page, ReportPage.of(report));
    }
    return page;
  }

  private Map<String, String> options(Path model, String bootstrapServers) {
    Map<String, String> options = new HashMap<>();
    options.put("privacy.domain", settings.domain());
    options.put("privacy.epsilon", String.valueOf(settings.epsilon()));
    options.put("privacy.delta", String.valueOf(settings.delta()));
    options.put("privacy.rounds", String.valueOf(settings.rounds()));
    options.put("privacy.raise-budget", String.valueOf(settings.raiseBudget()));
    options.put("privacy.sampling-probability", String.valueOf(settings.samplingProbability()));
    options.put("privacy.expected-units", String.valueOf(settings.expectedCohort()));
    options.put("privacy.group-size", String.valueOf(settings.groupSize()));
    options.put("privacy.clip-norm", String.valueOf(settings.clipNorm()));
    options.put("privacy.round-interval", settings.roundInterval().toMillis() + " ms");
    // a window of public time far longer than a demo: what users say stays in their pools
    options.put("contribution.window-ticks", "100000");
    options.put("contribution.examples-per-window", "32");
    options.put("contribution.windows", "2");
    options.put("training.model", model.toString());
    options.put("training.lora.rank", String.valueOf(settings.loraRank()));
    options.put("training.max-tokens", String.valueOf(settings.maxTokens()));
    if (settings.learningRate() != null) {
      options.put("training.learning-rate", settings.learningRate().toString());
    }
    options.put("kafka.bootstrap-servers", bootstrapServers);
    options.put("ledger.kind", "FILE");
    options.put("ledger.directory", settings.ledger().toString());
    options.put("feedback.kind", "IN_MEMORY");
    options.put("releases.directory", releases().toString());
    options.put("job.checkpoint-interval", settings.checkpointInterval().toMillis() + " ms");
    options.put("job.parallelism", String.valueOf(settings.parallelism()));
    return options;
  }

  private Configuration flink(int port) {
    Map<String, String> flink = new HashMap<>();
    flink.put("rest.port", String.valueOf(port));
    flink.put("rest.bind-address", "localhost");
    flink.put("taskmanager.numberOfTaskSlots", String.valueOf(settings.parallelism()));
    flink.put("taskmanager.memory.managed.size", "256 mb");
    flink.put("state.backend.type", "rocksdb");
    flink.put(
        "execution.checkpointing.dir", settings.out().resolve("checkpoints").toUri().toString());
    flink.put("restart-strategy.type", "fixed-delay");
    flink.put("restart-strategy.fixed-delay.attempts", "3");
    flink.put("restart-strategy.fixed-delay.delay", "2 s");
    return Configuration.fromMap(flink);
  }

  private static void createTopics(EmbeddedKafka kafka, MurmurationConfig config)
      throws InterruptedException {
    var topics = config.io().topics();
    kafka.createTopic(topics.interactions(), 4, Map.of());
    kafka.createTopic(topics.deadLetters(), 1, Map.of());
    kafka.createTopic(topics.releases(), 1, Map.of("retention.ms", "-1"));
  }

  private Path releases() {
    return settings.out().resolve("releases");
  }

  private void complain(String complaint) {
    LOG.warn("{}", complaint);
    say("  " + complaint);
  }

  private void say(String line) {
    out.println(line);
    out.flush();
  }

  private static void deleteRecursively(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> entries = new ArrayList<>();
    try (var walk = Files.walk(directory)) {
      walk.forEach(entries::add);
    }
    for (int i = entries.size() - 1; i >= 0; i--) {
      Files.delete(entries.get(i));
    }
  }
}
