package io.murmuration.chaos;

import static org.awaitility.Awaitility.await;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.job.MurmurationJob;
import io.murmuration.privacy.budget.DurabilityTerms;
import io.murmuration.release.DirectoryModelStore;
import io.murmuration.release.PublishSink;
import io.murmuration.training.TrainOperator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/**
 * One run: cycles of a storm of kills and then every kind of restore, until the time is up; then an
 * audit.
 *
 * <p>A cycle: an old savepoint is taken; task managers, broker and job manager are killed and the
 * model store is taken away, at random moments; the job goes on from its last checkpoint each time,
 * with another parallelism or the same. Then it is cancelled and restored from the old savepoint;
 * while that runs, a second job starts from the same savepoint; while that runs, a third starts
 * without any; and at last the second is taken up again from its last checkpoint. Progress is
 * awaited after each: what does not come back fails the run.
 *
 * <p>Where users have lifetimes the first cycle is of the second generation, which begins from the
 * first's state. At the end of a cycle a start without state and one from the first generation's
 * are refused; then the third generation begins without state, and once there is no other the
 * second job is taken up again.
 */
final class ChaosRun implements AutoCloseable {

  static final String DOMAIN = "chaos";
  static final double EPSILON = 8;
  static final double DELTA = 1e-6;

  /** Keeps every event of a run in its user's pool, so that a savepoint counts them. */
  static final ContributionBounds KEEP_ALL =
      new ContributionBounds(1L << 30, /* examplesPerWindow= */ 32_767, /* windows= */ 1);

  private static final int TASK_MANAGERS = 3;
  private static final int PARTITIONS = 3;
  private static final int USERS = 200;
  private static final double EVENTS_PER_SECOND = 150;
  private static final int KILLS_PER_STORM = 20;
  private static final int DISCOVERY_MILLIS = 5_000;

  /** Of one exchange with the broker, so that looking for partitions fails within seconds. */
  private static final int KAFKA_TIMEOUT_MILLIS = 8_000;

  /** Long for a machine that does other things too; only a run that fails waits for so long. */
  static final Duration PATIENCE = Duration.ofMinutes(6);

  /** By then the source has asked for partitions in vain, be the machine as busy as it may. */
  private static final Duration LONG_OUTAGE = Duration.ofMinutes(2);

  private static final Pattern CHECKPOINT = Pattern.compile("chk-(\\d+)");

  /** What can happen at any moment. */
  private enum Trouble {
    TASK_MANAGER_KILLED,
    /** The second time while the job is restored, or has just begun to charge. */
    TASK_MANAGER_KILLED_TWICE,
    JOB_MANAGER_KILLED,
    BROKER_KILLED,
    /** Until the source has failed for want of it. */
    BROKER_AWAY,
    EVERYTHING_KILLED,
    MODEL_STORE_GONE,
    /** No checkpoint completes for a while, then a task manager dies. */
    CHECKPOINT_STORAGE_GONE
  }

  /** What is found where the model store was. */
  private enum Instead {
    NOTHING,
    EMPTY_MOUNT_POINT,
    FILE
  }

  private final ChaosOptions options;
  private final Consumer<String> out;
  private final Random random;
  private final Path directory;
  private final int brokerPort;
  private final JvmProcess broker;
  private final FlinkProcesses cluster;
  private final Path jar;

  /** Null where the budget is the domain's. */
  private final Lifetimes lifetimes;

  private final Traffic traffic;
  private final ReleaseWatch watch;
  private final Instant start = Instant.now();
  private int submissions;
  private final Set<String> abandoned = new HashSet<>();
  private int generation = 1;

  /** Null before the second begins. */
  private String stateOfFirstGeneration;

  /** The consumer group of the jobs that go on from each other. */
  private String group = DOMAIN;

  private int troubles;
  private int kills;

