package io.murmuration.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The job manager's REST interface, as far as the chaos needs it. */
final class FlinkRest {

  private static final String BOUNDARY = "----murmuration";
  private static final String CAUSE = "Caused by: ";

  /** Lines that Flink puts around a server's stack trace. */
  private static final Set<String> WRAPPERS =
      Set.of(
          "Internal server error.",
          "<Exception on server side:",
          "End of exception on server side>");

  private static final JsonMapper JSON = new JsonMapper();

  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final String root;

  FlinkRest(int port) {
    this.root = "http://127.0.0.1:" + port;
  }

  /** Number of task managers that have registered; 0 while nobody answers. */
  int taskManagers() throws InterruptedException {
    try {
      return get("/taskmanagers").get("taskmanagers").size();
    } catch (IOException e) {
      return 0; // not up yet, or just killed
    }
  }

  /** Uploads the jar and returns its id. */
  String upload(Path jar) throws IOException, InterruptedException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    body.write(
        """
        --%s\r
        Content-Disposition: form-data; name="jarfile"; filename="%s"\r
        Content-Type: application/x-java-archive\r
        \r
        """
            .formatted(BOUNDARY, jar.getFileName())
            .getBytes(StandardCharsets.UTF_8));
    body.write(Files.readAllBytes(jar));
    body.write("\r\n--%s--\r\n".formatted(BOUNDARY).getBytes(StandardCharsets.UTF_8));
    JsonNode answer =
        send(
            HttpRequest.newBuilder(URI.create(root + "/jars/upload"))
                .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(BodyPublishers.ofByteArray(body.toByteArray())));
    return Path.of(answer.get("filename").textValue()).getFileName().toString();
  }

  /** Runs an uploaded jar and returns the job's id. */
  String run(String jar, String mainClass, List<String> arguments, Optional<String> savepoint)
      throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("entryClass", mainClass);
    arguments.forEach(body.putArray("programArgsList")::add);
    savepoint.ifPresent(path -> body.put("savepointPath", path));
    return post("/jars/" + jar + "/run", body).get("jobid").textValue();
  }

  /** RUNNING, RESTARTING, CANCELED, ...; empty if the job manager does not know the job. */
  Optional<String> status(String job) throws InterruptedException {
    try {
      return Optional.of(get("/jobs/" + job).get("state").textValue());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Stack traces of what the job failed with, the latest first. */
  String failures(String job) throws IOException, InterruptedException {
    return String.join("\n", get("/jobs/" + job + "/exceptions").findValuesAsText("stacktrace"));
  }

  /** Completed checkpoints of this attempt of the job manager. */
  long completedCheckpoints(String job) throws IOException, InterruptedException {
    return get("/jobs/" + job + "/checkpoints").get("counts").get("completed").longValue();
  }

  /**
   * How often the job has been restarted. Flink's metric of that name is as old as the last time
   * that somebody asked for it: the attempts of its tasks are counted instead.
   */
  long restarts(String job) throws IOException, InterruptedException {
    long attempts = 0;
    for (JsonNode subtask : subtasks(job)) {
      attempts = Math.max(attempts, subtask.get("attempt").longValue());
    }
    return attempts;
  }

  /** The ids of the task managers that its tasks run on. */
  Set<String> taskManagersOf(String job) throws IOException, InterruptedException {
    Set<String> ids = new TreeSet<>();
    for (JsonNode subtask : subtasks(job)) {
      ids.add(subtask.get("taskmanager-id").textValue());
    }
    return ids;
  }

  private List<JsonNode> subtasks(String job) throws IOException, InterruptedException {
    List<JsonNode> subtasks = new ArrayList<>();
    for (JsonNode vertex : get("/jobs/" + job).get("vertices")) {
      get("/jobs/%s/vertices/%s".formatted(job, vertex.get("id").textValue()))
          .get("subtasks")
          .forEach(subtasks::add);
    }
    return subtasks;
  }

  void cancel(String job) throws IOException, InterruptedException {
    send(
        HttpRequest.newBuilder(URI.create(root + "/jobs/" + job + "?mode=cancel"))
            .method("PATCH", BodyPublishers.noBody()));
  }

  /** Starts a savepoint and returns the id to ask for it by. */
  String savepoint(String job, Path directory) throws IOException, InterruptedException {
    ObjectNode body =
        JSON.createObjectNode()
            .put("target-directory", directory.toUri().toString())
            .put("cancel-job", false);
    return post("/jobs/" + job + "/savepoints", body).get("request-id").textValue();
  }

  /** Stops the job with a savepoint, without draining it; returns the id to ask for it by. */
  String stop(String job, Path directory) throws IOException, InterruptedException {
    ObjectNode body =
        JSON.createObjectNode()
            .put("targetDirectory", directory.toUri().toString())
            .put("drain", false);
    return post("/jobs/" + job + "/stop", body).get("request-id").textValue();
  }

  /**
   * Where a savepoint lies; empty while it is being written.
   *
   * @throws RefusedException if it was not taken, for example since a task is just restarting; it
   *     has to be asked for again
   */
  Optional<String> location(String job, String request) throws IOException, InterruptedException {
    JsonNode answer = get("/jobs/" + job + "/savepoints/" + request);
    if (!answer.get("status").get("id").textValue().equals("COMPLETED")) {
      return Optional.empty();
    }
    JsonNode operation = answer.get("operation");
    if (!operation.has("location")) {
      String trace = operation.path("failure-cause").path("stack-trace").asText();
      throw new RefusedException("the savepoint was not taken: " + innermostCause(trace));
    }
    return Optional.of(operation.get("location").textValue());
  }

  /** Flink's answer that it will not do what it was asked for, in one line. */
  static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    RefusedException(String message) {
      super(message);
    }
  }

  /** What a printed stack trace names as its innermost cause, in one line. */
  private static String innermostCause(String trace) {
    List<String> lines = trace.lines().filter(line -> !line.isBlank()).toList();
    return lines.stream()
        .filter(line -> line.startsWith(CAUSE))
        .reduce((outer, inner) -> inner)
        .map(line -> line.substring(CAUSE.length()))
        .or(() -> lines.stream().filter(line -> !WRAPPERS.contains(line)).findFirst())
        .orElse("no reason given");
  }

  /** The job manager answers with a list of errors, the last of them with a stack trace. */
  private static String reason(String body) {
    StringBuilder errors = new StringBuilder();
    try {
      JSON.readTree(body)
          .path("errors")
          .forEach(error -> errors.append(error.asText()).append('\n'));
    } catch (JsonProcessingException e) {
      errors.append(body); // another server than Flink's, or none that is up
    }
    return innermostCause(errors.toString());
  }

  private JsonNode get(String path) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(root + path)).GET());
  }

  private JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
    BodyPublisher json = BodyPublishers.ofString(JSON.writeValueAsString(body));
    return send(
        HttpRequest.newBuilder(URI.create(root + path))
            .header("Content-Type", "application/json")
            .POST(json));
  }

  private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpRequest built = request.timeout(Duration.ofSeconds(60)).build();
    var answer = client.send(built, BodyHandlers.ofString());
    if (answer.statusCode() / 100 != 2) {
      throw new RefusedException(
          "%s %s: %d, %s"
              .formatted(
                  built.method(),
                  built.uri().getPath(),
                  answer.statusCode(),
                  reason(answer.body())));
    }
    return answer.body().isBlank() ? JSON.nullNode() : JSON.readTree(answer.body());
  }
}
