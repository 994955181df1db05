package io.murmuration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.murmuration.config.TrainingOptions.ParametersKind;
import io.murmuration.demo.CanaryAudit;
import io.murmuration.demo.DemoSettings;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.audit.OneRunVerdict;
import io.murmuration.report.AuditPage;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code murmuration audit}: tries to break the claim of a setting through its releases. */
@Command(
    name = "audit",
    description = {
      "Tries to falsify a stated epsilon from outside: canary users, each in or out by a fair coin,"
          + " in a run with a domain and a ledger of its own, then guesses from its newest release"
          + " who took part.",
      "Exit code 1 means that the claim is falsified, 2 that the audit did not come to its end."
          + " Interrupted, it goes on where it was when asked again with the same options."
    },
    // 1 would read as a verdict
    exitCodeOnExecutionException = AuditCommand.NO_VERDICT,
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    sortOptions = false)
final class AuditCommand implements Callable<Integer> {

  /** The exit code where there is no verdict: neither success nor falsified. */
  static final int NO_VERDICT = 2;

  static final String PAGE = "audit.html";

  /** Rounds follow each other as fast as they can: nobody watches an audit's schedule. */
  private static final Duration ROUND_INTERVAL = Duration.ofMillis(250);

  /** The audit's own domain; no option names another. */
  static final String DOMAIN = "audit";

  @Spec private CommandSpec spec;
  @Mixin private LocalRunOptions run;

  @Option(
      names = "--out",
      defaultValue = "murmuration-audit",
      description = "Where everything goes, the audit's own ledger included.")
  private Path out;

  @Option(names = "--canaries", defaultValue = "1000", description = "Users who toss a coin.")
  private int canaries;

  @Option(names = "--learning-rate", defaultValue = "0.006", description = "Of Adam.")
  private double learningRate;

  @Option(
      names = "--held-out-users",
      defaultValue = "2000",
      description = "As for demo: users of --events who are left out, so that the stream is its.")
  private int heldOutUsers;

  @Override
  public Integer call() throws Exception {
    DemoSettings settings = settings();
    PrintWriter progress = run.json() ? spec.commandLine().getErr() : spec.commandLine().getOut();
    CanaryAudit.Outcome outcome =
        new CanaryAudit(settings, canaries, progress, System.console() != null).run();
    Path page = settings.out().resolve(PAGE);
    Files.writeString(
        page,
        AuditPage.of(
            DOMAIN, outcome.manifest().releaseName(), outcome.verdict(), outcome.scores()));
    PrintWriter writer = spec.commandLine().getOut();
    writer.println(run.json() ? toJson(outcome, page) : inWords(outcome.verdict(), page));
    writer.flush();
    return outcome.verdict().falsified() ? 1 : 0;
  }

  private DemoSettings settings() {
    run.check();
    run.require(canaries >= 10, "--canaries must be at least 10 but is " + canaries);
    run.require(heldOutUsers >= 1, "--held-out-users must be at least 1 but is " + heldOutUsers);
    Path directory = out.toAbsolutePath().normalize();
    return new DemoSettings(
        run.events(),
        run.model(),
        directory,
        directory.resolve("ledger"),
        DOMAIN,
        run.epsilon(),
        run.delta(),
        /* raiseBudget= */ false,
        run.rounds(),
        /* lifetime= */ null,
        run.expectedCohort(),
        run.samplingProbability(/* population= */ null),
        /* groupSize= */ 1,
        /* clipNorm= */ 1,
        learningRate,
        ParametersKind.LORA,
        run.loraRank(),
        run.maxTokens(),
        Optional.of(run.roundInterval().orElse(ROUND_INTERVAL)),
        // canaries are there before the first round
        /* rate= */ OptionalDouble.of(Double.POSITIVE_INFINITY),
        heldOutUsers,
        /* heldOutMessages= */ 200,
        /* heldOutPublic= */ false,
        /* evaluateEvery= */ Math.toIntExact(Math.min(Integer.MAX_VALUE, run.rounds())),
        /* checkpointInterval= */ Duration.ofSeconds(2),
        run.parallelism(),
        run.webPort(),
        /* seed= */ 1);
  }

  private static String inWords(OneRunVerdict verdict, Path page) {
    return """
    epsilon claimed      %s at delta %s
    epsilon at least     %s (95 %% confidence)
    guesses right        %d of %d, from %d canaries; %s
    report               %s

    %s\
    """
        .formatted(
            PrivacyLoss.text(verdict.claimed(), /* decimals= */ 4),
            verdict.delta(),
            PrivacyLoss.lowerText(verdict.epsilonLower(), /* decimals= */ 4),
            verdict.guesses().correct(),
            verdict.guesses().guesses(),
            verdict.guesses().canaries(),
            power(verdict),
            page,
            verdict.falsified()
                ? "The claim is falsified."
                : "The claim is not contradicted, which does not prove it.");
  }

  /** What the audit could have found at all. */
  private static String power(OneRunVerdict verdict) {
    return verdict.guessesToFalsify().isPresent()
        ? "from %d on the claim would be falsified".formatted(verdict.guessesToFalsify().getAsInt())
        : "not even all would falsify the claim, give more --canaries";
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
    if (verdict.guessesToFalsify().isPresent()) {
      root.put("guesses_to_falsify", verdict.guessesToFalsify().getAsInt());
    } else {
      root.putNull("guesses_to_falsify");
    }
    root.put("epsilon_by_guesses", verdict.byGuesses());
    root.put("epsilon_by_trade_off", verdict.byTradeOff());
    root.put("falsified", verdict.falsified());
    root.put("release", outcome.manifest().releaseName());
    root.put("report", page.toString());
    return root.toPrettyString();
  }
}
