package io.murmuration.demo;

import io.murmuration.config.IoConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.contribution.ContributionBounds;
import io.murmuration.event.InteractionProducer;
import io.murmuration.privacy.budget.BudgetObservers;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.terminal.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The whole pipeline in one process where the budget is each user's: people come and go for several
 * lifetimes, one topic trends after the other, and training never halts; the demo ends it after so
 * many rounds. What the model learned of each topic is measured from outside, and that nobody took
 * part for longer than a lifetime is audited from inside.
 */
public final class LifetimeRun {

  private static final Duration POLL = Duration.ofMillis(200);

  /** Public sentences about each topic that losses are measured on. */
  private static final int SENTENCES = 100;

  private static final int KEY_BYTES = 32;

  private final DemoSettings settings;
  private final PrintWriter out;
  private final boolean terminal;

  /**
   * A run.
   *
   * @param settings with a lifetime, and a generated stream
   * @param out where progress goes
   * @param terminal whether {@code out} understands a carriage return
   */
  public LifetimeRun(DemoSettings settings, PrintWriter out, boolean terminal) {
    if (settings.lifetime() == null || settings.events() != null) {
      throw new IllegalArgumentException(
          "a run of lifetimes needs how many rounds one has, and generates its stream");
    }
    this.settings = settings;
    this.out = out;
    this.terminal = terminal;
  }

  /** Runs until so many rounds are granted; then stops the job so that releases are visible. */
  public LifetimeSummary run() throws Exception {
    try (SampleTrace trace = SampleTrace.of(settings.domain())) {
      return run(trace);
    }
  }

  private LifetimeSummary run(SampleTrace trace) throws Exception {
    long start = System.nanoTime();
    Files.createDirectories(settings.out());
    keyOfIds();
    Path model =
        settings.model() != null
            ? settings.model()
            : DemoModel.unpack(settings.out().resolve("base-model"));
    ContributionBounds bounds = DemoCluster.bounds(settings);
    LifetimeStream stream =
        LifetimeStream.generate(
            settings.seed(),
            settings.rounds(),
            settings.lifetime(),
            bounds.windowTicks() * bounds.windows(),
            (int) Math.round(settings.expectedCohort() / settings.samplingProbability()));
    say(
        "Stream    %,d generated events of %,d people who come and go, or fall silent for a while; %d topics trend in turn"
            .formatted(stream.events().size(), stream.people(), stream.trends().size()));
    say(
        "Windows   what somebody says is kept for %d to %d ticks"
            .formatted(
                bounds.windowTicks() * (bounds.windows() - 1) + 1,
                bounds.windowTicks() * bounds.windows()));
    say("Model     " + model);
    Path brokerFiles = settings.out().resolve("kafka");
    DemoRun.deleteRecursively(brokerFiles);
    RoundPace clock = new RoundPace(stream::until);
    BudgetWatch watch =
        new BudgetWatch(
            grant -> {
              trace.granted(grant.round(), grant.tick());
              clock.granted();
            });
    try (EmbeddedKafka kafka = EmbeddedKafka.start(brokerFiles, EmbeddedKafka.ANY_PORT);
        BudgetObservers.Registration observation =
            BudgetObservers.observe(settings.domain(), watch)) {
      MurmurationConfig config =
          DemoCluster.configuration(
              settings,
              RoundSchedule.interval(
                  settings,
                  DemoCluster.configuration(
                          settings,
                          RoundSchedule.ANY,
                          model,
                          kafka.bootstrapServers(),
                          /* startFrom= */ Optional.empty())
                      .training()),
              model,
              kafka.bootstrapServers(),
              /* startFrom= */ Optional.empty());
      IoConfig.Topics topics = config.io().topics();
      DemoRun.createTopics(kafka, topics);
      say("Kafka     " + kafka.bootstrapServers());
      say("Rounds    one every " + RoundSchedule.seconds(config.privacy().roundInterval()));
      long fed;
      try (BackgroundFeed feed =
              BackgroundFeed.start(
                  stream.events().stream().map(SyntheticEvent::toInteraction).iterator(),
                  new InteractionProducer(
                      kafka.bootstrapServers(),
                      topics.interactions(),
                      Map.of(),
                      InteractionProducer.UNLIMITED),
                  clock);
          DemoCluster cluster = DemoCluster.start(settings, config)) {
        say("Web UI    http://localhost:" + cluster.webPort());
        say("Releases  " + settings.releases());
        say("Ledger    " + settings.ledger());
        say("");
        watchUntilDone(cluster, watch, feed);
        fed = feed.sent();
        feed.close();
        cluster.stop();
      }
      Grant last = watch.lastGrant();
      if (last == null || last.horizon() == null) {
        throw new IllegalStateException(
            "not one round was granted that counts in lifetimes: "
                + (watch.halt() == null ? "see the log" : watch.halt().text()));
      }
      say("Measuring what was learned ...");
      try (TopicLosses losses =
          new TopicLosses(
              model, DirectoryModelStore.reading(settings.releases()), settings.maxTokens())) {
        LifetimeSummary.Run run =
            new LifetimeSummary.Run(
                last.round(),
                watch.halt() == null ? null : watch.halt().text(),
                last.horizon(),
                last.epsilonSpent(),
                settings.epsilon(),
                settings.delta(),
                losses.releases(),
                fed,
                stream.people(),
                Duration.ofNanos(System.nanoTime() - start),
                settings.releases());
        return new LifetimeSummary(
            run, topics(losses, stream), trace.compare(last.horizon().rounds(), bounds));
      }
    }
  }

  private List<LifetimeSummary.Topic> topics(TopicLosses losses, LifetimeStream stream)
      throws IOException {
    PublicChat text = new PublicChat();
    List<LifetimeSummary.Topic> topics = new ArrayList<>();
    for (int i = 0; i < stream.trends().size(); i++) {
      String trend = stream.trends().get(i);
      topics.add(
          losses.compare(
              PublicChat.nameOf(trend),
              text.heldOut(trend, settings.seed() + 1, SENTENCES),
              stream.begin(i),
              stream.begin(i + 1) - 1));
    }
    return topics;
  }

  private void watchUntilDone(DemoCluster cluster, BudgetWatch watch, BackgroundFeed feed)
      throws Exception {
    try (Progress progress = Progress.of("Rounds", settings.rounds(), out, terminal)) {
      while (watch.halt() == null && watch.lastRound() < settings.rounds()) {
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        feed.check();
        cluster.failIfEnded();
        Grant grant = watch.lastGrant();
        if (watch.waitingFor() != null) {
          progress.note("waiting for the ledger: " + watch.waitingFor());
        } else if (grant != null) {
          progress.stepTo(Math.min(grant.round(), settings.rounds()));
          progress.note(
              "epsilon of a user at most %.4f of %s"
                  .formatted(grant.epsilonSpent(), settings.epsilon()));
        }
      }
    }
  }

  /** The key under which users are counted is made once, and kept beside the ledger. */
  private void keyOfIds() throws IOException {
    if (!Files.exists(settings.idKeyFile())) {
      Files.createDirectories(settings.idKeyFile().getParent());
      byte[] key = new byte[KEY_BYTES];
      new SecureRandom().nextBytes(key);
      Files.write(settings.idKeyFile(), key);
    }
  }

  private void say(String line) {
    out.println(line);
    out.flush();
  }
}
