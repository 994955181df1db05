package io.murmuration.cli;

import io.murmuration.chart.ChartFile;
import io.murmuration.chart.LineChart;
import io.murmuration.chart.LineChart.AxisName;
import io.murmuration.chart.LineChart.Marks;
import io.murmuration.chart.LineChart.Point;
import io.murmuration.chart.LineChart.Series;
import io.murmuration.chart.LineChart.Size;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** Draws noise multipliers over group sizes. */
final class ComparisonPlot {

  private static final Size SIZE = new Size(800, 480);

  private ComparisonPlot() {}

  static void write(ChartFile file, List<ComparisonRow> rows, double epsilon, double delta)
      throws IOException {
    String title = String.format("Noise for user-level ε = %.4g, δ = %.3g", epsilon, delta);
    String groupPrivacy = "example-level, by group privacy";
    if (rows.stream().anyMatch(row -> Double.isInfinite(row.groupPrivacy()))) {
      groupPrivacy += " (infinite where not drawn)";
    }
    List<Series> series = new ArrayList<>();
    add(series, groupPrivacy, "group-privacy", rows, ComparisonRow::groupPrivacy);
    add(series, "example-level, tight", "example-level", rows, ComparisonRow::els);
    add(series, "user-level", "user-level", rows, ComparisonRow::uls);
    file.write(
        title,
        List.of(
            new LineChart(
                title,
                SIZE,
                AxisName.logarithmic("examples per user (G)"),
                AxisName.logarithmic("noise multiplier (σ)"),
                Optional.empty(),
                series)));
  }

  private static void add(
      List<Series> series,
      String name,
      String style,
      List<ComparisonRow> rows,
      ToDoubleFunction<ComparisonRow> value) {
    List<Point> finite =
        rows.stream()
            .filter(row -> Double.isFinite(value.applyAsDouble(row)))
            .sorted(Comparator.comparingInt(ComparisonRow::groupSize))
            .map(row -> point(row.groupSize(), value.applyAsDouble(row)))
            .toList();
    if (!finite.isEmpty()) {
      series.add(new Series(name, style, Marks.DOTS, finite));
    }
  }

  private static Point point(int groupSize, double noise) {
    return new Point(groupSize, noise, String.format("G = %d: %.4g", groupSize, noise));
  }
}
