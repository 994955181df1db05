package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.demo.CanaryAudit;
import io.murmuration.demo.DemoSettings;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.audit.OneRunVerdict;
import io.murmuration.report.AuditPage;
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

/** {@code murmuration audit}: tries to break the claim of a setting through its releases. */
@Command(
    name = "audit",
    description = {
      "Tries to falsify a stated epsilon from outside: canary users, each in or out by a fair coin,"
          + " in a run with a domain and a ledger of its own, then guesses from its newest release"
          + " who took part.",
      "Exit code 1 means that the claim is falsified. Interrupted, it goes on where it was when"
          + " asked again with the same options."
    },
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false)
public final class AuditCommand implements Callable<Integer> {

  static final String PAGE = "audit.html";

  /** The audit's own domain; no option names another. */
  static final String DOMAIN = "audit";

  private static final double GENERATED_POPULATION = 4_000;
  private static final double DEFAULT_POPULATION = 15_000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description = "The canaries' company, as for demo; without it a generated stream.")
  private Path events;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "Base model in Hugging Face layout; without it the project's own small one.")
  private Path model;

  @Option(
      names = "--out",
      defaultValue = "murmuration-audit",
      description = "Where everything goes, the audit's own ledger included.")
  private Path out;

  @Option(names = "--canaries", defaultValue = "1000", description = "Users who toss a coin.")
  private int canaries;

  @Option(names = "--epsilon", defaultValue = "8", description = "Budget of the audited setting.")
  private double epsilon;

  @Option(names = "--delta", defaultValue = "1e-6", description = "Its delta.")
  private double delta;

  @Option(names = "--rounds", defaultValue = "80", description = "Rounds to plan for.")
  private long rounds;

  @Option(
      names = "--expected-cohort",
      paramLabel = "M",
      description = "As for demo; 512 for the generated stream, 1024 for --events.")
  private Double expectedCohort;

  @Option(
      names = "--sampling-probability",
      paramLabel = "Q",
      description = "As for demo; M / 4000 for the generated stream, M / 15000 for --events.")
  private Double samplingProbability;

  @Option(names = "--learning-rate", defaultValue = "0.006", description = "Of Adam.")
  private double learningRate;

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
      description = "Length of a tick.")
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

  @Override
  public Integer call() throws Exception {
    DemoSettings settings = settings();
    PrintWriter progress = json ? spec.commandLine().getErr() : spec.commandLine().getOut();
    CanaryAudit.Outcome outcome =
        new CanaryAudit(settings, canaries, progress, System.console() != null).run();
    Path page = settings.out().resolve(PAGE);
    Files.writeString(
        page,
        AuditPage.of(
            DOMAIN, outcome.manifest().releaseName(), outcome.verdict(), outcome.scores()));
    PrintWriter writer = spec.commandLine().getOut();
    writer.println(json ? toJson(outcome, page) : inWords(outcome.verdict(), page));
    writer.flush();
    return outcome.verdict().falsified() ? 1 : 0;
  }

  private DemoSettings settings() {
    require(
        events == null || Files.isReadable(events),
        "--events: there is no readable file " + events);
    require(model == null || Files.isDirectory(model), "--model: there is no directory " + model);
    require(canaries >= 10, "--canaries must be at least 10 but is " + canaries);
    require(rounds >= 1, "--rounds must be at least 1 but is " + rounds);
    boolean generated = events == null;
    double cohort = expectedCohort != null ? expectedCohort : generated ? 512 : 1024;
    double population = generated ? GENERATED_POPULATION : DEFAULT_POPULATION;
    double q = samplingProbability != null ? samplingProbability : cohort / population;
    require(
        q > 0 && q <= 1,
        "the sampling probability must be in (0, 1] but is %s; give --sampling-probability"
            .formatted(q));
    Path directory = out.toAbsolutePath().normalize();
    return new DemoSettings(
        events == null ? null : events.toAbsolutePath().normalize(),
        model == null ? null : model.toAbsolutePath().normalize(),
        directory,
        directory.resolve("ledger"),
        DOMAIN,
        epsilon,
        delta,
        /* raiseBudget= */ false,
        rounds,
        cohort,
        q,
        /* groupSize= */ 1,
        /* clipNorm= */ 1,
        learningRate,
        loraRank,
        maxTokens,
        roundInterval,
        // canaries are there before the first round
        /* rate= */ OptionalDouble.of(Double.POSITIVE_INFINITY),
        /* heldOutUsers= */ 2000,
        /* heldOutMessages= */ 200,
        /* heldOutPublic= */ false,
        /* evaluateEvery= */ Math.toIntExact(Math.min(Integer.MAX_VALUE, rounds)),
        /* checkpointInterval= */ Duration.ofSeconds(2),
        parallelism,
        webPort,
        /* seed= */ 1);
  }

  private void require(boolean holds, String message) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  private static String inWords(OneRunVerdict verdict, Path page) {
    return """
    epsilon claimed      %s at delta %s
    epsilon at least     %.4f (95 %% confidence)
    guesses right        %d of %d, from %d canaries
    report               %s

    %s\
    """
        .formatted(
            PrivacyLoss.text(verdict.claimed(), /* decimals= */ 4),
            verdict.delta(),
            verdict.epsilonLower(),
            verdict.guesses().correct(),
            verdict.guesses().guesses(),
            verdict.guesses().canaries(),
            page,
            verdict.falsified()
                ? "The claim is falsified."
                : "The claim is not contradicted, which does not prove it.");
  }

  private static String toJson(CanaryAudit.Outcome outcome, Path page) {
    OneRunVerdict verdict = outcome.verdict();
    ObjectNode root = new ObjectMapper().createObjectNode();
    root.put("epsilon_lower", verdict.epsilonLower());
    root.put("epsilon_claimed", verdict.claimed());
    root.put("canaries", verdict.guesses().canaries());
    root.put("delta", verdict.delta());
    root.put("canaries_in", outcome.scores().in());
    root.put("guesses", verdict.guesses().guesses());
    root.put("guesses_correct", verdict.guesses().correct());
    root.put("epsilon_by_guesses", verdict.byGuesses());
    root.put("epsilon_by_trade_off", verdict.byTradeOff());
    root.put("falsified", verdict.falsified());
    root.put("release", outcome.manifest().releaseName());
    root.put("report", page.toString());
    return root.toPrettyString();
  }
}
