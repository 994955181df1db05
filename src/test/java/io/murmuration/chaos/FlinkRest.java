package io.murmuration.chaos;

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
import java.util.List;
import java.util.Optional;

/** The job manager's REST interface, as far as the chaos needs it. */
final class FlinkRest {

  private static final String BOUNDARY = "----murmuration";
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

  /** Completed checkpoints of this attempt of the job manager. */
  long completedCheckpoints(String job) throws IOException, InterruptedException {
    return get("/jobs/" + job + "/checkpoints").get("counts").get("completed").longValue();
  }

  /** How often the job has been restarted. */
  long restarts(String job) throws IOException, InterruptedException {
    JsonNode metrics = get("/jobs/" + job + "/metrics?get=numRestarts");
    return metrics.isEmpty() ? 0 : Long.parseLong(metrics.get(0).get("value").textValue());
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

  /** Where a savepoint lies; empty while it is being written. */
  Optional<String> location(String job, String request) throws IOException, InterruptedException {
    JsonNode answer = get("/jobs/" + job + "/savepoints/" + request);
    if (!answer.get("status").get("id").textValue().equals("COMPLETED")) {
      return Optional.empty();
    }
    JsonNode operation = answer.get("operation");
    if (!operation.has("location")) {
      throw new IOException("the savepoint failed: " + operation);
    }
    return Optional.of(operation.get("location").textValue());
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
      throw new IOException(
          "%s %s: %d %s"
              .formatted(built.method(), built.uri(), answer.statusCode(), answer.body()));
    }
    return answer.body().isBlank() ? JSON.nullNode() : JSON.readTree(answer.body());
  }
}
