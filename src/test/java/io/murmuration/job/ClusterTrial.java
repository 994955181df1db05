package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.murmuration.demo.HeldOutUsers;
import io.murmuration.event.EventsByUser;
import io.murmuration.event.InteractionProducer;
import io.murmuration.event.avro.Interaction;
import io.murmuration.model.AdaptedModel;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.ReleaseCatalog;
import io.murmuration.release.RoundAccount;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * {@code scripts/try-cluster}: a standalone cluster of three task managers trains a public chat
 * log, with one worker, with two, with one again, and with one, two and three in turn by
 * savepoints, where one of two is killed in mid-round. Prints what each cost and what it came to.
 *
 * <p>The two runs with one worker differ by sampling and noise alone: what they differ by is what
 * the others may differ by.
 */
public final class ClusterTrial {

  private static final String ONE = "one";
  private static final String TWO = "two";
  private static final String AGAIN = "again";
  private static final String RESCALED = "rescaled";

  private static final int TASK_MANAGERS = 3;
  private static final int SLOTS = 2;
  private static final int COHORT = Integer.getInteger("trial.cohort", 1024);
  private static final int ROUNDS = Integer.getInteger("trial.rounds", 30);
  private static final int HELD_OUT_USERS = 2_000;
  private static final int HELD_OUT_MESSAGES = 1_000;

  /** So that all are read before the first round is charged. */
  private static final int MESSAGES_PER_USER = 4;

  private static final int MAX_TOKENS = 64;

  /** A round takes about a second here: it is killed when it has begun, and long before its end. */
  private static final int MILLIS_INTO_A_ROUND = 200;

  private final ScriptedCluster cluster;
  private final Path model;
  private final int users;
  private final List<String> heldOut = new ArrayList<>();
  private final long start = System.nanoTime();

  private ClusterTrial(ScriptedCluster cluster, Path model, Path events) throws Exception {
    this.cluster = cluster;
    this.model = model;
    Map<String, List<Interaction>> all =
        new TreeMap<>(EventsByUser.read(events, /* bots= */ false));
    Set<String> out = HeldOutUsers.lowest(all.keySet(), HELD_OUT_USERS);
    for (String user : out) {
      heldOut.add(all.remove(user).get(0).getText());
    }
    users = all.size();
    cluster.start(
        TASK_MANAGERS,
        SLOTS,
        "-Dexternal-resources=gradient-worker",
        "-Dexternal-resource.gradient-worker.amount=1",
        "-Dmetrics.fetcher.update-interval=100");
    for (String domain : List.of(ONE, TWO, AGAIN, RESCALED)) {
      cluster.script("kafka", "topics", "--domain", domain, "--partitions", "4");
    }
    long sent = 0;
    try (InteractionProducer producer =
        new InteractionProducer(
            cluster.bootstrapServers(), "interactions", Map.of(), InteractionProducer.UNLIMITED)) {
      for (List<Interaction> of : all.values()) {
        for (Interaction said : of.subList(0, Math.min(MESSAGES_PER_USER, of.size()))) {
          producer.send(said);
          sent++;
        }
      }
    }
    log("%d task managers, %,d messages of %,d people", TASK_MANAGERS, sent, users);
  }

  /**
   * What a run came to.
   *
   * @param workers of gradients, in words
   * @param loss of held-out messages, in nats a token
   */
  private record Outcome(
      String workers, double epsilon, RoundAccount rounds, double loss, double seconds) {

    String row() {
      RoundAccount.Releases releases = rounds.releases().orElseThrow();
      return String.format(
          Locale.ROOT,
          "| %s | %.4f | %d | %d | %s | %.3f | %.0f s |",
          workers,
          epsilon,
          rounds.charged(),
          releases.published(),
          releases.lost().isEmpty() ? "none" : releases.lost(),
          loss,
          seconds);
    }
  }

  /**
   * Arguments: the directory of data and models beside the checkout, and one to work in, which must
   * be empty.
   */
  public static void main(String[] args) throws Exception {
    Path shared = Path.of(args[0]).toAbsolutePath();
    Path directory = Path.of(args[1]).toAbsolutePath();
    ScriptedCluster cluster = new ScriptedCluster(directory, directory.resolve("plugins"));
    try {
      new ClusterTrial(
              cluster,
              shared.resolve("models/stories260K"),
              shared.resolve("data/ubuntu-irc.jsonl.gz"))
          .run();
    } finally {
      cluster.stop();
    }
  }

  private void run() throws Exception {
    List<Outcome> outcomes =
        List.of(straight(ONE, 1), straight(TWO, 2), straight(AGAIN, 1), rescaled());
    System.out.printf(
        Locale.ROOT, "held-out loss of the model before: %.3f%n%n", loss(Optional.empty()));
    System.out.println("| workers | ε | charged | published | lost | loss | time |");
    System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
    outcomes.forEach(outcome -> System.out.println(outcome.row()));
    System.out.printf("%nin all %d s%n", seconds());
  }

