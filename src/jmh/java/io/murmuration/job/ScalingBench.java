package io.murmuration.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.murmuration.training.RealShape;
import io.murmuration.training.TrainOperator;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Rounds a minute of a standalone cluster of one and of two task managers, each pinned to one core,
 * with a worker on each: the whole job, with broker, ledger, releases and checkpoints.
 *
 * <p>Every user has one text and is sampled in every round, so that all rounds are of the same work
 * in both clusters. Job manager and broker are pinned to nothing: with one task manager they have
 * the other core, with two they take what they need from the workers.
 *
 * <p>Arguments: {@link Shape}s, all without one. {@code bench.users} and {@code bench.rounds}
 * change the cohort and how many rounds are timed, after one that is not.
 */
public final class ScalingBench {

  private static final int WORKERS = 2;
  private static final int[] PREDICTED = {2, 4, 8, 16};
  private static final int WARM_UP_ROUNDS = 1;

  /** The job manager answers on the workers' cores, so that it is not asked often. */
  private static final int POLL_MILLIS = 1000;

  private static final long PATIENCE_SECONDS = 900;

  private static final DateTimeFormatter LOGGED =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss,SSS", Locale.ROOT);

  private static final Pattern EXECUTED =
      Pattern.compile("^(\\S+ \\S+) .*" + TrainOperator.EXECUTED + "(\\d+)/(\\d+)");

  /** A model and a cohort, such that gradients are at least nine tenths of a round. */
  private enum Shape {
    STORIES_15M(RealShape.STORIES_15M, /* users= */ 200, /* tokens= */ 64, /* rounds= */ 4),
    SMOLLM2_135M(RealShape.SMOLLM2_135M, /* users= */ 200, /* tokens= */ 16, /* rounds= */ 3);

    private final RealShape model;
    private final int users;
    private final int tokens;
    private final int rounds;

    Shape(RealShape model, int users, int tokens, int rounds) {
      this.model = model;
      this.users = Integer.getInteger("bench.users", users);
      this.tokens = tokens;
      this.rounds = Integer.getInteger("bench.rounds", rounds);
    }

    private static String user(int i) {
      return "user-" + i;
    }

    /** What of a round's users comes to the worker that has most of them. */
    double largestShare(int workers) {
      UserPartitioner partitioner = new UserPartitioner();
      int[] of = new int[workers];
      IntStream.range(0, users).forEach(i -> of[partitioner.partition(user(i), workers)]++);
      return (double) Arrays.stream(of).max().orElseThrow() / users;
    }

