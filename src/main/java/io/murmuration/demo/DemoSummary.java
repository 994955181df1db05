package io.murmuration.demo;

import io.murmuration.privacy.accounting.PrivacyLoss;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What a run of the demo came to, as text for the terminal.
 *
 * <p>It is for the person at the keyboard: the losses on a stream of real users are exact functions
 * of private data and belong to no release.
 *
 * @param run what was run and spent
 * @param heldOut loss on held-out text
 * @param trend what was learned of the trend, if the stream was the generated one
 * @param secrets what was learned of secrets, if the stream was the generated one
 */
public record DemoSummary(
    Run run,
    HeldOut heldOut,
    Optional<TrendProbe.Finding> trend,
    Optional<MemorizationProbe.Finding> secrets) {

  /** The column in which values begin: behind the longest label. */
  private static final int LABEL_WIDTH = 34;

  /**
   * What was run and spent.
   *
   * @param halt why training ended
   * @param late charges in the ledger that came later than its public schedule had them
   * @param events events that were fed
   * @param deadLetters how many of them could not be used, by reason
   * @param output directory of the releases
   * @param report the HTML page about the run
   */
  public record Run(
      long rounds,
      long releases,
      double epsilonSpent,
      double epsilonBudget,
      double delta,
      long events,
      SortedMap<String, Long> deadLetters,
      Duration wallTime,
      String halt,
      long late,
      Path output,
      Path report) {}

  /** Loss on held-out text in nats per token, of the base model and of the last release. */
  public record HeldOut(double base, double adapted) {}

  /** The summary, in lines that end in a line feed. */
  public String render() {
    List<String> lines = new ArrayList<>();
    lines.add("");
    row(lines, "rounds", "%d (%s)", run.rounds(), run.halt());
    row(
        lines,
        "later than scheduled",
        run.late() == 0 ? "none of them" : "%d of them, as the ledger says for all to see",
        run.late());
    row(
        lines,
        "privacy spent",
        "epsilon %s of %s at delta %s, per user",
        PrivacyLoss.text(run.epsilonSpent(), /* decimals= */ 4),
        run.epsilonBudget(),
        run.delta());
    row(lines, "events fed", "%,d", run.events());
    row(lines, "dead letters", "%s", DeadLetterTally.render(run.deadLetters()));
    row(lines, "releases", "%d in %s", run.releases(), run.output());
    row(lines, "report", "%s", run.report());
    row(lines, "wall time", "%s", readable(run.wallTime()));
    lines.add("");
    lines.add(columns("loss, nats per token", "base", "now"));
    lines.add(columns("held-out text", heldOut.base(), heldOut.adapted()));
    trend.ifPresent(
        finding -> {
          lines.add(columns("  old topics", finding.oldTopicsBase(), finding.oldTopicsAdapted()));
          lines.add(columns("  the trend", finding.trendBase(), finding.trendAdapted()));
        });
    trend.ifPresent(finding -> addTrend(lines, finding));
    secrets.ifPresent(finding -> addSecrets(lines, finding));
    return String.join("\n", lines) + "\n";
  }

  private static void addTrend(List<String> lines, TrendProbe.Finding finding) {
    lines.add("");
    lines.add(
        finding.learned()
            ? "The model has learned the trend that many users share."
            : "The model has NOT learned the trend: its sentences are no more likely than before.");
  }

  private static void addSecrets(List<String> lines, MemorizationProbe.Finding finding) {
    lines.add("");
    lines.add(columns("gain, nats per token", "told", "untold"));
    lines.add(
        columns(
            "%d secrets told, %d untold".formatted(finding.told(), finding.untold()),
            finding.toldGain(),
            finding.untoldGain()));
    row(
        lines,
        "told secret gains more",
        "in %.0f %% of pairs (50 %% is chance; p = %.3f)",
        100 * finding.auc(),
        finding.pValue());
    row(
        lines,
        "exposure of told secrets",
        "%.2f bits (%.2f is chance)",
        finding.exposureBits(),
        finding.chanceExposureBits());
    lines.add("");
    lines.add(
        finding.memorized()
            ? "The secrets of single users are MORE likely than secrets nobody wrote."
            : "The secrets of single users are no more likely than secrets nobody wrote.");
  }

  private static void row(List<String> lines, String label, String format, Object... values) {
    lines.add(pad(label) + String.format(Locale.ROOT, format, values));
  }

  private static String columns(String label, double left, double right) {
    return columns(
        label, String.format(Locale.ROOT, "%.3f", left), String.format(Locale.ROOT, "%.3f", right));
  }

  private static String columns(String label, String left, String right) {
    return pad(label) + String.format(Locale.ROOT, "%8s%10s", left, right);
  }

  private static String pad(String label) {
    return label + " ".repeat(Math.max(1, LABEL_WIDTH - label.length()));
  }

  private static String readable(Duration duration) {
    return duration.toMinutes() > 0
        ? "%d min %d s".formatted(duration.toMinutes(), duration.toSecondsPart())
        : "%d s".formatted(duration.toSeconds());
  }
}
