package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.demo.DemoModel;
import io.murmuration.demo.DemoRun;
import io.murmuration.demo.DemoSettings;
import io.murmuration.demo.LifetimeRun;
import io.murmuration.demo.LifetimeSummary;
import io.murmuration.event.InteractionProducer;
import io.murmuration.privacy.ledger.HaltReason;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration demo}: all of it in one process. */
@Command(
    name = "demo",
    description = {
      "Runs the whole pipeline in one process: Kafka broker, Flink with its web UI, a stream of"
          + " events, training, releases.",
      "Ends by itself when the budget halts training or the rounds are done. A later demo with the"
          + " same --ledger continues to spend where this one ended.",
      "With --horizon the budget is each user's: people come and go, topics trend in turn, and"
          + " training never halts; the demo ends after --rounds."
    },
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false)
final class DemoCommand implements Callable<Integer> {

  private static final String OUT = "murmuration-demo";
  private static final String LIFETIMES_OUT = OUT + "/lifetimes";

  @Spec private CommandSpec spec;
  @Mixin private LocalRunOptions run;

  @Option(
      names = "--unpack-model",
      paramLabel = "DIR",
      description =
          "Only write the project's own base model to a directory, for training.model; nothing is"
              + " run.")
  private Path unpackModel;

  @Option(
      names = "--horizon",
      description =
          "Promise each user a lifetime instead of one budget for everybody, on a generated stream of"
              + " people who come and go.")
  private boolean ofLifetimes;

  @Option(
      names = "--lifetime",
      paramLabel = "ROUNDS",
      defaultValue = "20",
      description = "With --horizon: rounds of one user that the noise is calibrated to.")
  private long lifetime;

  @Option(
      names = "--out",
      description = "Where results go; murmuration-demo, and below it with --horizon.")
  private Path out;

  @Option(
      names = "--ledger",
      paramLabel = "DIR",
      description = "Ledger directory; OUT/ledger where not given.")
  private Path ledger;

  @Option(names = "--domain", defaultValue = "demo", description = "Name of the privacy domain.")
  private String domain;

  @Option(
      names = "--raise-budget",
      description =
          "Raise the budget of an existing ledger to --epsilon and --delta; recorded there.")
  private boolean raiseBudget;

  @Option(
      names = "--population",
      paramLabel = "N",
      description =
          "Public planning figure of the population, never a count of the data; 4000 for the"
              + " generated stream, 15000 for --events.")
  private Double population;

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

  @Option(
      names = "--parameters",
      paramLabel = "lora|all",
      defaultValue = "LORA",
      description =
          "What is trained: adapters, or every tensor, with whole models as releases; all learns"
              + " more where the model is small (docs/utility.md).")
  private ParametersKind parameters;

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

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the generated stream; sampling and noise have no seed.")
  private long seed;

  @Override
  public Integer call() throws Exception {
    if (unpackModel != null) {
      Path unpacked = DemoModel.unpack(unpackModel.toAbsolutePath().normalize());
      spec.commandLine().getOut().println("base model: " + unpacked);
      return 0;
    }
    DemoSettings settings = settings();
    PrintWriter progress = run.json() ? spec.commandLine().getErr() : spec.commandLine().getOut();
    if (ofLifetimes) {
      return lifetimes(settings, progress);
    }
    DemoRun.Outcome outcome = new DemoRun(settings, progress, System.console() != null).run();
    if (run.json()) {
      spec.commandLine().getOut().println(toJson(outcome));
    } else {
      print(outcome);
    }
    return outcome.halt() == HaltReason.FENCED ? 1 : 0;
  }

  private int lifetimes(DemoSettings settings, PrintWriter progress) throws Exception {
    LifetimeSummary summary = new LifetimeRun(settings, progress, System.console() != null).run();
    PrintWriter writer = spec.commandLine().getOut();
    writer.print(run.json() ? toJson(summary) : summary.render());
    writer.flush();
    return summary.isWithinLifetimes() && summary.run().halt() == null ? 0 : 1;
  }

  private DemoSettings settings() {
    run.check();
    run.require(
        !ofLifetimes || run.generated(), "--horizon generates its stream; --events is not for it");
    run.require(
        !ofLifetimes || parameters == ParametersKind.LORA,
        "--horizon reads adapters, and --parameters all releases none");
    run.require(lifetime >= 1, "--lifetime must be at least 1 but is " + lifetime);
    run.require(
        heldOutMessages >= 2, "--held-out-messages must be at least 2 but is " + heldOutMessages);
    run.require(heldOutUsers >= 1, "--held-out-users must be at least 1 but is " + heldOutUsers);
    run.require(evaluateEvery >= 1, "--evaluate-every must be at least 1 but is " + evaluateEvery);
    run.require(rate == null || rate > 0, "--rate must be above 0 but is " + rate);
    OptionalDouble pace =
        rate != null
            ? OptionalDouble.of(rate)
            : run.generated()
                ? OptionalDouble.empty()
                : OptionalDouble.of(InteractionProducer.UNLIMITED);
    Path given = out != null ? out : Path.of(ofLifetimes ? LIFETIMES_OUT : OUT);
    Path directory = given.toAbsolutePath().normalize();
    return new DemoSettings(
        run.events(),
        run.model(),
        directory,
        ledger == null ? directory.resolve("ledger") : ledger.toAbsolutePath().normalize(),
        domain,
        run.epsilon(),
        run.delta(),
        raiseBudget,
        run.rounds(),
        ofLifetimes ? lifetime : null,
        run.expectedCohort(),
        run.samplingProbability(population),
        groupSize,
        clipNorm,
        learningRate,
        parameters,
        run.loraRank(),
        run.maxTokens(),
        run.roundInterval(),
        pace,
        heldOutUsers,
        heldOutMessages,
        heldOutPublic,
        evaluateEvery,
        checkpointInterval,
        run.parallelism(),
        run.webPort(),
        seed);
  }

  private static String toJson(LifetimeSummary summary) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    var run = summary.run();
    root.put("rounds", run.rounds())
        .put("halt", run.halt())
        .put("horizon_rounds", run.horizon().rounds())
        .put("epsilon_spent", run.epsilonSpent())
        .put("epsilon_budget", run.epsilonBudget())
        .put("delta", run.delta())
        .put("releases", run.releases())
        .put("events", run.events())
        .put("people", run.people())
        .put("wall_seconds", run.wallTime().toMillis() / 1000.0)
        .put("output", run.output().toString());
    ArrayNode topics = root.putArray("topics");
    summary
        .topics()
        .forEach(
            topic ->
                topics
                    .addObject()
                    .put("name", topic.name())
                    .put("from_round", topic.from())
                    .put("to_round", topic.to())
                    .put("loss_before", topic.before())
                    .put("loss_after", topic.after())
                    .put("learned", topic.learned()));
    root.putObject("trace")
        .put("people_sampled", summary.trace().users())
        .put("longest_life_rounds", summary.trace().longest())
        .put("people_beyond", summary.trace().beyond())
        .put("people_returned_after_expiry", summary.trace().returned())
        .put("people_sampled_after_expiry", summary.trace().unheld());
    return root.toPrettyString() + "\n";
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
    root.put("late_rounds", run.late());
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