  /** All rounds with so many workers. */
  private Outcome straight(String domain, int workers) throws Exception {
    Path config = configure(domain);
    long began = System.nanoTime();
    String job = submit(config, Optional.empty(), workers);
    awaitHalt(job);
    cluster.stopWithSavepoint(job);
    return outcome(domain, Integer.toString(workers), began);
  }

  /** A third of the rounds each with one, two and three workers; one of the two is killed. */
  private Outcome rescaled() throws Exception {
    Path config = configure(RESCALED);
    long began = System.nanoTime();
    String job = submit(config, Optional.empty(), 1);
    cluster.awaitRound(job, ROUNDS / 3);
    String savepoint = cluster.stopWithSavepoint(job);
    job = submit(config, Optional.of(savepoint), 2);
    cluster.awaitRound(job, ROUNDS / 2);
    kill(job);
    cluster.awaitRound(job, 2 * ROUNDS / 3);
    savepoint = cluster.stopWithSavepoint(job);
    job = submit(config, Optional.of(savepoint), 3);
    awaitHalt(job);
    cluster.stopWithSavepoint(job);
    return outcome(RESCALED, "1, 2, 3", began);
  }

  private void kill(String job) throws Exception {
    String victim = cluster.placesOf(job, "gradients").get(1);
    int number = cluster.numberOf(victim);
    await()
        .atMost(ScriptedCluster.PATIENCE)
        .pollInterval(Duration.ofMillis(50))
        .untilAsserted(
            () ->
                assertThat(cluster.metric(job, "privacy budget", "roundInFlightMillis"))
                    .isGreaterThan(MILLIS_INTO_A_ROUND));
    long round = (long) cluster.metric(job, "privacy budget", "round");
    cluster.script("cluster", "taskmanager", "kill", Integer.toString(number));
    log("task manager %d, of the second of two workers, killed in round %d", number, round);
    cluster.script("cluster", "taskmanager", "add");
    long killed = System.nanoTime();
    cluster.awaitRound(job, round + 1);
    log("the next round was charged %d s later", (System.nanoTime() - killed) / 1_000_000_000);
  }

  private Path configure(String domain) throws IOException {
    return cluster.writeConfig(
        domain,
        Map.of(
            "privacy.noise-multiplier", "1",
            "privacy.sampling-probability", Double.toString((double) COHORT / users),
            "privacy.expected-units", Integer.toString(COHORT),
            "privacy.rounds", Integer.toString(ROUNDS),
            "privacy.round-interval", "500 ms",
            "training.model", model.toString(),
            "training.max-tokens", Integer.toString(MAX_TOKENS)));
  }

  private String submit(Path config, Optional<String> savepoint, int workers) throws Exception {
    String job =
        cluster.submit(
            config,
            savepoint,
            "job.parallelism=" + TASK_MANAGERS,
            "training.parallelism=" + workers,
            "training.slot-sharing-group=gradients",
            "placement.worker-resource=gradient-worker",
            "placement.worker-heap=64 mb",
            "placement.worker-off-heap=512 mb",
            "placement.ingest-heap=64 mb",
            "placement.ingest-managed=160 mb");
    cluster.awaitRound(job, 1);
    List<Integer> places = new ArrayList<>();
    for (String place : cluster.placesOf(job, "gradients")) {
      places.add(cluster.numberOf(place));
    }
    assertThat(places).hasSize(workers).doesNotHaveDuplicates();
    log("%s: %d workers, on task managers %s", config.getFileName(), workers, places);
    return job;
  }

  private void awaitHalt(String job) {
    await()
        .atMost(ScriptedCluster.PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(
            () -> {
              assertThat(cluster.state(job)).isEqualTo("RUNNING");
              assertThat(cluster.metric(job, "privacy budget", "halted")).isEqualTo(1);
            });
  }

  private Outcome outcome(String domain, String workers, long began) throws Exception {
    double seconds = (System.nanoTime() - began) / 1e9;
    ReleaseCatalog catalog =
        new ReleaseCatalog(DirectoryModelStore.reading(cluster.releases(domain)));
    String last = catalog.names().get(catalog.names().size() - 1);
    Outcome outcome =
        new Outcome(
            workers,
            catalog.manifest(last).epsilonSpent(),
            RoundAccount.of(cluster.ledger(domain), domain, catalog),
            loss(Optional.of(cluster.releases(domain).resolve(last))),
            seconds);
    log("%s", outcome.row());
    return outcome;
  }

  private double loss(Optional<Path> adapter) throws IOException {
    try (AdaptedModel adapted = AdaptedModel.load(model, adapter)) {
      return adapted
          .evaluate(heldOut.subList(0, HELD_OUT_MESSAGES), Integer.MAX_VALUE)
          .nllPerToken();
    }
  }

  private long seconds() {
    return (System.nanoTime() - start) / 1_000_000_000;
  }

  private void log(String format, Object... values) {
    System.out.printf(
        Locale.ROOT, "%4d s  %s%n", seconds(), String.format(Locale.ROOT, format, values));
  }
}
