package io.murmuration.cli;

import io.murmuration.chart.ChartFile;
import io.murmuration.chart.LineChart;
import io.murmuration.chart.LineChart.AxisName;
import io.murmuration.chart.LineChart.Marks;
import io.murmuration.chart.LineChart.Point;
import io.murmuration.chart.LineChart.Series;
import io.murmuration.chart.LineChart.Size;
import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import io.murmuration.planning.PlanningTerms;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Draws predicted noise over bounds and, below it, what is kept of the data. */
final class PlanPlot {

  private static final Size NOISE = new Size(800, 440);
  private static final Size KEPT = new Size(800, 220);
  private static final String BOUND = "contribution bound (G)";

  private PlanPlot() {}

  static void write(ChartFile file, BoundPlan plan) throws IOException {
    PlanningTerms terms = plan.terms();
    String title =
        String.format(
            "Noise of a bound: n = %d, B = %.6g, T = %d, ε = %.4g, δ = %.3g",
            terms.population(), terms.compute(), terms.rounds(), terms.epsilon(), terms.delta());
    List<Series> noise = new ArrayList<>();
    add(noise, "user-level sampling", "user-level", plan, BoundPlan.Row::userLevel);
    add(noise, "example-level sampling", "example-level", plan, BoundPlan.Row::exampleLevel);
    addChosen(noise, "least noise", "user-level", plan.userLevel());
    addChosen(noise, "median count", "example-level", plan.exampleLevel());
    List<LineChart> charts = new ArrayList<>();
    charts.add(
        new LineChart(
            title,
            NOISE,
            AxisName.logarithmic(BOUND),
            AxisName.logarithmic("predicted noise (s)"),
            Optional.empty(),
            noise));
    List<Point> kept =
        plan.rows().stream()
            .flatMap(
                row ->
                    row.kept().stream()
                        .map(share -> point(row.groupSize(), 100 * share.examples())))
            .toList();
    if (!kept.isEmpty()) {
      charts.add(
          new LineChart(
              "examples kept",
              KEPT,
              AxisName.logarithmic(BOUND),
              AxisName.fromZero("examples kept (%)"),
              Optional.empty(),
              List.of(new Series(/* name= */ "", "kept", Marks.DOTS, kept))));
    }
    file.write(title, charts);
  }

  private static void add(
      List<Series> series,
      String name,
      String style,
      BoundPlan plan,
      Function<BoundPlan.Row, Optional<BoundPrediction>> sampler) {
    List<Point> predictions =
        plan.rows().stream()
            .flatMap(row -> sampler.apply(row).stream())
            .map(one -> point(one.groupSize(), one.noise()))
            .toList();
    if (!predictions.isEmpty()) {
      series.add(new Series(name, style, Marks.DOTS, predictions));
    }
  }

  private static void addChosen(
      List<Series> series, String name, String style, Optional<BoundPrediction> prediction) {
    prediction.ifPresent(
        one ->
            series.add(
                new Series(
                    name + ": G = " + one.groupSize(),
                    style,
                    Marks.SPOTS,
                    List.of(point(one.groupSize(), one.noise())))));
  }

  private static Point point(int groupSize, double value) {
    return new Point(groupSize, value, String.format("G = %d: %.4g", groupSize, value));
  }
}
