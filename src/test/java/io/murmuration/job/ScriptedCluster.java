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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A standalone Flink cluster and a broker in JVMs of their own, by the project's scripts. */
final class ScriptedCluster {

  /** On so many ports reporters are looked for. */
  private static final int METRICS_PORTS = 8;

  private static final Duration SCRIPT_TIMEOUT = Duration.ofMinutes(3);

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
                "1900m"));
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
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("MURMURATION_CLUSTER_DIR", directory.toString());
    builder.environment().put("FLINK_CONF_DIR", directory.resolve("conf").toString());
    builder.environment().put("FLINK_PLUGINS_DIR", plugins.toString());
    Process process = builder.start();
    boolean ended = process.waitFor(SCRIPT_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    String text = Files.readString(output);
    if (!ended) {
      process.destroyForcibly();
    }
    assertThat(ended).as("%s ended within %s: %s", command, SCRIPT_TIMEOUT, text).isTrue();
    assertThat(process.exitValue()).as("%s: %s", command, text).isZero();
    return text;
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

  /**
   * A configuration of short rounds on the demo's model.
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
            .put("privacy.noise-multiplier", 1)
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

  /** Uploads the job jar and runs it, by REST alone. */
  String submitByRest(Path config, String savepoint, String... settings) throws Exception {
    String jar = upload(jobJar());
    ObjectNode request = json.createObjectNode().put("savepointPath", savepoint);
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
    await().atMost(Duration.ofSeconds(120)).until(() -> state(job).equals("FINISHED"));
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
