package io.murmuration.demo;

import io.murmuration.config.IoConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.TrainingConfig;
import io.murmuration.demo.LossTracker.Measurement;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.terminal.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole pipeline in one process: a Kafka broker, a feed, the job on a mini cluster with its web
 * UI, and somebody who looks at the releases from outside and says what they have learned.
 */
public final class DemoRun {

  private static final Logger LOG = LoggerFactory.getLogger(DemoRun.class);

  /** The pause between two looks at budget and releases. */
  private static final Duration POLL = Duration.ofMillis(200);

  private final DemoSettings settings;
  private final List<Interaction> alsoSaid;
  private final Optional<Path> startFrom;
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
    this(settings, List.of(), Optional.empty(), out, terminal);
  }

  /**
   * The same with more to feed, and perhaps from where an earlier run was cut off.
   *
   * @param alsoSaid fed before everything else
   * @param startFrom a release of the same domain where training begins; empty for the base model
   */
  DemoRun(
      DemoSettings settings,
      List<Interaction> alsoSaid,
      Optional<Path> startFrom,
      PrintWriter out,
      boolean terminal) {
    this.settings = settings;
    this.alsoSaid = List.copyOf(alsoSaid);
    this.startFrom = startFrom;
    this.out = out;
    this.terminal = terminal;
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
    world = world.after(alsoSaid);
    say("Stream    " + world.description());
    say("Model     " + model);

    // the broker starts empty: the stream is fed anew, while ledger and releases outlive the demo
    Path brokerFiles = settings.out().resolve("kafka");
    deleteRecursively(brokerFiles);
    RoundPace clock = new RoundPace(world.interactions().size(), settings.rounds());
    BudgetWatch watch = new BudgetWatch(grant -> clock.granted());
    try (EmbeddedKafka kafka = EmbeddedKafka.start(brokerFiles, EmbeddedKafka.ANY_PORT);
        BudgetObservers.Registration observation =
            BudgetObservers.observe(settings.domain(), watch);
        LossTracker losses =
            new LossTracker(
                model,
                world.heldOut(),
                settings.maxTokens(),
                DirectoryModelStore.open(settings.releases()),
                settings.evaluateEvery())) {
      MurmurationConfig config = configuration(model, kafka.bootstrapServers());
      createTopics(kafka, config.io().topics());
      say("Kafka     " + kafka.bootstrapServers());
      say("Rounds    one every " + RoundSchedule.seconds(config.privacy().roundInterval()));
      long fed;
      try (BackgroundFeed feed = feed(world, kafka, config.io().topics().interactions(), clock)) {
        if (isHistory()) {
          feedAll(feed, world.interactions().size());
        }
        try (DemoCluster cluster = DemoCluster.start(settings, config)) {
          say("Web UI    http://localhost:" + cluster.webPort());
          say("Releases  " + settings.releases());
          say("Ledger    " + settings.ledger());
          say("");
          watchUntilHalted(cluster, watch, feed, losses);
          fed = feed.sent();
          feed.close();
          cluster.stop();
        }
      }
      SortedMap<String, Long> deadLetters =
          DeadLetterTally.of(kafka.bootstrapServers(), config.io().topics().deadLetters());
      say("Measuring the last release ...");
      losses.lookForReleases();
      losses.measureLast();
      Path report = new DemoReport(settings, world).write(losses.measurements());
      DemoSummary.Run run =
          new DemoSummary.Run(
              watch.lastRound(),
              losses.releases(),
              watch.epsilonSpent(),
              settings.epsilon(),
              settings.delta(),
              fed,
              deadLetters,
              Duration.ofNanos(System.nanoTime() - start),
              watch.halt().text(),
              RoundSchedule.late(settings.ledgerFile()),
              settings.releases(),
              report);
      return new Outcome(summary(run, world, losses), losses.measurements(), watch.halt());
    }
  }

  private MurmurationConfig configuration(Path model, String servers)
      throws IOException, LedgerException, InterruptedException {
    TrainingConfig training =
        DemoCluster.configuration(
                settings, RoundSchedule.ANY, model, servers, /* startFrom= */ Optional.empty())
            .training();
    return DemoCluster.configuration(
        settings, RoundSchedule.interval(settings, training), model, servers, startFrom);
  }

  private BackgroundFeed feed(DemoWorld world, EmbeddedKafka kafka, String topic, RoundPace clock) {
    return BackgroundFeed.start(
        world.feed(),
        new InteractionProducer(
            kafka.bootstrapServers(),
            topic,
            Map.of(),
            settings.rate().orElse(InteractionProducer.UNLIMITED)),
        settings.rate().isPresent() ? FeedPace.UNLIMITED : clock);
  }

  /** A stream without a limit is history: it is in Kafka before the job starts. */
  private boolean isHistory() {
    return settings.rate().equals(OptionalDouble.of(InteractionProducer.UNLIMITED));
  }

  private void feedAll(BackgroundFeed feed, int total) throws InterruptedException {
    try (Progress progress = Progress.of("Feeding", total, out, terminal)) {
      while (!feed.isDone()) {
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        progress.stepTo(feed.sent());
      }
      feed.check();
      progress.stepTo(feed.sent());
    }
  }

  private void watchUntilHalted(
      DemoCluster cluster, BudgetWatch watch, BackgroundFeed feed, LossTracker losses)
      throws Exception {
    try (Progress progress = Progress.of("Rounds", settings.rounds(), out, terminal)) {
      while (watch.halt() == null) {
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        feed.check();
        cluster.failIfEnded();
        losses.lookForReleases();
        show(progress, watch, losses);
      }
      show(progress, watch, losses);
    }
    say("Training has halted: " + watch.halt().text());
    if (watch.lastGrant() == null) {
      say(
          "No round was run: the ledger in %s already holds %d rounds and ε %s of %s."
              .formatted(
                  settings.ledger(),
                  watch.lastRound(),
                  PrivacyLoss.text(watch.epsilonSpent(), /* decimals= */ 4),
                  settings.epsilon()));
      say("Another --ledger is another promise to the same people, and the two add up.");
    }
  }

  private void show(Progress progress, BudgetWatch watch, LossTracker losses) {
    String waiting = watch.waitingFor();
    Grant grant = watch.lastGrant();
    if (waiting != null) {
      progress.note("waiting for the ledger: " + waiting);
    } else if (grant != null) {
      progress.stepTo(grant.round());
      progress.note(
          "epsilon %s of %s, held-out loss %s, releases %d"
              .formatted(
                  PrivacyLoss.text(grant.epsilonSpent(), /* decimals= */ 4),
                  settings.epsilon(),
                  String.format(Locale.ROOT, "%.3f", losses.latest().loss()),
                  losses.releases()));
    }
  }

  private DemoSummary summary(DemoSummary.Run run, DemoWorld world, LossTracker losses)
      throws IOException {
    var heldOut = new DemoSummary.HeldOut(losses.base().loss(), losses.latest().loss());
    if (world.stream().isEmpty() || losses.releases() == 0) {
      return new DemoSummary(run, heldOut, Optional.empty(), Optional.empty());
    }
    TrendProbe trend = TrendProbe.ofDemo(settings.seed() + 2, 200);
    MemorizationProbe secrets =
        MemorizationProbe.ofDemo(world.stream().get(), settings.seed() + 3, 400);
    try (LossTracker.AdaptedScore adapted = losses.adaptedScore()) {
      return new DemoSummary(
          run,
          heldOut,
          Optional.of(trend.compare(losses.baseScore(), adapted)),
          Optional.of(secrets.compare(losses.baseScore(), adapted)));
    }
  }

  static void createTopics(EmbeddedKafka kafka, IoConfig.Topics topics)
      throws InterruptedException {
    kafka.createTopic(topics.interactions(), 4, Map.of());
    kafka.createTopic(topics.deadLetters(), 1, Map.of());
    kafka.createTopic(topics.releases(), 1, Map.of("retention.ms", "-1"));
  }

  private void complain(String complaint) {
    LOG.warn("{}", complaint);
    say("  " + complaint);
  }

  private void say(String line) {
    out.println(line);
    out.flush();
  }

  static void deleteRecursively(Path directory) throws IOException {
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
