package io.murmuration.report;

import io.murmuration.chart.Drawing;
import io.murmuration.chart.LineChart;
import io.murmuration.chart.LineChart.AxisName;
import io.murmuration.chart.LineChart.Limit;
import io.murmuration.chart.LineChart.Marks;
import io.murmuration.chart.LineChart.Point;
import io.murmuration.chart.LineChart.Series;
import io.murmuration.chart.LineChart.Size;
import io.murmuration.release.Guarantee;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The two charts of a report, and what stands below each. */
final class ReportCharts {

  private final RunReport report;

  ReportCharts(RunReport report) {
    this.report = report;
  }

  Drawing spent() {
    List<Series> series = new ArrayList<>();
    if (isPredicted()) {
      series.add(series("predicted", report.predicted()));
    }
    series.add(series("spent", report.spent()));
    return new LineChart(
            "ε spent after %s rounds: %s of a budget of %s"
                .formatted(
                    Words.count(report.rounds()),
                    Guarantee.epsilonRoundedUp(report.epsilonSpent()),
                    Words.epsilon(report.epsilonBudget())),
            Size.HALF_PAGE,
            AxisName.fromZero("round"),
            AxisName.fromZero("ε"),
            Optional.of(
                new Limit(
                    "budget " + Words.epsilon(report.epsilonBudget()), report.epsilonBudget())),
            series)
        .drawing();
  }

  String spentNote() {
    return isPredicted()
        ? "Solid: spent, computed anew from the ledger. Dashed: what the rounds to come will cost."
        : "Computed anew from the ledger's charges.";
  }

  private boolean isPredicted() {
    return report.predicted().size() > 1;
  }

  private static Series series(String word, List<RunReport.Spent> spent) {
    return new Series(
        /* name= */ "",
        word,
        Marks.NONE,
        spent.stream()
            .filter(point -> Double.isFinite(point.epsilon()))
            .map(
                point ->
                    new Point(
                        point.round(),
                        point.epsilon(),
                        "round %s: ε %s %s"
                            .formatted(
                                Words.count(point.round()),
                                Guarantee.epsilonRoundedUp(point.epsilon()),
                                word)))
            .toList());
  }

  /** The chart of losses; empty where there are none to show. */
  Optional<Drawing> losses() {
    List<HeldOutLosses.Point> measured = measured();
    if (measured.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new LineChart(
                "held-out loss over rounds, from %s to %s nats a token"
                    .formatted(
                        Words.loss(measured.get(0).natsPerToken()),
                        Words.loss(measured.get(measured.size() - 1).natsPerToken())),
                Size.HALF_PAGE,
                AxisName.fromZero("round"),
                AxisName.aroundValues("nats per token"),
                Optional.empty(),
                List.of(
                    new Series(
                        /* name= */ "",
                        "loss",
                        Marks.DOTS,
                        measured.stream().map(ReportCharts::point).toList())))
            .drawing());
  }

  String lossesNote() {
    List<HeldOutLosses.Point> measured = measured();
    if (measured.isEmpty()) {
      return report.lossesWithheld()
          ? "Losses were measured, but on text that is not public: they are exact functions of"
              + " private data and do not belong on a page that leaves the trust boundary. The"
              + " option --include-private shows them and marks the page."
          : "No held-out loss was measured. The options --events and --model measure the releases"
              + " on a file of messages.";
    }
    HeldOutLosses.Point last = measured.get(measured.size() - 1);
    HeldOutLosses losses = report.losses().orElseThrow();
    return "Round 0 is the base model; %s at round %s. The text: %s (%s)."
        .formatted(
            Words.loss(last.natsPerToken()),
            Words.count(last.round()),
            losses.text(),
            losses.publicText() ? "public" : "NOT public");
  }

  private List<HeldOutLosses.Point> measured() {
    return report.losses().map(HeldOutLosses::points).orElse(List.of());
  }

  private static Point point(HeldOutLosses.Point measured) {
    return new Point(
        measured.round(),
        measured.natsPerToken(),
        "%s: %s nats per token"
            .formatted(
                measured.round() == 0 ? "base model" : "round " + Words.count(measured.round()),
                Words.loss(measured.natsPerToken())));
  }
}
