package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.murmuration.model.TinyModels;
import io.murmuration.serving.GrowingStore;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ServeCommandTest {

  private static Path base;
  private static PublishedRun run;

  private Path model = base;
  private GrowingStore seen;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void publish(@TempDir Path directory) throws Exception {
    run = PublishedRun.ofTinyModel(directory, /* rounds= */ 2);
    base = run.base();
  }

  @BeforeEach
  void follow(@TempDir Path directory) throws Exception {
    seen = new GrowingStore(run, directory);
  }

  private int serve(InputStream prompts, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                seen.releases().toString(),
                "--ledger-file",
                seen.ledger().toString(),
                "--model",
                model.toString(),
                "--poll",
                "10 ms",
                "--max-tokens",
                "5"));
    arguments.addAll(List.of(more));
    CommandLine command =
        new CommandLine(new ServeCommand(prompts))
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));
    command.setExecutionExceptionHandler(
        (exception, failed, parsed) -> {
          failed.getErr().println("murmuration: " + exception.getMessage());
          return 1;
        });
    return command.execute(arguments.toArray(String[]::new));
  }

  private static InputStream lines(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void continuesLinesAsGenerateDoes() throws Exception {
    seen.show(1);
    assertThat(serve(lines("ab\n\nhello\n"))).as(err.toString()).isZero();

    StringWriter generated = new StringWriter();
    new CommandLine(new GenerateCommand())
        .setOut(new PrintWriter(generated, true))
        .execute(
            "--model",
            base.toString(),
            "--adapter",
            seen.release(1).toString(),
            "--prompt",
            "ab",
            "--max-tokens",
            "5");
    assertThat(out.toString().lines())
        .hasSize(3)
        .element(0)
        .isEqualTo(generated.toString().strip());
    assertThat(err.toString())
        .matches("serving round-00000001: epsilon \\d.*, delta .*, SHA-256 [0-9a-f]{12}\\R");
  }

  @Test
  void takesUpWhatIsReleasedMeanwhile_andRefusesWhatIsNotSound() throws Exception {
    seen.show(1);
    try (PipedOutputStream prompts = new PipedOutputStream();
        PipedInputStream in = new PipedInputStream(prompts)) {
      CompletableFuture<Integer> exit = CompletableFuture.supplyAsync(() -> serve(in, "--json"));
      prompts.write("a\n".getBytes(StandardCharsets.UTF_8));
      prompts.flush();
      await().atMost(Duration.ofMinutes(1)).until(() -> out.toString().contains("\"round\":1,"));
      seen.show(2);
      await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> err.toString().contains("serving round-00000002"));
      seen.hide(2);
      await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> err.toString().contains("refused round-00000001: it goes backwards"));
      prompts.write("a\n".getBytes(StandardCharsets.UTF_8));
      prompts.close();
      assertThat(exit.get()).as(err.toString()).isZero();
    }

    JsonNode last =
        new JsonMapper().readTree(out.toString().lines().reduce((a, b) -> b).orElseThrow());
    assertThat(last.get("round").asLong()).isEqualTo(2);
    assertThat(last.get("epsilon").asDouble()).isPositive();
    assertThat(last.get("text").asText()).isNotEmpty();
    assertThat(err.toString()).contains("; round-00000002 is served");
  }

  @Test
  void servesHttpUntilItIsEnded() throws Exception {
    seen.show(1);
    Thread serving =
        new Thread(() -> serve(InputStream.nullInputStream(), "--listen", "127.0.0.1:0"));
    serving.start();
    await().atMost(Duration.ofMinutes(1)).until(() -> out.toString().contains("\n"));
    URI address = URI.create(out.toString().replace("listening on", "").strip() + "/release");

    String body =
        HttpClient.newHttpClient()
            .send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString())
            .body();
    serving.interrupt();
    serving.join();

    assertThat(new JsonMapper().readTree(body).get("round").asLong()).isEqualTo(1);
  }

  @Test
  void withoutASoundReleaseItEndsWithOneLine() throws Exception {
    assertThat(serve(lines("a\n"))).isEqualTo(1);
    assertThat(err.toString().lines())
        .containsExactly(
            "murmuration: the store holds no release of a model yet; --wait waits for a release"
                + " that can be served");

    err.getBuffer().setLength(0);
    seen.show(1).tamper(1, "adapter_model.safetensors");
    assertThat(serve(lines("a\n"))).isEqualTo(1);
    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .contains("no release is sound; the newest is round-00000001: SHA-256 of");

    err.getBuffer().setLength(0);
    seen.show(2);
    model = TinyModels.write(base.resolveSibling("another"), TinyModels.QWEN2, 3);
    assertThat(serve(lines("a\n"))).isEqualTo(1);
    assertThat(err.toString()).contains("it was trained on the base model models/tiny with the");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void waitsForTheFirstReleaseWhereItIsToldTo() throws Exception {
    CompletableFuture<Integer> exit =
        CompletableFuture.supplyAsync(() -> serve(lines("a\n"), "--wait"));
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> err.toString().contains("away: the store holds no release of a model yet"));
    seen.show(1);

    assertThat(exit.get()).isZero();
    assertThat(out.toString()).startsWith("a").hasLineCount(1);
  }

  @Test
  void wrongUsageIsRefused() throws Exception {
    seen.show(1);
    assertThat(serve(lines(""), "--max-tokens", "0")).isEqualTo(2);
    assertThat(serve(lines(""), "--temperature", "NaN")).isEqualTo(2);
    assertThat(serve(lines(""), "--listen", "localhost:70000")).isEqualTo(2);
    assertThat(serve(lines(""), "--listen", "somewhere")).isEqualTo(2);
    assertThat(serve(lines(""), "--concurrency", "0")).isEqualTo(2);
    assertThat(serve(lines(""), "--poll", "0 s")).isEqualTo(2);
    assertThat(serve(lines(""), "--releases-topic", "releases")).isEqualTo(2);
    assertThat(new CommandLine(new ServeCommand()).setErr(new PrintWriter(err)).execute("store"))
        .as("a ledger is required")
        .isEqualTo(2);
  }
}
