package io.murmuration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.ExecutionException;
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

  @Test
  void whatIsWrongWithAFileIsSaid() {
    assertThat(Murmuration.describe(new NoSuchFileException("/a"))).isEqualTo("/a is not there");
    assertThat(Murmuration.describe(new AccessDeniedException("/a")))
        .isEqualTo("/a may not be read or written by this user");
    assertThat(Murmuration.describe(new FileSystemException("/a", null, "Is a directory")))
        .isEqualTo("/a: Is a directory");
    assertThat(Murmuration.describe(new FileSystemException("/a")))
        .isEqualTo("/a cannot be used (FileSystemException)");
  }

  @Test
  void whatOnlyWrapsIsPassedOver() {
    assertThat(
            Murmuration.describe(
                new IOException(
                    "no answer", new ExecutionException(new IOException("too\n late")))))
        .isEqualTo("no answer: too late");
  }
}
