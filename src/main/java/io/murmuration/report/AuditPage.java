package io.murmuration.report;

import gg.jte.output.StringOutput;
import io.murmuration.chart.Drawing;
import io.murmuration.chart.LineChart;
import io.murmuration.chart.LineChart.AxisName;
import io.murmuration.chart.LineChart.Marks;
import io.murmuration.chart.LineChart.Point;
import io.murmuration.chart.LineChart.Series;
import io.murmuration.chart.LineChart.Size;
import io.murmuration.chart.Templates;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.audit.CanaryScores;
import io.murmuration.privacy.audit.OneRunVerdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What an audit of releases found, as one HTML page that needs nothing else. */
public final class AuditPage {

  /** Decimals of every ε: claims are rounded up, what was found down. */
  private static final int DECIMALS = 2;

  private AuditPage() {}

  /**
   * What the template shows.
   *
   * @param title of the page
   * @param falsified whether the claim is
   * @param verdict in a sentence
   * @param tiles numbers with their names
   * @param roc the receiver operating characteristic
   * @param proves what this proves
   * @param leavesOpen what it does not prove
   */
  public record View(
      String title,
      boolean falsified,
      String verdict,
      List<Tile> tiles,
      Drawing roc,
      List<String> proves,
      List<String> leavesOpen) {}

  /** One number. */
  public record Tile(String name, String value, String note) {}

  /**
   * The page's text, to be written as UTF-8.
   *
   * @param domain the audit's own
   * @param release whose claim was audited
   */
  public static String of(
      String domain, String release, OneRunVerdict verdict, CanaryScores scores) {
    StringOutput page = new StringOutput();
    Templates.render("audit.jte", Map.of("view", view(domain, release, verdict, scores)), page);
    return Words.printable(page.toString());
  }

  private static View view(
      String domain, String release, OneRunVerdict verdict, CanaryScores scores) {
    return new View(
        "Audit of a setting, in the domain " + domain,
        verdict.falsified(),
        verdict.falsified()
            ? "The claim of %s is false, at confidence 95 %%.".formatted(release)
            : "This audit does not contradict the claim of %s.".formatted(release),
        tiles(verdict, scores),
        roc(scores),
        List.of(
            verdict.falsified()
                ? "Guesses of who took part were right more often than the claim allows; an honest"
                    + " run does this in at most one of 20 audits."
                : "Guesses of who took part were not right more often than the claim allows.",
            "At confidence 95 %% for this and the next line together, ε is at least %s by guesses alone, which assumes nothing."
                .formatted(PrivacyLoss.lowerText(verdict.byGuesses(), DECIMALS)),
            "It is at least %s if the run leaks as a Gaussian mechanism does; the verdict does not assume that."
                .formatted(PrivacyLoss.lowerText(verdict.byTradeOff(), DECIMALS))),
        List.of(
            power(verdict),
            "That the claim is true. A lower bound never proves one: better attacks exist than one"
                + " that sees a single release.",
            "Anything about how noise, sampling and clipping are made: only releases were seen.",
            "Anything about real users: canaries ran in a domain of their own, and spent nobody's"
                + " budget."));
  }

  /** What this audit could have found at all. */
  private static String power(OneRunVerdict verdict) {
    String guesses = Words.count(verdict.guesses().guesses());
    return verdict.guessesToFalsify().isPresent()
        ? "Anything about leaks that %s of %s right guesses would not show: fewer do not contradict ε %s."
            .formatted(
                Words.count(verdict.guessesToFalsify().getAsInt()),
                guesses,
                PrivacyLoss.text(verdict.claimed(), DECIMALS))
        : "Anything at all: not even %s right guesses of %s would contradict ε %s. More canaries or a smaller claim are needed."
            .formatted(guesses, guesses, PrivacyLoss.text(verdict.claimed(), DECIMALS));
  }

  private static List<Tile> tiles(OneRunVerdict verdict, CanaryScores scores) {
    return List.of(
        new Tile(
            "ε claimed",
            PrivacyLoss.text(verdict.claimed(), DECIMALS),
            String.format(Locale.ROOT, "at δ %.3g", verdict.delta())),
        new Tile(
            "ε at least",
            PrivacyLoss.lowerText(verdict.epsilonLower(), DECIMALS),
            "one-sided, at confidence 95 %"),
        new Tile(
            "guesses right",
            "%s of %s"
                .formatted(
                    Words.count(verdict.guesses().correct()),
                    Words.count(verdict.guesses().guesses())),
            "half of them is chance"),
        new Tile(
            "canaries",
            Words.count(scores.canaries()),
            "%s took part".formatted(Words.count(scores.in()))));
  }

  /** A rate. */
  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  /** The true against the false positive rate over all thresholds that tell canaries apart. */
  private static Drawing roc(CanaryScores scores) {
    TreeMap<Double, Double> best = new TreeMap<>(Map.of(0.0, 0.0, 1.0, 1.0));
    for (double threshold : scores.thresholds()) {
      double falsePositives = (double) scores.outAtLeast(threshold) / Math.max(1, scores.out());
      double truePositives = (double) scores.inAtLeast(threshold) / Math.max(1, scores.in());
      best.merge(falsePositives, truePositives, Math::max);
    }
    List<Point> points = new ArrayList<>();
    best.forEach(
        (x, y) ->
            points.add(
                new Point(
                    x,
                    y,
                    "%s of those who took part above the threshold, and %s of those who did not"
                        .formatted(number(y), number(x)))));
    return new LineChart(
            "true against false positive rate of %d canaries".formatted(scores.canaries()),
            Size.HALF_PAGE,
            AxisName.fromZero("false positive rate"),
            AxisName.fromZero("true positive rate"),
            Optional.empty(),
            List.of(
                new Series(
                    "chance",
                    "predicted",
                    Marks.NONE,
                    Arrays.asList(new Point(0, 0, "chance"), new Point(1, 1, "chance"))),
                new Series("canaries", "spent", Marks.NONE, points)))
        .drawing();
  }
}
