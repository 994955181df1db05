package io.murmuration.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code murmuration serve} in a JVM of its own. */
final class ServingProcess implements AutoCloseable {

  private static final Pattern LISTENING = Pattern.compile("listening on (http://\\S+)");

  private final JsonMapper json = new JsonMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private final Process process;
  private final Path output;

  /**
   * @param output where it writes to
   */
  ServingProcess(Process process, Path output) {
    this.process = process;
    this.output = output;
  }

  /** Waits until it serves a round after another, and returns that; 0 is before all. */
  long awaitRoundAfter(long round) {
    return await()
        .atMost(ScriptedCluster.PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .failFast(() -> assertThat(process.isAlive()).as("serve ended: %s", output()).isTrue())
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(() -> served(), served -> served > round);
  }

  private long served() throws Exception {
    HttpResponse<String> response =
        http.send(HttpRequest.newBuilder(at("/release")).build(), BodyHandlers.ofString());
    return json.readTree(response.body()).path("round").asLong();
  }

  /** What it says to a prompt. */
  JsonNode generate(String prompt) throws Exception {
    String request = json.createObjectNode().put("prompt", prompt).put("max_tokens", 3).toString();
    HttpResponse<String> response =
        http.send(
            HttpRequest.newBuilder(at("/generate")).POST(BodyPublishers.ofString(request)).build(),
            BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return json.readTree(response.body());
  }

  /**
   * @throws IOException while it does not listen
   */
  private URI at(String path) throws IOException {
    Matcher listening = LISTENING.matcher(output());
    if (!listening.find()) {
      throw new IOException("serve does not listen yet");
    }
    return URI.create(listening.group(1) + path);
  }

  /** What it has written. */
  String output() throws IOException {
    return Files.readString(output);
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.destroyForcibly();
    }
  }
}
