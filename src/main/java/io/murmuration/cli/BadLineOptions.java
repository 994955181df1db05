package io.murmuration.cli;

import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What a command that reads JSON lines does with a line that it cannot use. */
final class BadLineOptions {

  /** The answers. */
  enum Answer {
    /** End with an error. */
    STOP,
    /** Say so on standard error, count it and go on. */
    SKIP
  }

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--bad-lines",
      defaultValue = "STOP",
      description =
          "What to do with a line that cannot be used: ${COMPLETION-CANDIDATES}; default: stop.")
  private Answer answer = Answer.STOP;

  private long count;

  /**
   * Answers one.
   *
   * @param fault line, file and reason
   * @throws IllegalArgumentException with it, unless such lines are skipped
   */
  void reject(String fault) {
    if (answer == Answer.STOP) {
      throw new IllegalArgumentException(fault + " (--bad-lines skip leaves such lines out)");
    }
    count++;
    PrintWriter err = spec.commandLine().getErr();
    err.println("skipped " + fault);
    err.flush();
  }

  /** How many were skipped. */
  long count() {
    return count;
  }

  /** A sentence about them for people, empty if there were none. */
  String summary() {
    return count == 0 ? "" : String.format(Locale.ROOT, "; %,d bad lines were left out", count);
  }
}
