package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.demo.DemoModel;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class RunNoiseTest {

  @TempDir private Path directory;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int check(String... settings) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("--check"));
    List<String> all =
        new ArrayList<>(
            List.of(
                "privacy.domain=chat",
                "privacy.epsilon=8",
                "privacy.delta=1e-6",
                "training.model=" + DemoModel.unpack(directory.resolve("model")),
                "kafka.bootstrap-servers=localhost:1",
                "ledger.kind=FILE",
                "ledger.directory=" + directory.resolve("ledger"),
                "feedback.kind=IN_MEMORY",
                "releases.directory=" + directory.resolve("releases")));
    all.addAll(List.of(settings));
    all.forEach(setting -> arguments.addAll(List.of("--set", setting)));
    return new CommandLine(new RunCommand())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments.toArray(new String[0]));
  }

  @Test
  void check_whereTrainingCannotLearn_warnsBeforeAnythingIsSpent() throws Exception {
    // 60 examples a round of a channel of 315 people
    assertThat(
            check(
                "privacy.sampler=ELS",
                "privacy.group-size=8",
                "contribution.examples-per-window=1",
                "contribution.windows=8",
                "privacy.sampling-probability=0.0476",
                "privacy.expected-units=60",
                "privacy.rounds=20"))
        .as(err.toString())
        .isZero();

    assertThat(err.toString()).contains("warning: The noise of a step", "does not learn");
    assertThat(out.toString()).doesNotContain("The noise of a step");
  }

  @Test
  void check_whereTrainingCanLearn_saysTheNoise() throws Exception {
    // the README's run on the chat, with noise that is correlated
    assertThat(
            check(
                "privacy.sampling-probability=0.0672",
                "privacy.expected-units=1024",
                "privacy.rounds=150",
                "privacy.noise-bands=8"))
        .as(err.toString())
        .isZero();

    assertThat(out.toString())
        .contains("The noise of a step", "1024 units expected")
        // σ 1.74 leaves as much as 0.73 of independent noise, whose 150 rounds need 0.90
        .containsPattern("noise multiplier 0\\.73\\d\\d?,")
        .containsPattern(
            "Noise is correlated over 8 rounds; the trainer keeps [0-9,]+ bytes of it");
    assertThat(err.toString()).isEmpty();
  }
}