  ChaosRun(ChaosOptions options, Consumer<String> out) throws Exception {
    this.options = options;
    this.out = out;
    this.random = new Random(options.seed());
    this.directory = Files.createDirectories(options.directory()).toAbsolutePath();
    int[] ports = ports(options.firstPort());
    brokerPort = ports[0];
    Path brokerDirectory = Files.createDirectories(directory.resolve("broker"));
    broker =
        new JvmProcess(
            "broker",
            directory,
            JvmProcess.classPath(/* classes= */ true),
            List.of("-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            List.of(
                BrokerProcess.class.getName(),
                brokerDirectory.toString(),
                String.valueOf(brokerPort)));
    cluster = new FlinkProcesses(directory.resolve("flink"), TASK_MANAGERS, ports[1], ports[2]);
    lifetimes = options.horizon() == null ? null : new Lifetimes(directory, options.horizon());
    Path file = directory.resolve("job.jar");
    jar =
        lifetimes == null
            ? FlinkProcesses.jobJar(file, MurmurationJob.class)
            : FlinkProcesses.jobJar(file, MurmurationJob.class, TracedJob.class, SampleTrace.class);
    DemoModel.unpack(directory.resolve("base-model"));
    traffic =
        new Traffic(
            bootstrapServers(),
            "interactions",
            PARTITIONS,
            lifetimes == null ? EVENTS_PER_SECOND : lifetimes.eventsPerSecond(),
            lifetimes == null ? ChaosRun::act : lifetimes::act,
            this::log);
    Files.createDirectories(releases());
    watch = new ReleaseWatch(releases());
  }

  private static int[] ports(int first) {
    return first != 0
        ? new int[] {first, first + 1, first + 2}
        : IntStream.generate(EmbeddedKafka::freePort).limit(3).toArray();
  }

  private static Traffic.Act act(long event) {
    // unevenly: squares modulo a prime
    return new Traffic.Act("user-" + (event * event) % 997 % USERS, /* erases= */ false);
  }

  String bootstrapServers() {
    return "127.0.0.1:" + brokerPort;
  }

  private Path releases() {
    return directory.resolve("releases");
  }

  /** Runs to the end and audits. */
  ChaosAudit.Result run() throws Exception {
    // its clients complain twice a second while the broker is away, as it is meant to be
    Configurator.setLevel("org.apache.kafka", Level.ERROR);
    startBroker();
    cluster.start();
    createTopics();
    traffic.start();
    watch.start();
    try {
      Lineage job = submit("first", Optional.empty());
      awaitProgress(job, 2 + calm());
      if (!options.brokerAway().isZero()) {
        stayWithoutBroker(job);
      }
      job = lifetimes == null ? job : succeed(job);
      Instant end = start.plus(options.duration());
      do {
        job = cycle(job);
      } while (Instant.now().isBefore(end) || kills < options.kills());
      return finish(job);
    } catch (Exception | AssertionError e) {
      out.accept(broker.lastLines(/* lines= */ 15) + cluster.logs(/* lines= */ 15));
      throw e;
    }
  }

  private Lineage cycle(Lineage job) throws Exception {
    String old = savepoint(job);
    Lineage running = storm(job);
    abandon(running);
    log("restore from the old savepoint");
    Lineage rolledBack = submit("rolled back", Optional.of(old));
    awaitProgress(rolledBack, 1 + calm());
    log("a second job from the same savepoint");
    Lineage forked = submit("forked", Optional.of(old));
    awaitProgress(forked, 1 + calm());
    awaitHaltOf(rolledBack);
    abandon(rolledBack);
    return lifetimes == null ? startAnew(forked) : refuse(forked);
  }

  /** Starts without state, and then goes on with what that fenced. */
  private Lineage startAnew(Lineage forked) throws Exception {
    log("a job without savepoint");
    Lineage fresh = submit("fresh", Optional.empty());
    awaitProgress(fresh, 1);
    awaitHaltOf(forked);
    cancel(forked);
    log("the second job again, from its last checkpoint");
    Lineage resumed = submit("resumed", Optional.of(lastCheckpoint(forked)));
    awaitProgress(resumed, 1);
    abandon(fresh);
    return resumed;
  }

  /** Begins the second generation from the first's state. */
  private Lineage succeed(Lineage first) throws Exception {
    stateOfFirstGeneration = savepoint(first);
    cancel(first);
    log("another generation, from the last checkpoint");
    Lineage second = submitNextGeneration(Optional.of(lastCheckpoint(first)));
    awaitProgress(second, 1 + calm());
    return second;
  }