    /** Writes events that are longer than the limit, so that all are cut to the same length. */
    void writeEvents(Path file) throws IOException {
      Random random = new Random(1);
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < users; i++) {
        lines
            .append("{\"user_id\": \"%s\", \"event_time\": ".formatted(user(i)))
            .append("\"2026-01-01T00:00:00Z\", \"text\": \"")
            .append(RealShape.text(random, 6 * tokens).strip())
            .append("\"}\n");
      }
      Files.writeString(file, lines.toString());
    }
  }

  /**
   * What was measured of one cluster.
   *
   * @param roundSeconds from round to round
   * @param gradientSeconds of the busiest worker
   */
  private record Measured(double roundSeconds, double gradientSeconds) {}

  /**
   * Processor time, in seconds: what other programs take is not the cluster's to scale with.
   *
   * @param seconds by the clock
   * @param taskManagers of the cluster
   * @param others of the cluster, and its broker
   * @param all of the machine, by Linux's own count
   */
  private record Processors(double seconds, double taskManagers, double others, double all) {

    /** Hundredths of a second, in which Linux counts. */
    private static final double TICKS_PER_SECOND = 100;

    /** Idle, and waiting for a disk. */
    private static final Set<Integer> AT_REST = Set.of(3, 4);

    static Processors now(Path directory) throws IOException {
      double taskManagers = 0;
      double others = 0;
      try (Stream<Path> files = Files.list(directory.resolve("run"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".pid")).toList()) {
          double spent =
              ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
                  .flatMap(process -> process.info().totalCpuDuration())
                  .map(duration -> duration.toMillis() / 1e3)
                  .orElse(0.0);
          if (file.getFileName().toString().startsWith("taskmanager")) {
            taskManagers += spent;
          } else {
            others += spent;
          }
        }
      }
      String[] counts = Files.readAllLines(Path.of("/proc/stat")).get(0).strip().split(" +");
      double all = 0;
      // guests, the last two, are counted as users too
      for (int i = 0; i < 8; i++) {
        all += AT_REST.contains(i) ? 0 : Long.parseLong(counts[i + 1]) / TICKS_PER_SECOND;
      }
      return new Processors(System.nanoTime() / 1e9, taskManagers, others, all);
    }

    Processors since(Processors before) {
      return new Processors(
          seconds - before.seconds,
          taskManagers - before.taskManagers,
          others - before.others,
          all - before.all);
    }
  }

  private final Path root = Path.of("").toAbsolutePath();
  private final HttpClient http = HttpClient.newHttpClient();
  private final JsonMapper json = new JsonMapper();
  private final Path directory;
  private final int restPort;
  private final int kafkaPort;

  private ScalingBench(Path directory) throws IOException {
    this.directory = directory;
    try (ServerSocket rest = new ServerSocket(0);
        ServerSocket kafka = new ServerSocket(0)) {
      restPort = rest.getLocalPort();
      kafkaPort = kafka.getLocalPort();
    }
  }

  /** Measures both clusters at each shape. */
  public static void main(String[] args) throws Exception {
    if (Runtime.getRuntime().availableProcessors() < WORKERS) {
      throw new IllegalStateException(
          "a core for each of %d task managers is required but there is 1".formatted(WORKERS));
    }
    List<Shape> shapes =
        args.length == 0
            ? List.of(Shape.values())
            : Arrays.stream(args).map(Shape::valueOf).toList();
    Path directory = Files.createTempDirectory("murmuration-scaling");
    ScalingBench bench = new ScalingBench(directory);
    Map<Shape, Double> speedups = new TreeMap<>();
    try {
      bench.start();
      for (Shape shape : shapes) {
        speedups.put(shape, bench.measure(shape));
      }
    } finally {
      bench.stop();
    }
    speedups.forEach((shape, speedup) -> print("speedup of 2 workers %s %.2f", shape, speedup));
    delete(directory);
  }

  private double measure(Shape shape) throws Exception {
    Path model = directory.resolve(shape.name());
    shape.model.write(model);
    Path events = directory.resolve(shape + ".jsonl");
    shape.writeEvents(events);
    Measured one = measure(shape, 1, model, events);
    Measured two = measure(shape, WORKERS, model, events);
    double serial = 1 - one.gradientSeconds() / one.roundSeconds();
    print(
        "%s, %d users × %d tokens, largest share of 2 workers %.3f",
        shape, shape.users, shape.tokens, shape.largestShare(WORKERS));
    print("  serial share with 1 worker: %.3f of a round", serial);
    for (int workers : PREDICTED) {
      print(
          "  predicted speedup of %d workers: %.2f (largest share %.3f)",
          workers, speedup(serial, shape.largestShare(workers)), shape.largestShare(workers));
    }
    double speedup = one.roundSeconds() / two.roundSeconds();
    print("  measured speedup of 2 workers: %.2f", speedup);
    return speedup;
  }

  /** By Amdahl, with the worker that has most of the users as the parallel part. */
  private static double speedup(double serial, double largestShare) {
    return 1 / (serial + (1 - serial) * largestShare);
  }

  private Measured measure(Shape shape, int workers, Path model, Path events) throws Exception {
    String domain = "scaling-" + shape.name().toLowerCase(Locale.ROOT) + "-" + workers;
    Path config = writeConfig(shape, workers, domain, model);
    script("murmuration", "topics", "--config", config.toString(), "--partitions", "2");
    script(
        "murmuration",
        "produce",
        "--bootstrap-servers",
        bootstrapServers(),
        "--topic",
        domain,
        "--events",
        events.toString());
    for (int core = 0; core < workers; core++) {
      run(
          List.of(
              "taskset", "-c", Integer.toString(core), "scripts/cluster", "taskmanager", "add"));
    }
    try {
      String job =
          run(List.of(
                  "scripts/flink",
                  "run",
                  "--detached",
                  script("flink", "jar").strip(),
                  "--config",
                  config.toString()))
              .replaceAll("(?s).*JobID ([0-9a-f]{32}).*", "$1");
      awaitRounds(job, WARM_UP_ROUNDS);
      Processors before = Processors.now(directory);
      double roundSeconds = awaitRounds(job, WARM_UP_ROUNDS + shape.rounds);
      Processors spent = Processors.now(directory).since(before);
      double gradientSeconds = busySeconds(job, workers);
      script("flink", "cancel", job);
      print(
          "%s, %d worker%s: %.2f s a round, %.2f rounds a minute; gradients %.2f s of the busiest, everything else %.2f s",
          shape,
          workers,
          workers == 1 ? "" : "s",
          roundSeconds,
          60 / roundSeconds,
          gradientSeconds,
          roundSeconds - gradientSeconds);
      print(
          "  meanwhile the task managers took %.2f cores, job manager and broker %.2f, and other programs %.2f",
          spent.taskManagers() / spent.seconds(),
          spent.others() / spent.seconds(),
          (spent.all() - spent.taskManagers() - spent.others()) / spent.seconds());
      return new Measured(roundSeconds, gradientSeconds);
    } finally {
      for (int i = 1; i <= workers; i++) {
        script("cluster", "taskmanager", "stop", Integer.toString(i));
        Files.deleteIfExists(log(i));
      }
    }
  }

  private Path writeConfig(Shape shape, int workers, String domain, Path model) throws IOException {
    ObjectNode settings =
        json.createObjectNode()
            .put("privacy.domain", domain)
            .put("privacy.epsilon", 1000)
            .put("privacy.delta", 1e-6)
            .put("privacy.sampling-probability", 1)
            .put("privacy.expected-units", shape.users)
            .put("privacy.noise-multiplier", 1)
            .put("privacy.round-interval", "500 ms")
            .put("contribution.window-ticks", 1_000_000)
            .put("training.model", model.toString())
            .put("training.max-tokens", shape.tokens)
            .put("training.learning-rate", 1e-5)
            .put("training.parallelism", workers)
            .put("training.slot-sharing-group", "gradients")
            .put("training.private-metrics", true)
            .put("placement.worker-resource", "worker")
            .put("placement.worker-heap", "300 mb")
            .put("placement.worker-off-heap", "1500 mb")
            .put("placement.ingest-heap", "100 mb")
            .put("placement.ingest-managed", "128 mb")
            .put("kafka.bootstrap-servers", bootstrapServers())
            .put("kafka.topics.interactions", domain)
            .put("kafka.topics.dead-letters", domain + "-dead-letters")
            .put("kafka.topics.releases", domain + "-releases")
            .put("kafka.topics.replication-factor", 1)
            .put("releases.directory", directory.resolve(domain + "-releases").toString())
            .put("job.checkpoint-interval", "5 s")
            .put("job.parallelism", workers);
    Path file = directory.resolve(domain + ".yaml");
    new YAMLMapper().writeValue(file.toFile(), settings);
    return file;
  }

  /**
   * Waits until so many rounds were executed.
   *
   * @return seconds from round to round, after those to warm up
   */
  private double awaitRounds(String job, int rounds) throws Exception {
    long end = System.nanoTime() + PATIENCE_SECONDS * 1_000_000_000;
    while (true) {
      List<LocalDateTime> executed = executed();
      if (executed.size() >= rounds) {
        return java.time.Duration.between(
                    executed.get(WARM_UP_ROUNDS - 1), executed.get(rounds - 1))
                .toNanos()
            / 1e9
            / (rounds - WARM_UP_ROUNDS);
      }
      String state = get("/jobs/" + job).get("state").asText();
      if (System.nanoTime() > end || state.matches("FAILED|FAILING|RESTARTING|CANCELED")) {
        throw new IllegalStateException(
            "%d rounds are required but %d were executed, and the job is %s; its logs are in %s"
                .formatted(rounds, executed.size(), state, directory.resolve("log")));
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** When rounds were executed, as the task manager with {@code train} has logged it. */
  private List<LocalDateTime> executed() throws IOException {
    List<LocalDateTime> times = new ArrayList<>();
    for (int i = 1; i <= WORKERS; i++) {
      if (Files.exists(log(i))) {
        for (String line : Files.readAllLines(log(i))) {
          Matcher matcher = EXECUTED.matcher(line);
          if (matcher.find()) {
            times.add(LocalDateTime.parse(matcher.group(1), LOGGED));
          }
        }
      }
    }
    return times.stream().sorted().toList();
  }

  private Path log(int taskManager) {
    return directory.resolve("log").resolve("taskmanager-" + taskManager + ".log");
  }

  /** What the last round took of the busiest worker; the web UI knows it a moment later. */
  private double busySeconds(String job, int workers) throws Exception {
    String names =
        String.join(
            ",",
            IntStream.range(0, workers)
                .mapToObj(i -> i + ".gradients.private.busyMillis")
                .toList());
    String path =
        "/jobs/%s/vertices/%s/metrics?get=%s"
            .formatted(job, vertex(job), URLEncoder.encode(names, StandardCharsets.UTF_8));
    for (int i = 0; i < 100; i++) {
      JsonNode values = get(path);
      double most = 0;
      for (JsonNode value : values) {
        most = Math.max(most, value.get("value").asDouble());
      }
      if (values.size() == workers && most > 0) {
        return most / 1e3;
      }
      Thread.sleep(POLL_MILLIS);
    }
    throw new IllegalStateException(
        "private.busyMillis of %d workers is required".formatted(workers));
  }

  private String vertex(String job) throws Exception {
    for (JsonNode vertex : get("/jobs/" + job).get("vertices")) {
      if (vertex.get("name").asText().equals("gradients")) {
        return vertex.get("id").asText();
      }
    }
    throw new IllegalStateException("a vertex named gradients is required");
  }

  private JsonNode get(String path) throws Exception {
    return json.readTree(
        http.send(
                HttpRequest.newBuilder(URI.create("http://localhost:" + restPort + path)).build(),
                BodyHandlers.ofString())
            .body());
  }

  private void start() throws Exception {
    script("kafka", "start", "--port", Integer.toString(kafkaPort));
    script(
        "cluster",
        "start",
        "--taskmanagers",
        "0",
        "--slots",
        "2",
        "--port",
        Integer.toString(restPort),
        "--rpc-port",
        Integer.toString(freePort()),
        "--metrics-port",
        Integer.toString(freePort()),
        "--memory",
        "3500m",
        "-Dtaskmanager.memory.task.off-heap.size=1500m",
        "-Dtaskmanager.memory.managed.size=128m",
        "-Dtaskmanager.memory.network.max=128m",
        "-Dtaskmanager.memory.network.min=128m",
        "-Dexternal-resources=worker",
        "-Dexternal-resource.worker.amount=1",
        "-Dmetrics.fetcher.update-interval=1000");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private void stop() throws Exception {
    try {
      script("cluster", "stop");
    } finally {
      script("kafka", "stop");
    }
  }

  private String bootstrapServers() {
    return "127.0.0.1:" + kafkaPort;
  }

  private String script(String name, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("scripts/" + name));
    command.addAll(List.of(arguments));
    return run(command);
  }

  /** Runs a command; what it starts in the background may outlive it. */
  private String run(List<String> command) throws Exception {
    Path output = Files.createTempFile(directory, "command", ".out");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(root.toFile())
            .redirectOutput(output.toFile())
            .redirectError(directory.resolve("errors.out").toFile());
    builder.environment().put("MURMURATION_CLUSTER_DIR", directory.toString());
    int exit = builder.start().waitFor();
    String text = Files.readString(output);
    if (exit != 0) {
      throw new IllegalStateException(
          "%s ended with %d: %s%s"
              .formatted(command, exit, text, Files.readString(directory.resolve("errors.out"))));
    }
    return text;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static void print(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }
}
