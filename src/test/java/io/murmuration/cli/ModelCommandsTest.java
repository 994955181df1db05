package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.murmuration.model.AdapterFixture;
import io.murmuration.model.TinyModels;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ModelCommandsTest {

  @TempDir Path directory;
  private String base;
  private String adapter;
  private String events;

  @BeforeEach
  void write() throws IOException {
    base = TinyModels.write(directory.resolve("base"), TinyModels.QWEN2, 2).toString();
    adapter =
        AdapterFixture.adapter(
                directory.resolve("adapter"), "model.layers.0.self_attn.q_proj", 16, 16)
            .toString();
    Path file = directory.resolve("events.jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("{\"text\": \"hello\"}\n\n{\"text\": \"starling\"}\n".getBytes("UTF-8"));
    }
    events = file.toString();
  }

  @Test
  void aMergedModelEvaluatesAsBaseAndAdapter() throws IOException {
    JsonNode alone = evaluate("--model", base);
    JsonNode adapted = evaluate("--model", base, "--adapter", adapter);
    String merged = directory.resolve("merged").toString();
    run(new MergeCommand(), 0, "--model", base, "--adapter", adapter, "--out", merged);
    assertThat(adapted.path("tokens").asLong()).isEqualTo(13);
    assertThat(adapted.path("nll_per_token").asDouble())
        .isEqualTo(adapted.path("nll_per_char").asDouble())
        .isNotCloseTo(alone.path("nll_per_token").asDouble(), within(1e-3));
    assertThat(evaluate("--model", merged).path("nll_per_token").asDouble())
        .isCloseTo(adapted.path("nll_per_token").asDouble(), within(1e-4));
  }

  @Test
  void messagesAreLimitedAndCut() throws IOException {
    JsonNode first = evaluate("--model", base, "--max-messages", "1", "--context", "4");
    assertThat(first.path("tokens").asLong()).isEqualTo(3);
    assertThat(first.path("characters").asLong()).isEqualTo(3);
  }

  @Test
  void aLineWithoutATextIsNamedOrCounted() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("bad.jsonl"),
            "{\"text\": \"hello\"}\n"
                + "{\"text\": \"a\"}{\"text\": \"b\"}\n"
                + "{\"text\": 1}\n"
                + "{\"text\": \"x\\ud800\"}\n");
    String said = run(new EvaluateCommand(), 1, "--model", base, "--events", file.toString());
    assertThat(said).contains("line 2 of " + file);
    JsonNode skipped =
        new ObjectMapper()
            .readTree(
                run(
                    new EvaluateCommand(),
                    0,
                    "--model",
                    base,
                    "--events",
                    file.toString(),
                    "--bad-lines=SKIP",
                    "--json"));
    assertThat(skipped.path("bad_lines").asLong()).isEqualTo(3);
    assertThat(skipped.path("messages").asLong()).isEqualTo(1);
  }

  @Test
  void generationContinuesThePromptAndIsRepeatable() {
    String greedy =
        run(new GenerateCommand(), 0, "--model", base, "--prompt", "ab", "--max-tokens", "5");
    assertThat(greedy).startsWith("ab").hasSizeGreaterThan(3);
    String[] sampled = {
      "--model", base, "--prompt", "ab", "--max-tokens", "20", "--temperature", "1", "--seed", "4"
    };
    assertThat(run(new GenerateCommand(), 0, sampled))
        .isEqualTo(run(new GenerateCommand(), 0, sampled))
        .isNotEqualTo(greedy);
  }

  @Test
  void wrongUsageIsRefused() {
    run(new EvaluateCommand(), 2, "--model", base, "--events", events, "--context", "1");
    run(new EvaluateCommand(), 2, "--model", base, "--events", events, "--max-messages", "0");
    run(new GenerateCommand(), 2, "--model", base, "--prompt", "a", "--temperature", "NaN");
    run(new MergeCommand(), 2, "--model", base);
  }

  private JsonNode evaluate(String... arguments) throws IOException {
    String[] all = Arrays.copyOf(arguments, arguments.length + 3);
    System.arraycopy(new String[] {"--events", events, "--json"}, 0, all, arguments.length, 3);
    return new ObjectMapper().readTree(run(new EvaluateCommand(), 0, all));
  }

  private static String run(Object command, int expectedExit, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        new CommandLine(command)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(arguments);
    assertThat(exit).as(err.toString()).isEqualTo(expectedExit);
    return exit == 0 ? out.toString() : err.toString();
  }
}