  /**
   * Starts as nobody may who counts lifetimes. Then another generation begins without state; where
   * none is left, the job goes on that these starts fenced.
   */
  private Lineage refuse(Lineage forked) throws Exception {
    log("a job without savepoint, which must be refused");
    awaitRefusal(submit("fresh", Optional.empty()), "the sampler has no state");
    log("a job from a savepoint of another generation, which must be refused");
    awaitRefusal(
        submit("outdated", Optional.of(stateOfFirstGeneration)),
        "the state knows no round of generation " + generation);
    cancel(forked);
    Lineage next;
    if (generation < Lifetimes.GENERATIONS) {
      log("another generation, without savepoint");
      abandoned.add(forked.jobId());
      next = submitNextGeneration(Optional.empty());
    } else {
      log("the job that they fenced again, from its last checkpoint");
      next = submit("resumed", Optional.of(lastCheckpoint(forked)));
    }
    awaitProgress(next, 1 + calm());
    return next;
  }

  private void awaitRefusal(Lineage refused, String reason) throws Exception {
    eventually("'%s' fails".formatted(refused.name()), () -> status(refused).equals("FAILED"));
    String failures = cluster.rest().failures(refused.jobId());
    if (!failures.contains(reason)) {
      throw new AssertionError(
          "'%s' must fail since %s but failed with %s".formatted(refused.name(), reason, failures));
    }
  }

  /** Rounds without trouble, in which people come to the end of a lifetime. */
  private int calm() {
    return lifetimes == null ? 0 : 2 * (int) Lifetimes.ROUNDS;
  }

  /** Nobody goes on from where it ends. */
  private void abandon(Lineage job) throws Exception {
    cancel(job);
    abandoned.add(job.jobId());
  }

  // ---- trouble ----

  /** Every kind of trouble once, and then again while this storm's share of the kills is open. */
  private Lineage storm(Lineage first) throws Exception {
    Lineage job = first;
    int enough = Math.min(options.kills(), kills + KILLS_PER_STORM);
    do {
      List<Trouble> shuffled = new ArrayList<>(List.of(Trouble.values()));
      Collections.shuffle(shuffled, random);
      for (Trouble trouble : shuffled) {
        pause(500, 4_000);
        log("trouble: " + trouble);
        troubles++;
        job = bring(trouble, job);
        awaitProgress(job, 1);
      }
    } while (kills < enough);
    return job;
  }

  /** Returns the job that goes on. */
  private Lineage bring(Trouble trouble, Lineage job) throws Exception {
    switch (trouble) {
      case TASK_MANAGER_KILLED -> killTaskManager();
      case TASK_MANAGER_KILLED_TWICE -> killTaskManagerTwice(job);
      case BROKER_KILLED -> killBroker(500, 5_000);
      case BROKER_AWAY -> {
        long before = restarts(job);
        kills++;
        broker.kill();
        eventually("the source fails for want of its broker", () -> restarts(job) > before);
        pause(500, 5_000);
        startBroker();
      }
      case CHECKPOINT_STORAGE_GONE -> hideCheckpointStorage();
      case MODEL_STORE_GONE -> hideModelStore(job);
      case JOB_MANAGER_KILLED -> {
        kills++;
        cluster.jobManager().kill();
        return resume(job);
      }
      case EVERYTHING_KILLED -> {
        kills++;
        broker.kill();
        cluster.close();
        startBroker();
        for (JvmProcess taskManager : cluster.taskManagers()) {
          taskManager.start();
        }
        return resume(job);
      }
    }
    return job;
  }

  private void killTaskManager() throws Exception {
    kill(cluster.taskManagers().get(random.nextInt(cluster.taskManagers().size())));
  }

  private void kill(JvmProcess victim) throws Exception {
    kills++;
    victim.kill();
    pause(500, 3_000);
    victim.start();
    cluster.awaitTaskManagers();
  }

  private void killTaskManagerTwice(Lineage job) throws Exception {
    long before = cluster.rest().restarts(job.jobId());
    // a job that fits one task manager does not notice the death of the other
    kill(cluster.taskManagerOf(job.jobId()));
    eventually(
        "'%s' runs again".formatted(job.name()),
        () -> restarts(job) > before && status(job).equals("RUNNING"));
    pause(0, 4_000);
    killTaskManager();
  }

  /** The job restarts again and again meanwhile, and then goes on by itself. */
  private void stayWithoutBroker(Lineage job) throws Exception {
    log("the broker goes away for %d s".formatted(options.brokerAway().toSeconds()));
    long before = restarts(job);
    kills++;
    broker.kill();
    Thread.sleep(options.brokerAway().toMillis());
    long restarts = restarts(job) - before;
    log(
        "the broker comes back; meanwhile the job restarted %d times and is %s"
            .formatted(restarts, status(job)));
    if (restarts == 0 && options.brokerAway().compareTo(LONG_OUTAGE) > 0) {
      throw new AssertionError("so long an outage must have failed the source, but did not");
    }
    startBroker();
    awaitProgress(job, 2);
    log("'%s' goes on by itself".formatted(job.name()));
  }

