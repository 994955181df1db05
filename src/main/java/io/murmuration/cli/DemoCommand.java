package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.DemoRun;
import io.murmuration.demo.DemoSettings;
import io.murmuration.event.InteractionProducer;
import io.murmuration.privacy.ledger.HaltReason;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code murmuration demo}: all of it in one process. */
@Command(
    name = "demo",
    description = {
      "Runs the whole pipeline in one process: Kafka broker, Flink with its web UI, a stream of"
          + " events, training, releases.",
      "Ends by itself when the budget halts training or the rounds are done. A later demo with the"
          + " same --ledger continues to spend where this one ended."
    },
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false)
public final class DemoCommand implements Callable<Integer> {

  /** Planning figure for the generated stream, whose population is public because we make it. */
  private static final double GENERATED_POPULATION = 4_000;

  /** Planning figure for somebody's own events. A public constant, not a count. */
  private static final double DEFAULT_POPULATION = 15_000;

  @Spec private CommandSpec spec;

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

  @Option(
      names = "--unpack-model",
      paramLabel = "DIR",
      description =
          "Only write the project's own base model to a directory, for training.model; nothing is"
              + " run.")
  private Path unpackModel;

  @Option(names = "--out", defaultValue = "murmuration-demo", description = "Where results go.")
  private Path out;

  @Option(
      names = "--ledger",
      paramLabel = "DIR",
      description = "Ledger directory; OUT/ledger where not given.")
  private Path ledger;

  @Option(names = "--domain", defaultValue = "demo", description = "Name of the privacy domain.")
  private String domain;

  @Option(names = "--epsilon", defaultValue = "8", description = "Budget.")
  private double epsilon;

  @Option(names = "--delta", defaultValue = "1e-6", description = "Its delta.")
  private double delta;

