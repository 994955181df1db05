package io.murmuration.cli;

import io.murmuration.config.InvalidConfigurationException;
import io.murmuration.terminal.OneLine;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The {@code murmuration} command.
 *
 * <p>Exit codes: 0 done, 1 failed (one line on standard error says why; {@code --debug} adds the
 * trace), 2 wrong usage.
 */
@Command(
    name = "murmuration",
    description =
        "Fine-tunes language models on a stream of user interactions with user-level differential"
            + " privacy.",
    mixinStandardHelpOptions = true,
    versionProvider = Murmuration.Version.class,
    subcommands = {
      DemoCommand.class,
      RunCommand.class,
      TopicsCommand.class,
      BrokerCommand.class,
      ProduceCommand.class,
      EraseCommand.class,
      EvaluateCommand.class,
      GenerateCommand.class,
      ServeCommand.class,
      MergeCommand.class,
      ReportCommand.class,
      ReleasesCommand.class,
      InspectCommand.class,
      LedgerCommand.class,
      AuditCommand.class,
      AccountCommand.class,
      CalibrateCommand.class,
      CompareCommand.class,
      PlanCommand.class,
      StatementCommand.class,
      GenerateCompletion.class,
      HelpCommand.class
    })
public final class Murmuration implements Runnable {

  @Spec private CommandSpec spec;

  @CommandLine.Option(
      names = "--debug",
      scope = CommandLine.ScopeType.INHERIT,
      description = "Print stack traces of failures.")
  private boolean debug;

  /** Version and, where it is known, the commit. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String commit = System.getProperty("murmuration.commit", "");
      return new String[] {"murmuration 0.1.0" + (commit.isEmpty() ? "" : ", commit " + commit)};
    }
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "A command is required");
  }

  /**
   * Builds the command line; apart from {@link #main} so that tests can run commands in-process.
   */
  public static CommandLine commandLine() {
    Murmuration root = new Murmuration();
    CommandLine commandLine = new CommandLine(root);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    sayVersion(commandLine);
    commandLine.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          command
              .getErr()
              .println(
                  "murmuration: "
                      + OneLine.of(exception, InvalidConfigurationException.class::isInstance));
          if (root.debug) {
            exception.printStackTrace(command.getErr());
          }
          return command.getCommandSpec().exitCodeOnExecutionException();
        });
    commandLine.setParameterExceptionHandler(
        (exception, arguments) -> {
          CommandLine command = exception.getCommandLine();
          command
              .getErr()
              .println("murmuration: " + exception.getMessage().replaceAll("\\s*\\R\\s*", " "));
          if (root.debug) {
            exception.printStackTrace(command.getErr());
          }
          command
              .getErr()
              .printf(
                  "%s --help says what is expected%n", command.getCommandSpec().qualifiedName());
          return ExitCode.USAGE;
        });
    return commandLine;
  }

  /** Every command has the option, and would have nothing to say. */
  private static void sayVersion(CommandLine command) {
    command.getCommandSpec().versionProvider(new Version());
    command.getSubcommands().values().forEach(Murmuration::sayVersion);
  }

  /** Entry point. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }
}
