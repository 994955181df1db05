package io.murmuration.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the job manager refuses is said in one line, and a savepoint is asked for again. */
class FlinkRestTest {

  private static final String RUNNING = "{\"status\":{\"id\":\"IN_PROGRESS\"},\"operation\":null}";

  /** As Flink 2.3 answers while a task restarts; shortened. */
  private static final String REFUSED =
      """
      {"status":{"id":"COMPLETED"},"operation":{"failure-cause":{
        "class":"java.util.concurrent.CompletionException",
        "stack-trace":"java.util.concurrent.CompletionException: org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint triggering task\\n\\tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable\\nCaused by: org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint triggering task clock of job 1 is not being executed at the moment. Aborting checkpoint. Failure reason: Not all required tasks are currently running.\\n\\tat org.apache.flink.runtime.checkpoint.DefaultCheckpointPlanCalculator\\n",
        "serialized-throwable":"rO0ABXNyACdqYXZhLnV0aWw="}}}
      """;

  private static final String TAKEN =
      "{\"status\":{\"id\":\"COMPLETED\"},\"operation\":{\"location\":\"file:/savepoint-1\"}}";

  private record Answer(int status, String body) {}

  private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
  private HttpServer server;
  private FlinkRest rest;

  @BeforeEach
  void listen() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          Answer answer = answers.remove();
          byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
          exchange.getRequestBody().readAllBytes();
          exchange.sendResponseHeaders(answer.status(), body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    rest = new FlinkRest(server.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void aRefusedSavepointIsSaidInOneLineWithoutTraceAndBytes() {
    answers.add(new Answer(200, REFUSED));
    assertThatExceptionOfType(FlinkRest.RefusedException.class)
        .isThrownBy(() -> rest.location("1", "r"))
        .withMessageStartingWith("the savepoint was not taken: ")
        .withMessageEndingWith("Not all required tasks are currently running.")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n", "\tat", "rO0AB"));
  }

  @Test
  void anErrorOfTheServerIsSaidInOneLine() {
    answers.add(
        new Answer(
            500,
            "{\"errors\":[\"Internal server error.\",\"<Exception on server side:\\n"
                + "java.lang.IllegalStateException: no leader\\n"
                + "\\tat a.b.C\\n"
                + "\\n"
                + "End of exception on server side>\"]}"));
    assertThatExceptionOfType(FlinkRest.RefusedException.class)
        .isThrownBy(() -> rest.location("1", "r"))
        .withMessage("GET /jobs/1/savepoints/r: 500, java.lang.IllegalStateException: no leader");
  }

  @Test
  void whatIsNoJsonIsPassedOn() {
    answers.add(new Answer(502, "bad gateway"));
    assertThatExceptionOfType(FlinkRest.RefusedException.class)
        .isThrownBy(() -> rest.location("1", "r"))
        .withMessage("GET /jobs/1/savepoints/r: 502, bad gateway");
  }

  @Test
  void aSavepointIsAskedForUntilItIsTaken() throws Exception {
    answers.add(new Answer(200, RUNNING));
    answers.add(new Answer(200, REFUSED));
    answers.add(new Answer(200, RUNNING));
    answers.add(new Answer(200, TAKEN));
    List<String> requests = new ArrayList<>();
    List<String> refusals = new ArrayList<>();
    SavepointRequest request =
        new SavepointRequest(
            () -> {
              requests.add("r" + requests.size());
              return requests.get(requests.size() - 1);
            },
            id -> rest.location("1", id),
            refusals::add);

    List<Optional<String>> looks = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      looks.add(request.look());
    }

    assertThat(looks)
        .containsExactly(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.of("file:/savepoint-1"),
            Optional.of("file:/savepoint-1"));
    assertThat(requests).containsExactly("r0", "r1");
    assertThat(refusals).hasSize(1);
    assertThat(answers).isEmpty();
  }

  @Test
  void otherFailuresAreNoRefusals() {
    SavepointRequest request =
        new SavepointRequest(
            () -> {
              throw new IOException("connection reset");
            },
            id -> Optional.empty(),
            refusal -> {
              throw new AssertionError("not a refusal");
            });
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(request::look)
        .withMessage("connection reset");
  }
}