  private void killBroker(int leastMillis, int mostMillis) throws Exception {
    kills++;
    broker.kill();
    pause(leastMillis, mostMillis);
    startBroker();
  }

  private void hideCheckpointStorage() throws Exception {
    Path hidden = directory.resolve("checkpoints-away");
    Files.move(cluster.checkpoints(), hidden);
    Files.createFile(cluster.checkpoints());
    pause(3_000, 8_000);
    JvmProcess victim = cluster.taskManagers().get(random.nextInt(cluster.taskManagers().size()));
    kills++;
    victim.kill();
    Files.delete(cluster.checkpoints());
    Files.move(hidden, cluster.checkpoints());
    victim.start();
    cluster.awaitTaskManagers();
  }

  /**
   * Fails the tasks and not their processes: the next attempt meets the same JVMs. Waits for a
   * release before, since a job that has not opened its ledger yet does not fail without its store:
   * it charges nothing, says so, and tries again.
   */
  private void hideModelStore(Lineage job) throws Exception {
    awaitProgress(job, 1);
    long before = cluster.rest().restarts(job.jobId());
    Path hidden = directory.resolve("releases-away");
    Instead instead = Instead.values()[random.nextInt(Instead.values().length)];
    log("in place of the model store: " + instead);
    watch.pause();
    Files.move(releases(), hidden);
    switch (instead) {
      case NOTHING -> {}
      case EMPTY_MOUNT_POINT -> Files.createDirectory(releases());
      case FILE -> Files.createFile(releases());
    }
    eventually("the job fails for want of its model store", () -> restarts(job) > before);
    if (instead != Instead.NOTHING) {
      Files.delete(releases()); // only succeeds if nothing was written there
    }
    Files.move(hidden, releases());
    watch.proceed();
    if (!cluster.taskManagers().stream().allMatch(JvmProcess::isAlive)) {
      throw new AssertionError("tasks failed, and a task manager with them");
    }
  }

  private long restarts(Lineage job) throws Exception {
    return cluster.rest().restarts(job.jobId());
  }

  /** After the job manager died: a new one knows no jobs. */
  private Lineage resume(Lineage job) throws Exception {
    pause(500, 3_000);
    cluster.jobManager().start();
    cluster.awaitTaskManagers();
    return submit("resumed", Optional.of(lastCheckpoint(job)));
  }

  private void pause(int leastMillis, int mostMillis) throws InterruptedException {
    Thread.sleep(leastMillis + random.nextInt(mostMillis - leastMillis));
  }

