package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.demo.DemoModel;
import io.murmuration.model.SharedModels;
import io.murmuration.model.TinyModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What {@code run --check} finds before anything is charged, and what a start refuses too. */
class RunCommandTest {

  @TempDir Path directory;
  private final StringWriter err = new StringWriter();

  @Test
  void aModelThatCanBeTrainedOnPasses() throws IOException {
    assertThat(run(DemoModel.unpack(directory.resolve("base")), "--check"))
        .as(err.toString())
        .isZero();
  }

  @Test
  void roundsThatMayNotFitTheirIntervalAreWarnedOf() throws IOException {
    assertThat(
            run(
                DemoModel.unpack(directory.resolve("base")),
                "--check",
                "--set",
                "privacy.round-interval=1 ms"))
        .isZero();
    assertThat(err.toString())
        .startsWith("warning: A round takes at most ")
        .contains("lengthen privacy.round-interval");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bos-outside", "nan-weight"})
  void aSharedModelThatSpendsTheBudgetOnNothingIsRefused(String name) {
    assertRefused(
        SharedModels.path("cases/" + name),
        name.equals("bos-outside")
            ? "bos_token_id: expected an id below vocab_size, 41, found 128000"
            : "expected finite values, found NaN");
  }

  @Test
  void aModelThatSpendsTheBudgetOnNothingIsRefused() throws IOException {
    Path outside = TinyModels.write(directory.resolve("outside"), TinyModels.LLAMA3, 1);
    Path config = outside.resolve("config.json");
    Files.writeString(
        config, Files.readString(config).replace("\"bos_token_id\": 1", "\"bos_token_id\": 98"));
    assertRefused(outside, "bos_token_id: expected an id below vocab_size, 98, found 98");
  }

  /** Every weight is a number and every id in its place, and still nothing can be computed. */
  @Test
  void aModelThatOverflowsIsRefused() throws IOException {
    Path large = TinyModels.writeScaled(directory.resolve("large"), TinyModels.MISTRAL, 1, 1e12f);
    assertThat(run(large, "--check")).isEqualTo(1);
    assertThat(err.toString()).contains("must have a finite gradient on public text");
    err.getBuffer().setLength(0);
    Path events = Files.writeString(directory.resolve("e.jsonl"), "{\"text\": \"hello\"}\n");
    assertThat(execute("evaluate", "--model", large.toString(), "--events", events.toString()))
        .isEqualTo(1);
    assertThat(err.toString()).contains("expected a finite loss on a public text");
  }

  @Test
  void whateverIsWrongWithAConfigurationIsToldInOneLineEach() throws IOException {
    Path broken = Files.writeString(directory.resolve("broken.yaml"), "a: [1,\nb: {c\n\td: }");
    assertThat(execute("run", "--config", broken.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("broken.yaml is not YAML").hasLineCount(1);
    err.getBuffer().setLength(0);
    assertThat(execute("run", "--config", directory.resolve("none.yaml").toString())).isEqualTo(1);
    assertThat(err.toString()).contains("There is no configuration file").hasLineCount(1);
    err.getBuffer().setLength(0);
    assertThat(
            run(
                directory,
                "--set",
                "privacy.epsilon=a\nb",
                "--set",
                "events.format=AVRO_REGISTRY",
                "--check"))
        .isEqualTo(1);
    assertThat(err.toString())
        .contains("The configuration has 2 faults", "privacy.epsilon cannot be read")
        .contains("events.registry.url is required")
        .doesNotContain("\tat ")
        .hasLineCount(3);
    err.getBuffer().setLength(0);
    assertThat(execute("run", "--debug", "--config", broken.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("\tat ");
  }

  @Test
  void theCheckAsksTheRegistry() {
    assertThat(
            run(
                directory,
                "--set",
                "events.format=AVRO_REGISTRY",
                "--set",
                "events.registry.url=http://localhost:1",
                "--check"))
        .isEqualTo(1);
    assertThat(err.toString()).contains("the registry is away: http://localhost:1").hasLineCount(1);
  }

  private void assertRefused(Path model, String reason) {
    assertThat(run(model, "--check")).isEqualTo(1);
    assertThat(err.toString()).contains(reason).hasLineCount(1);
    err.getBuffer().setLength(0);
    // the start itself: nothing was submitted, and so nothing charged
    assertThat(run(model)).isEqualTo(1);
    assertThat(err.toString()).contains(reason);
    assertThat(directory.resolve("ledger")).doesNotExist();
  }

  private int run(Path model, String... more) {
    Map<String, String> settings = new TreeMap<>();
    settings.put("privacy.domain", "chat");
    settings.put("privacy.epsilon", "8");
    settings.put("privacy.delta", "1e-6");
    settings.put("privacy.sampling-probability", "0.1");
    settings.put("privacy.expected-units", "20");
    settings.put("privacy.noise-multiplier", "1");
    settings.put("training.model", model.toString());
    settings.put("training.max-tokens", "16");
    settings.put("kafka.bootstrap-servers", "localhost:1");
    settings.put("ledger.kind", "FILE");
    settings.put("ledger.directory", directory.resolve("ledger").toString());
    settings.put("feedback.kind", "IN_MEMORY");
    settings.put("releases.directory", directory.resolve("releases").toString());
    settings.put("job.checkpoint-directory", directory.resolve("checkpoints").toUri().toString());
    List<String> arguments = new ArrayList<>(List.of("run"));
    settings.forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
    arguments.addAll(List.of(more));
    return execute(arguments.toArray(String[]::new));
  }

  private int execute(String... arguments) {
    CommandLine command = Murmuration.commandLine();
    command.setOut(new PrintWriter(new StringWriter(), true));
    command.setErr(new PrintWriter(err, true));
    return command.execute(arguments);
  }
}
