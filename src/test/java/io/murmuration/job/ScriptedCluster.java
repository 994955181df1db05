package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.EmbeddedKafka;
import io.murmuration.privacy.ledger.KafkaEndpoint;
import io.murmuration.privacy.ledger.KafkaLedger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.storage.Location;
import io.murmuration.storage.StoredFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** A standalone Flink cluster and a broker in JVMs of their own, by the project's scripts. */
final class ScriptedCluster {

  /** On so many ports reporters are looked for. */
  private static final int METRICS_PORTS = 8;

  private static final Duration SCRIPT_TIMEOUT = Duration.ofMinutes(10);

  /**
   * A busy machine takes its time to start a process; Flink's would end by itself after ten
   * seconds.
   */
  private static final String STARTUP_TIMEOUT = "-Dpekko.startup-timeout=5 min";

  /** Long for a machine that does other things too; only a test that fails waits for so long. */
  static final Duration PATIENCE = Duration.ofMinutes(10);

  private static final Pattern RESOURCE_ID =
      Pattern.compile("Starting TaskManager with ResourceID: (\\S+)");

  private final JsonMapper json = new JsonMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private final Path directory;
  private final Path plugins;
  private final int restPort;
  private final int rpcPort;
  private final int metricsPort;
  private final int kafkaPort;

  /**
   * @param plugins directory of Flink's plugins
   */
  ScriptedCluster(Path directory, Path plugins) {
    this.directory = directory;
    this.plugins = plugins;
    restPort = EmbeddedKafka.freePort();
    rpcPort = EmbeddedKafka.freePort();
    kafkaPort = EmbeddedKafka.freePort();
    metricsPort = EmbeddedKafka.freePort();
  }