  @Option(
      names = "--raise-budget",
      description =
          "Raise the budget of an existing ledger to --epsilon and --delta; recorded there.")
  private boolean raiseBudget;

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
      names = "--population",
      paramLabel = "N",
      description =
          "Public planning figure of the population, never a count of the data; 4000 for the"
              + " generated stream, 15000 for --events.")
  private Double population;

  @Option(
      names = "--sampling-probability",
      paramLabel = "Q",
      description = "Probability of a user to take part in a round; M / N where not given.")
  private Double samplingProbability;

  @Option(
      names = "--group-size",
      defaultValue = "1",
      description = "Most examples of a sampled user in a round.")
  private int groupSize;

  @Option(names = "--clip-norm", defaultValue = "1", description = "L2 bound of a user's update.")
  private double clipNorm;

  @Option(
      names = "--learning-rate",
      description =
          "Highest rate of Adam, which falls over the rounds; the job's own default if not given.")
  private Double learningRate;

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
      defaultValue = "250ms",
      description = "Length of a tick, for example 250ms or 2s.")
  private Duration roundInterval;

  @Option(
      names = "--rate",
      paramLabel = "EVENTS/S",
      description =
          "Events per second at most. Without it --events is fed before the job starts, and the"
              + " generated stream by the clock of rounds: all of it within a quarter of --rounds,"
              + " on every machine alike.")
  private Double rate;

  @Option(
      names = "--held-out-users",
      defaultValue = "2000",
      description = "Users of --events, by hash of their id, that are only evaluated on.")
  private int heldOutUsers;

  @Option(
      names = "--held-out-messages",
      defaultValue = "1000",
      description = "Messages that the loss is measured on, users in turn.")
  private int heldOutMessages;

  @Option(
      names = "--held-out-public",
      description =
          "The text of --events is public, so that its held-out loss may stand in the report.")
  private boolean heldOutPublic;

  @Option(
      names = "--evaluate-every",
      defaultValue = "10",
      description = "Rounds between two measurements of the held-out loss.")
  private int evaluateEvery;

  @Option(
      names = "--checkpoint-interval",
      converter = DurationConverter.class,
      defaultValue = "2s",
      description = "Releases become visible with checkpoints.")
  private Duration checkpointInterval;

  @Option(names = "--parallelism", defaultValue = "2", description = "Of ingest and sampling.")
  private int parallelism;

  @Option(
      names = "--web-port",
      defaultValue = "8081",
      description = "Port of the web UI; the next free one if taken.")
  private int webPort;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the generated stream; sampling and noise have no seed.")
  private long seed;

  @Option(
      names = "--json",
      description = "Print the summary as JSON on standard output, progress on standard error.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    if (unpackModel != null) {
      Path unpacked = DemoModel.unpack(unpackModel.toAbsolutePath().normalize());
      spec.commandLine().getOut().println("base model: " + unpacked);
      return 0;
    }
    DemoSettings settings = settings();
    PrintWriter progress = json ? spec.commandLine().getErr() : spec.commandLine().getOut();
    DemoRun.Outcome outcome = new DemoRun(settings, progress, System.console() != null).run();
    if (json) {
      spec.commandLine().getOut().println(toJson(outcome));
    } else {
      print(outcome);
    }
    return outcome.halt() == HaltReason.FENCED ? 1 : 0;
  }

  private DemoSettings settings() {
    require(
        events == null || Files.isReadable(events),
        "--events: there is no readable file " + events);
    require(model == null || Files.isDirectory(model), "--model: there is no directory " + model);
    require(
        heldOutMessages >= 2, "--held-out-messages must be at least 2 but is " + heldOutMessages);
    require(heldOutUsers >= 1, "--held-out-users must be at least 1 but is " + heldOutUsers);
    require(evaluateEvery >= 1, "--evaluate-every must be at least 1 but is " + evaluateEvery);
    require(rounds >= 1, "--rounds must be at least 1 but is " + rounds);
    boolean generated = events == null;
    double cohort = expectedCohort != null ? expectedCohort : generated ? 512 : 1024;
    double people =
        population != null ? population : generated ? GENERATED_POPULATION : DEFAULT_POPULATION;
    double q = samplingProbability != null ? samplingProbability : cohort / people;
    require(
        q > 0 && q <= 1,
        "the sampling probability must be in (0, 1] but is %s; give --sampling-probability, or an --expected-cohort below --population"
            .formatted(q));
    require(rate == null || rate > 0, "--rate must be above 0 but is " + rate);
    OptionalDouble pace =
        rate != null
            ? OptionalDouble.of(rate)
            : generated ? OptionalDouble.empty() : OptionalDouble.of(InteractionProducer.UNLIMITED);
    Path directory = out.toAbsolutePath().normalize();
    return new DemoSettings(
        events,
        model == null ? null : model.toAbsolutePath().normalize(),
        directory,
        ledger == null ? directory.resolve("ledger") : ledger.toAbsolutePath().normalize(),
        domain,
        epsilon,
        delta,
        raiseBudget,
        rounds,
        cohort,
        q,
        groupSize,
        clipNorm,
        learningRate,
        loraRank,
        maxTokens,
        roundInterval,
        pace,
        heldOutUsers,
        heldOutMessages,
        heldOutPublic,
        evaluateEvery,
        checkpointInterval,
        parallelism,
        webPort,
        seed);
  }

  private void require(boolean holds, String message) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  private void print(DemoRun.Outcome outcome) {
    PrintWriter writer = spec.commandLine().getOut();
    writer.print(outcome.summary().render());
    if (outcome.losses().size() > 1) {
      writer.println();
      writer.println("round     held-out loss, nats per token");
      outcome
          .losses()
          .forEach(
              m -> writer.printf("%-9s %.3f%n", m.round() == 0 ? "base" : m.round(), m.loss()));
    }
    writer.flush();
  }

  private static String toJson(DemoRun.Outcome outcome) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    var run = outcome.summary().run();
    root.put("rounds", run.rounds());
    root.put("releases", run.releases());
    root.put("epsilon_spent", run.epsilonSpent());
    root.put("epsilon_budget", run.epsilonBudget());
    root.put("delta", run.delta());
    root.put("events", run.events());
    root.set("dead_letters", mapper.valueToTree(run.deadLetters()));
    root.put("wall_seconds", run.wallTime().toMillis() / 1000.0);
    root.put("halt", outcome.halt().name());
    root.put("output", run.output().toString());
    root.put("report", run.report().toString());
    ArrayNode losses = root.putArray("held_out_loss");
    outcome
        .losses()
        .forEach(m -> losses.addObject().put("round", m.round()).put("nats_per_token", m.loss()));
    outcome.summary().trend().ifPresent(t -> root.set("trend", mapper.valueToTree(t)));
    outcome.summary().secrets().ifPresent(s -> root.set("secrets", mapper.valueToTree(s)));
    return root.toPrettyString();
  }
}
