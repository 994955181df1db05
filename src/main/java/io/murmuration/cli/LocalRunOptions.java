package io.murmuration.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What a whole run in one process is told, be it for show or to be audited. */
final class LocalRunOptions {

  /** Planning figure for the generated stream, whose population is public because we make it. */
  private static final double GENERATED_POPULATION = 4_000;

  /** Planning figure for somebody's own events. A public constant, not a count. */
  private static final double DEFAULT_POPULATION = 15_000;

  /** Expected cohorts where none is given: of the generated stream, and of somebody's events. */
  private static final double GENERATED_COHORT = 512;

  private static final double DEFAULT_COHORT = 1024;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description =
          "JSON lines with user_id, event_time and text, plain or .gz; without it a generated"
              + " stream.")
  private Path events;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "Base model in Hugging Face layout; without it the project's own small one.")
  private Path model;

  @Option(names = "--epsilon", defaultValue = "8", description = "Budget.")
  private double epsilon;

  @Option(names = "--delta", defaultValue = "1e-6", description = "Its delta.")
  private double delta;

  @Option(
      names = "--rounds",
      defaultValue = "80",
      description = "Rounds to plan for; the noise is calibrated to them.")
  private long rounds;

  @Option(
      names = "--expected-cohort",
      paramLabel = "M",
      description =
          "Public expected number of users in a round; 512 for the generated stream, 1024 for"
              + " --events.")
  private Double expectedCohort;

  @Option(
      names = "--sampling-probability",
      paramLabel = "Q",
      description =
          "Probability of a user to take part in a round; M over the population where not given,"
              + " for which 4000 is planned with the generated stream and 15000 with --events.")
  private Double samplingProbability;

  @Option(names = "--lora-rank", defaultValue = "8", description = "Rank of the adapter.")
  private int loraRank;

  @Option(
      names = "--max-tokens",
      defaultValue = "64",
      description = "An example is cut at so many tokens.")
  private int maxTokens;

  @Option(
      names = "--round-interval",
      converter = DurationConverter.class,
      description =
          "Length of a tick, for example 250ms or 2s, at which rounds begin. Without it demo takes"
              + " the ledger's, or one that rounds fit on this machine, measured on made-up"
              + " sentences; audit, which publishes nothing, takes 250ms.")
  private Duration roundInterval;

  @Option(names = "--parallelism", defaultValue = "2", description = "Of ingest and sampling.")
  private int parallelism;

  @Option(
      names = "--web-port",
      defaultValue = "8081",
      description = "Port of the web UI; the next free one if taken.")
  private int webPort;

  @Option(
      names = "--json",
      description = "Print the result as JSON on standard output, progress on standard error.")
  private boolean json;

  /**
   * Refuses what can be seen to be wrong before anything is started.
   *
   * @throws ParameterException naming the option
   */
  void check() {
    require(
        events == null || Files.isReadable(events),
        "--events: there is no readable file " + events);
    require(model == null || Files.isDirectory(model), "--model: there is no directory " + model);
    require(rounds >= 1, "--rounds must be at least 1 but is " + rounds);
  }

  /**
   * Refuses a value.
   *
   * @param message naming the option, what it must be and what it is
   */
  void require(boolean holds, String message) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  /** The file of events; null for a generated stream. */
  Path events() {
    return absolute(events);
  }

  /** The base model's directory; null for the project's own. */
  Path model() {
    return absolute(model);
  }

  private static Path absolute(Path path) {
    return path == null ? null : path.toAbsolutePath().normalize();
  }

  boolean generated() {
    return events == null;
  }

  double expectedCohort() {
    return expectedCohort != null
        ? expectedCohort
        : generated() ? GENERATED_COHORT : DEFAULT_COHORT;
  }

  /**
   * q, as given or from the cohort.
   *
   * @param population a public planning figure; null for the one of the events
   * @throws ParameterException if it is no probability
   */
  double samplingProbability(Double population) {
    double people =
        population != null ? population : generated() ? GENERATED_POPULATION : DEFAULT_POPULATION;
    double q = samplingProbability != null ? samplingProbability : expectedCohort() / people;
    require(
        q > 0 && q <= 1,
        "the sampling probability must be in (0, 1] but is %s; give --sampling-probability, or an --expected-cohort below the population"
            .formatted(q));
    return q;
  }

  double epsilon() {
    return epsilon;
  }

  double delta() {
    return delta;
  }

  long rounds() {
    return rounds;
  }

  int loraRank() {
    return loraRank;
  }

  int maxTokens() {
    return maxTokens;
  }

  Optional<Duration> roundInterval() {
    return Optional.ofNullable(roundInterval);
  }

  int parallelism() {
    return parallelism;
  }

  int webPort() {
    return webPort;
  }

  boolean json() {
    return json;
  }
}
