package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What all commands have in common. */
class MurmurationTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine command = Murmuration.commandLine();
    command.setOut(new PrintWriter(out, true));
    command.setErr(new PrintWriter(err, true));
    return command.execute(arguments);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--version", "run --version", "releases verify --version"})
  void everyCommandSaysTheVersion(String arguments) {
    assertThat(run(arguments.split(" "))).isZero();
    assertThat(out.toString()).startsWith("murmuration 0.1.0");
  }

  @Test
  void completionKnowsCommandsAndOptions() {
    assertThat(run("generate-completion")).isZero();
    assertThat(out.toString()).contains("ledger", "--bootstrap-servers");
  }

  @Test
  void aFailureIsOneLine_andDebugAddsTheTrace() {
    assertThat(run("ledger", "show", "--file", "/no/ledger")).isEqualTo(1);
    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .isEqualTo("murmuration: /no/ledger: there is no ledger; check --file");
    assertThat(run("--debug", "ledger", "show", "--file", "/no/ledger")).isEqualTo(1);
    assertThat(err.toString()).contains("NoSuchFileException", "at io.murmuration.cli.");
  }
}
