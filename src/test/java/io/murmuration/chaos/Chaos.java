package io.murmuration.chaos;

import io.murmuration.privacy.mechanism.Sampler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code scripts/chaos}. */
@Command(
    name = "chaos",
    description =
        "Kills task managers, job manager and broker of a real cluster under traffic, restores in"
            + " every way, and audits what is left. Exits with 1 if an invariant is broken, with 2"
            + " if the run did not come to its end.",
    mixinStandardHelpOptions = true,
    showDefaultValues = true)
final class Chaos implements Callable<Integer> {

  @Option(
      names = "--minutes",
      description = "For how long cycles are begun; the first is always completed.")
  private double minutes = 2;

  @Option(
      names = "--kills",
      description =
          "At least so many kills before the end, a kill of everything counting as one; storms are"
              + " longer then.")
  private int kills;

  @Option(
      names = "--broker-away",
      paramLabel = "MINUTES",
      description = "Before the first cycle the broker stays away for so long.")
  private double brokerAway;

  @Option(names = "--seed", description = "Of what is killed when; random where not given.")
  private Long seed;

  @Option(
      names = "--dir",
      description =
          "Directory of logs, state and releases, kept afterwards; a temporary one where not"
              + " given.")
  private Path directory;

  @Option(
      names = "--port",
      description = "First of three ports; 0 lets the operating system choose.")
  private int port;

  @Option(
      names = "--horizon",
      arity = "0..1",
      fallbackValue = "ULS",
      paramLabel = "SAMPLER",
      description =
          "The budget is each user's, for few rounds of each of three generations, and users are"
              + " sampled as a whole (ULS) or their examples are (ELS); it is audited from a trace"
              + " of samples that nobody was in more rounds. ULS where the name is left out.")
  private Sampler horizon;

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Chaos())
            .setExecutionExceptionHandler((failure, command, parsed) -> report(failure, command))
            .execute(args));
  }

  /** What went wrong, in a line; where it was thrown matters to nobody who reads a terminal. */
  private static int report(Exception failure, CommandLine command) {
    command.getErr().println("chaos: the run was given up: " + failure.getMessage());
    return 2;
  }

  @Override
  public Integer call() throws Exception {
    long chosen = seed == null ? ThreadLocalRandom.current().nextInt(1_000_000) : seed;
    Path where = directory == null ? Files.createTempDirectory("murmuration-chaos") : directory;
    System.out.printf("seed %d, directory %s%n", chosen, where);
    ChaosOptions options =
        new ChaosOptions(
            where, chosen, minutes(minutes), kills, minutes(brokerAway), port, horizon);
    try (ChaosRun run = new ChaosRun(options, System.out::println)) {
      ChaosAudit.Result result = run.run();
      System.out.println(result.table());
      return result.violations().isEmpty() ? 0 : 1;
    }
  }

  private static Duration minutes(double minutes) {
    return Duration.ofMillis(Math.round(minutes * 60_000));
  }
}