  /**
   * @param settings of Flink, {@code -DKEY=VALUE}
   */
  void start(int taskManagers, int slots, String... settings) throws Exception {
    script("kafka", "start", "--port", Integer.toString(kafkaPort));
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "start",
                "--taskmanagers",
                Integer.toString(taskManagers),
                "--slots",
                Integer.toString(slots),
                "--port",
                Integer.toString(restPort),
                "--rpc-port",
                Integer.toString(rpcPort),
                "--metrics-port",
                Integer.toString(metricsPort),
                "--memory",
                "1900m",
                STARTUP_TIMEOUT));
    arguments.addAll(List.of(settings));
    script("cluster", arguments.toArray(String[]::new));
  }

  void stop() throws Exception {
    try {
      script("cluster", "stop");
    } finally {
      script("kafka", "stop");
    }
  }

  /**
   * Runs one of the project's scripts.
   *
   * @return what it printed
   * @throws AssertionError with that, if it fails
   */
  String script(String name, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("scripts/" + name));
    command.addAll(List.of(arguments));
    Path output = Files.createTempFile(directory, name, ".out");
    Process process = process(command, output);
    boolean ended = process.waitFor(SCRIPT_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    String text = Files.readString(output);
    if (!ended) {
      process.destroyForcibly();
    }
    assertThat(ended).as("%s ended within %s: %s", command, SCRIPT_TIMEOUT, text).isTrue();
    assertThat(process.exitValue()).as("%s: %s", command, text).isZero();
    return text;
  }

  private Process process(List<String> command, Path output) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("MURMURATION_CLUSTER_DIR", directory.toString());
    builder.environment().put("FLINK_CONF_DIR", directory.resolve("conf").toString());
    builder.environment().put("FLINK_PLUGINS_DIR", plugins.toString());
    return builder.start();
  }

  /**
   * Starts a server that follows a store and hears of releases by their topic alone: it looks by
   * itself too seldom for a test.
   */
  ServingProcess serve(String domain, Location releases, Location model, String releasesTopic)
      throws IOException {
    Path output = Files.createTempFile(directory, "serve", ".out");
    List<String> command =
        List.of(
            "scripts/murmuration",
            "serve",
            releases.text(),
            "--model",
            model.text(),
            "--bootstrap-servers",
            bootstrapServers(),
            "--ledger-topic",
            ledgerTopic(domain),
            "--releases-topic",
            releasesTopic,
            "--poll",
            "1 h",
            "--wait",
            "--listen",
            "127.0.0.1:0");
    return new ServingProcess(process(command, output), output);
  }

  /** The topic of a domain's ledger where none is given. */
  static String ledgerTopic(String domain) {
    return "murmuration-ledger-" + domain;
  }

  String bootstrapServers() {
    return "127.0.0.1:" + kafkaPort;
  }

  Path releases(String domain) {
    return directory.resolve("releases-" + domain);
  }

  Path jobJar() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("target"))) {
      return files
          .filter(path -> path.getFileName().toString().endsWith("-job.jar"))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no job jar in target/: run mvn package"))
          .toAbsolutePath();
    }
  }

  /** The demo's model on this machine. */
  Path model() throws IOException {
    return DemoModel.unpack(directory.resolve("base-model"));
  }

  /** The same elsewhere. */
  Location uploadModel(Location place) throws IOException {
    StoredFiles target = StoredFiles.at(place);
    try (Stream<Path> files = Files.list(model())) {
      for (Path file : files.toList()) {
        target.write(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return place;
  }

  /**
   * A configuration of short rounds on the demo's model, with so much noise that the budget is
   * spent after thousands: not even a slow machine comes to its end.
   *
   * @param others further settings, which win
   */
  Path writeConfig(String domain, Map<String, String> others) throws IOException {
    ObjectNode settings =
        json.createObjectNode()
            .put("privacy.domain", domain)
            .put("privacy.epsilon", 8)
            .put("privacy.delta", 1e-6)
            .put("privacy.sampling-probability", 0.1)
            .put("privacy.expected-units", 20)
            .put("privacy.noise-multiplier", 10)
            .put("privacy.round-interval", "1 s")
            .put("training.model", model().toString())
            .put("kafka.bootstrap-servers", bootstrapServers())
            .put("kafka.topics.replication-factor", 1)
            .put("releases.directory", releases(domain).toString())
            .put("job.checkpoint-interval", "2 s");
    others.forEach(settings::put);
    Path file = directory.resolve(domain + ".yaml");
    new YAMLMapper().writeValue(file.toFile(), settings);
    return file;
  }

  /** Which task managers are there. */
  Set<String> taskManagers() throws Exception {
    Set<String> ids = new TreeSet<>();
    get("/taskmanagers").get("taskmanagers").forEach(each -> ids.add(each.get("id").asText()));
    return ids;
  }

  /** On which task manager each subtask of a vertex runs, in their order. */
  List<String> placesOf(String job, String vertex) throws Exception {
    List<String> places = new ArrayList<>();
    get("/jobs/%s/vertices/%s".formatted(job, vertex(job, vertex).get("id").asText()))
        .get("subtasks")
        .forEach(subtask -> places.add(subtask.get("taskmanager-id").asText()));
    return places;
  }

  /**
   * The number by which the scripts know a task manager.
   *
   * @param taskManager its resource id, which its log names
   */
  int numberOf(String taskManager) throws IOException {
    for (int number = 1; Files.exists(log(number)); number++) {
      Optional<String> last =
          Files.readAllLines(log(number)).stream()
              .map(RESOURCE_ID::matcher)
              .filter(Matcher::find)
              .map(matcher -> matcher.group(1))
              .reduce((earlier, later) -> later);
      if (last.filter(taskManager::equals).isPresent()) {
        return number;
      }
    }
    throw new AssertionError("no log says that it is of task manager " + taskManager);
  }

  private Path log(int taskManager) {
    return directory.resolve("log").resolve("taskmanager-" + taskManager + ".log");
  }

  /** Uploads the job jar and runs it, by REST alone. */
  String submitByRest(Path config, Optional<String> savepoint, String... settings)
      throws Exception {
    String jar = upload(jobJar());
    ObjectNode request = json.createObjectNode();
    savepoint.ifPresent(from -> request.put("savepointPath", from));
    ArrayNode arguments = request.putArray("programArgsList");
    arguments.add("--config").add(config.toString());
    for (String setting : settings) {
      arguments.add("--set").add(setting);
    }
    return post("/jars/" + jar + "/run", "application/json", json.writeValueAsBytes(request))
        .get("jobid")
        .asText();
  }

  private String upload(Path jar) throws Exception {
    String boundary = "murmuration-job-jar";
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    body.writeBytes(
        ("--%s\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"%s\"\r\n"
                + "Content-Type: application/x-java-archive\r\n\r\n")
            .formatted(boundary, jar.getFileName())
            .getBytes(StandardCharsets.UTF_8));
    body.writeBytes(Files.readAllBytes(jar));
    body.writeBytes("\r\n--%s--\r\n".formatted(boundary).getBytes(StandardCharsets.UTF_8));
    JsonNode uploaded =
        post("/jars/upload", "multipart/form-data; boundary=" + boundary, body.toByteArray());
    return Path.of(uploaded.get("filename").asText()).getFileName().toString();
  }

  /**
   * Runs the job with Flink's command line.
   *
   * @param savepoint to restore; empty: it begins anew
   * @param settings {@code KEY=VALUE}, over those of the file
   * @return the job's id
   */
  String submit(Path config, Optional<String> savepoint, String... settings) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("run", "--detached"));
    savepoint.ifPresent(from -> arguments.addAll(List.of("--fromSavepoint", from)));
    arguments.addAll(List.of(jobJar().toString(), "--config", config.toString()));
    for (String setting : settings) {
      arguments.addAll(List.of("--set", setting));
    }
    String output = script("flink", arguments.toArray(String[]::new));
    return output.replaceAll("(?s).*JobID ([0-9a-f]{32}).*", "$1");
  }

  /** Waits until a job runs and has charged a round. */
  void awaitRound(String job, long round) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(
            () -> {
              assertThat(state(job)).isEqualTo("RUNNING");
              assertThat(metric(job, "privacy budget", "round")).isGreaterThanOrEqualTo(round);
            });
  }

  /**
   * Ends a task manager with kill -9 and starts another one; waits until a job of a domain has
   * begun another epoch, and charged a round in it.
   *
   * @param number of the task manager, from 1
   */
  void replaceTaskManager(int number, String job, String domain) throws Exception {
    long before = epochs(domain);
    script("cluster", "taskmanager", "kill", Integer.toString(number));
    script("cluster", "taskmanager", "add");
    await().atMost(PATIENCE).untilAsserted(() -> assertThat(epochs(domain)).isGreaterThan(before));
    awaitRound(job, charges(domain).size() + 1);
  }

  /** The ledger of a domain, by the name that it has where none is given. */
  List<LedgerEntry> ledger(String domain) throws Exception {
    try (KafkaLedger ledger =
        new KafkaLedger(
            domain,
            KafkaEndpoint.of(
                "murmuration-ledger-" + domain,
                Map.of("bootstrap.servers", bootstrapServers()),
                /* replicationFactor= */ 1))) {
      return ledger.read();
    }
  }

  long epochs(String domain) throws Exception {
    return ledger(domain).stream().filter(entry -> entry.record() instanceof EpochOpened).count();
  }

  List<Charge> charges(String domain) throws Exception {
    return ledger(domain).stream()
        .map(LedgerEntry::record)
        .filter(Charge.class::isInstance)
        .map(Charge.class::cast)
        .toList();
  }

  /**
   * Stops a job with Flink's command line; returns where the savepoint is, once the REST interface
   * says that the job has finished. It answers from a copy that may be seconds old
   * (web.refresh-interval).
   */
  String stopWithSavepoint(String job, String... options) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("stop"));
    arguments.addAll(List.of(options));
    arguments.add(job);
    String output = script("flink", arguments.toArray(String[]::new));
    assertThat(output).contains("Savepoint completed. Path: ");
    await().atMost(PATIENCE).until(() -> state(job).equals("FINISHED"));
    return output.replaceAll("(?s).*Savepoint completed\\. Path: (\\S+).*", "$1");
  }

  String state(String job) throws Exception {
    return get("/jobs/" + job).get("state").asText();
  }

  int parallelismOf(String job, String vertex) throws Exception {
    return vertex(job, vertex).get("parallelism").asInt();
  }

  /** What the web UI shows of the job's configuration. */
  Map<String, String> userConfig(String job) throws Exception {
    Map<String, String> shown = new TreeMap<>();
    get("/jobs/" + job + "/config")
        .at("/execution-config/user-config")
        .properties()
        .forEach(setting -> shown.put(setting.getKey(), setting.getValue().asText()));
    return shown;
  }

  /** The value of a gauge of a vertex's first subtask, by the web UI's REST interface. */
  double metric(String job, String vertex, String name) throws Exception {
    String id = vertex(job, vertex).get("id").asText();
    String operator = vertex.replace(' ', '_');
    String key = URLEncoder.encode("0." + operator + "." + name, StandardCharsets.UTF_8);
    JsonNode values = get("/jobs/%s/vertices/%s/metrics?get=%s".formatted(job, id, key));
    assertThat(values).as("metric %s of %s", name, vertex).hasSize(1);
    return values.get(0).get("value").asDouble();
  }

  /** The largest value of a gauge, over all subtasks of the vertices whose name has a part. */
  double anyMetric(String job, String part, String name) throws Exception {
    double largest = Double.NEGATIVE_INFINITY;
    for (JsonNode vertex : get("/jobs/" + job).get("vertices")) {
      if (vertex.get("name").asText().contains(part)) {
        String metrics = "/jobs/%s/vertices/%s/metrics".formatted(job, vertex.get("id").asText());
        for (JsonNode metric : get(metrics)) {
          String id = metric.get("id").asText();
          if (id.endsWith("." + name)) {
            JsonNode values =
                get(metrics + "?get=" + URLEncoder.encode(id, StandardCharsets.UTF_8));
            for (JsonNode value : values) {
              largest = Math.max(largest, value.get("value").asDouble());
            }
          }
        }
      }
    }
    return largest;
  }

  /**
   * Whether completed checkpoints of a domain's job hold all that is in a topic: Flink commits the
   * offsets of these.
   */
  boolean everythingIsRead(String domain, String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers()))) {
      Map<TopicPartition, OffsetAndMetadata> committed =
          admin
              .listConsumerGroupOffsets("murmuration-" + domain)
              .partitionsToOffsetAndMetadata()
              .get();
      Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
      admin
          .describeTopics(List.of(topic))
          .allTopicNames()
          .get()
          .get(topic)
          .partitions()
          .forEach(
              each -> ends.put(new TopicPartition(topic, each.partition()), OffsetSpec.latest()));
      for (var end : admin.listOffsets(ends).all().get().entrySet()) {
        OffsetAndMetadata read = committed.get(end.getKey());
        if (read == null || read.offset() < end.getValue().offset()) {
          return false;
        }
      }
      return true;
    }
  }

  private JsonNode vertex(String job, String name) throws Exception {
    for (JsonNode vertex : get("/jobs/" + job).get("vertices")) {
      if (vertex.get("name").asText().equals(name)) {
        return vertex;
      }
    }
    throw new AssertionError("no vertex is named " + name);
  }

  /** Names that the reporters of all processes give to Prometheus. */
  Set<String> prometheusMetrics() throws Exception {
    Set<String> names = new TreeSet<>();
    // one port for each process, from the first of the range on; some may belong to others
    for (int port = metricsPort; port < metricsPort + METRICS_PORTS; port++) {
      try {
        http.send(
                HttpRequest.newBuilder(URI.create("http://localhost:%d/metrics".formatted(port)))
                    .timeout(Duration.ofSeconds(10))
                    .build(),
                BodyHandlers.ofString())
            .body()
            .lines()
            .filter(line -> !line.startsWith("#"))
            .forEach(line -> names.add(line.replaceAll("[{ ].*", "")));
      } catch (ConnectException nobodyListens) {
        continue;
      }
    }
    return names;
  }

  private JsonNode get(String path) throws Exception {
    return send(HttpRequest.newBuilder(url(path)).build());
  }

  private JsonNode post(String path, String contentType, byte[] body) throws Exception {
    return send(
        HttpRequest.newBuilder(url(path))
            .header("Content-Type", contentType)
            .POST(BodyPublishers.ofByteArray(body))
            .build());
  }

  private JsonNode send(HttpRequest request) throws Exception {
    HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
    assertThat(response.statusCode()).as("%s: %s", request, response.body()).isEqualTo(200);
    return json.readTree(response.body());
  }

  private URI url(String path) {
    return URI.create("http://localhost:%d%s".formatted(restPort, path));
  }
}