  private void startBroker() throws IOException {
    broker.start();
    await("the broker listens")
        .atMost(PATIENCE)
        .failFast("the broker ended by itself; see its log", () -> !broker.isAlive())
        .until(
            () -> {
              try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), brokerPort)) {
                return socket.isConnected();
              } catch (IOException e) {
                return false;
              }
            });
  }

  // ---- jobs ----

  private Lineage submitNextGeneration(Optional<String> from) throws Exception {
    generation++;
    group = from.isPresent() ? group : groupOfItsOwn();
    return submit(
        "generation " + generation,
        from,
        group,
        Map.of("horizon.new-generation", String.valueOf(generation)));
  }

  private Lineage submit(String name, Optional<String> from) throws Exception {
    // a fresh start reads everything again: it belongs to nobody's group
    return submit(
        name,
        from,
        from.isPresent() || submissions == 0 ? group : groupOfItsOwn(),
        /* more= */ Map.of());
  }

  private String groupOfItsOwn() {
    return DOMAIN + "-" + submissions;
  }

  private Lineage submit(
      String name, Optional<String> from, String consumerGroup, Map<String, String> more)
      throws Exception {
    submissions++;
    int parallelism = 1 + random.nextInt(FlinkProcesses.SLOTS);
    int workers = 1 + random.nextInt(TASK_MANAGERS);
    Map<String, String> settings =
        Map.ofEntries(
            Map.entry("privacy.domain", DOMAIN),
            Map.entry("privacy.epsilon", String.valueOf(EPSILON)),
            Map.entry("privacy.delta", String.valueOf(DELTA)),
            Map.entry("privacy.sampling-probability", "0.05"),
            Map.entry("privacy.expected-units", "10"),
            Map.entry("privacy.noise-multiplier", "2"),
            Map.entry("privacy.round-interval", "500 ms"),
            Map.entry("contribution.window-ticks", String.valueOf(KEEP_ALL.windowTicks())),
            Map.entry(
                "contribution.examples-per-window", String.valueOf(KEEP_ALL.examplesPerWindow())),
            Map.entry("contribution.windows", String.valueOf(KEEP_ALL.windows())),
            Map.entry("training.model", directory.resolve("base-model").toString()),
            Map.entry("kafka.bootstrap-servers", bootstrapServers()),
            Map.entry("kafka.group-id", consumerGroup),
            Map.entry(
                "kafka.properties.partition.discovery.interval.ms",
                String.valueOf(DISCOVERY_MILLIS)),
            Map.entry(
                "kafka.properties.default.api.timeout.ms", String.valueOf(KAFKA_TIMEOUT_MILLIS)),
            Map.entry(
                "kafka.properties.request.timeout.ms", String.valueOf(KAFKA_TIMEOUT_MILLIS / 2)),
            Map.entry(
                "privacy.max-undurable-rounds",
                String.valueOf(DurabilityTerms.DEFAULT_MAX_UNDURABLE_ROUNDS)),
            Map.entry("kafka.topics.replication-factor", "1"),
            Map.entry("releases.directory", releases().toString()),
            Map.entry("job.checkpoint-interval", "1 s"),
            Map.entry("training.parallelism", String.valueOf(workers)),
            Map.entry("job.parallelism", String.valueOf(parallelism)));
    List<String> arguments = new ArrayList<>();
    Class<?> main = MurmurationJob.class;
    if (lifetimes != null) {
      main = TracedJob.class;
      arguments.add(lifetimes.trace().toString());
    }
    settings.forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
    if (lifetimes != null) {
      // of two values of a setting the later counts
      lifetimes
          .settings()
          .forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
    }
    more.forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
    FlinkRest rest = cluster.rest();
    String uploaded = rest.upload(jar);
    String id = rest.run(uploaded, main.getName(), arguments, from);
    Lineage job = new Lineage(name, id, from);
    log(
        "submitted '%s' as %s with parallelism %d and %d workers from %s"
            .formatted(name, id, parallelism, workers, from.orElse("nothing")));
    return job;
  }

  /** Waits for new releases, which need all of it: broker, ledger, every operator, the store. */
  private void awaitProgress(Lineage job, int releases) throws Exception {
    int before = published();
    eventually(
        "'%s' publishes again".formatted(job.name()), () -> published() >= before + releases);
  }

  private int published() throws IOException {
    return Files.isDirectory(releases())
        ? DirectoryModelStore.reading(releases()).published().size()
        : 0;
  }

  /** A job that was fenced charges nothing more, but runs on and completes checkpoints. */
  private void awaitHaltOf(Lineage job) throws Exception {
    long before = cluster.rest().completedCheckpoints(job.jobId());
    eventually(
        "'%s', which is fenced, goes on ingesting".formatted(job.name()),
        () -> cluster.rest().completedCheckpoints(job.jobId()) > before);
    if (!cluster.rest().status(job.jobId()).equals(Optional.of("RUNNING"))) {
      throw new AssertionError("a fenced job must run on but is " + status(job));
    }
  }

  private String status(Lineage job) throws InterruptedException {
    return cluster.rest().status(job.jobId()).orElse("unknown");
  }

  private void cancel(Lineage job) throws Exception {
    cluster.rest().cancel(job.jobId());
    eventually("'%s' ends".formatted(job.name()), () -> status(job).equals("CANCELED"));
    log("cancelled '%s'".formatted(job.name()));
  }

  private String savepoint(Lineage job) throws Exception {
    return taken(job, () -> cluster.rest().savepoint(job.jobId(), directory.resolve("savepoints")));
  }

  /**
   * Asks for a savepoint until one is taken: Flink refuses while any task is not running, and a
   * task may restart at any time here.
   */
  private String taken(Lineage job, Callable<String> ask) throws Exception {
    SavepointRequest request =
        new SavepointRequest(
            ask,
            id -> cluster.rest().location(job.jobId(), id),
            refusal -> log("asked again, " + refusal));
    eventually(
        "a savepoint of '%s' is written".formatted(job.name()), () -> request.look().isPresent());
    return request.look().orElseThrow();
  }

  /** The newest retained checkpoint; where the job never came to one, what it started from. */
  private String lastCheckpoint(Lineage job) throws IOException {
    Path of = cluster.checkpoints().resolve(job.jobId());
    if (Files.isDirectory(of)) {
      try (Stream<Path> entries = Files.list(of)) {
        Optional<Path> newest =
            entries
                .filter(path -> Files.exists(path.resolve("_metadata")))
                .max(Comparator.comparingLong(ChaosRun::checkpointNumber));
        if (newest.isPresent()) {
          return newest.get().toString();
        }
      }
    }
    return job.restoredFrom()
        .orElseThrow(() -> new IllegalStateException(job + " has nothing to restore from"));
  }

  private static long checkpointNumber(Path checkpoint) {
    Matcher matcher = CHECKPOINT.matcher(checkpoint.getFileName().toString());
    return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
  }

  private void createTopics() throws Exception {
    List<NewTopic> topics =
        List.of(
            new NewTopic("interactions", PARTITIONS, (short) 1),
            new NewTopic("interactions-dead-letters", 1, (short) 1),
            new NewTopic("releases", 1, (short) 1));
    try (Admin admin = admin()) {
      admin.createTopics(topics).all().get();
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
    }
  }

  private Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", bootstrapServers()));
  }

  // ---- the end ----

  private ChaosAudit.Result finish(Lineage job) throws Exception {
    log("the traffic ends");
    Traffic.Sent sent = traffic.stop();
    eventually("'%s' has read all events".formatted(job.name()), this::everythingIsRead);
    String last =
        taken(job, () -> cluster.rest().stop(job.jobId(), directory.resolve("savepoints")));
    eventually("'%s' ends".formatted(job.name()), () -> status(job).equals("FINISHED"));
    log("the last savepoint is " + last);
    watch.stop();
    ChaosAudit.Result result =
        ChaosAudit.of(
            Evidence.gather(
                bootstrapServers(),
                releases(),
                lifetimes == null ? sent.texts() : lifetimes.named(sent.texts()),
                last,
                lifetimes == null ? KEEP_ALL : lifetimes.bounds(),
                logged(TrainOperator.EXECUTED),
                logged(PublishSink.GIVEN_UP),
                watch.changed(),
                abandoned,
                lifetimes == null ? null : lifetimes.gather(last, sent.erased())),
            lifetimes == null ? EPSILON : lifetimes.epsilon(),
            DELTA,
            DurabilityTerms.DEFAULT_MAX_UNDURABLE_ROUNDS);
    log("%d troubles, %d kills, %d submissions".formatted(troubles, kills, submissions));
    return result;
  }

  /** What follows this text in the logs of the task managers. */
  private List<String> logged(String text) throws IOException {
    List<String> found = new ArrayList<>();
    for (JvmProcess taskManager : cluster.taskManagers()) {
      for (String line : Files.readAllLines(taskManager.log())) {
        int at = line.indexOf(text);
        if (at >= 0) {
          found.add(line.substring(at + text.length()).strip());
        }
      }
    }
    return found;
  }

  /** Flink commits the offsets of completed checkpoints; the job's own come after its start. */
  private boolean everythingIsRead() throws Exception {
    Set<TopicPartition> partitions = new HashSet<>();
    for (int i = 0; i < PARTITIONS; i++) {
      partitions.add(new TopicPartition("interactions", i));
    }
    try (Admin admin = admin()) {
      Map<TopicPartition, OffsetAndMetadata> committed =
          admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
      for (TopicPartition partition : partitions) {
        long end =
            admin
                .listOffsets(Map.of(partition, OffsetSpec.latest()))
                .partitionResult(partition)
                .get()
                .offset();
        OffsetAndMetadata offset = committed.get(partition);
        if (offset == null ? end > 0 : offset.offset() < end) {
          return false;
        }
      }
      return true;
    }
  }

  private void eventually(String what, Callable<Boolean> condition) {
    await(what).atMost(PATIENCE).pollInterval(Duration.ofMillis(250)).until(condition);
  }

  private void log(String what) {
    out.accept("%4d s  %s".formatted(Duration.between(start, Instant.now()).toSeconds(), what));
  }

  @Override
  public void close() throws Exception {
    watch.stop();
    cluster.close();
    broker.close();
    traffic.close();
  }
}
