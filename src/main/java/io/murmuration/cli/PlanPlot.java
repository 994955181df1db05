package io.murmuration.cli;

import io.murmuration.planning.BoundPlan;
import io.murmuration.planning.BoundPrediction;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws predicted noise and what is kept of the data over bounds. */
final class PlanPlot {

  // The colours of Okabe and Ito, which the colour-blind can tell apart.
  private static final Color USER_LEVEL = new Color(0x0072B2);
  private static final Color EXAMPLE_LEVEL = new Color(0x009E73);
  private static final Color KEPT = new Color(0x999999);

  private PlanPlot() {}

  static void write(Path file, BoundPlan plan) throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(800)
            .height(500)
            .title(
                String.format(
                    "Noise of a bound: n = %d, B = %.6g, T = %d, ε = %.4g, δ = %.3g",
                    plan.terms().population(),
                    plan.terms().compute(),
                    plan.terms().rounds(),
                    plan.terms().epsilon(),
                    plan.terms().delta()))
            .xAxisTitle("contribution bound (G)")
            .yAxisTitle("predicted noise (s)")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
    chart.getStyler().setLegendLayout(Styler.LegendLayout.Horizontal);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendBorderColor(Color.LIGHT_GRAY);
    chart.getStyler().setPlotBorderVisible(false);
    noise(chart, "user-level sampling", plan, BoundPlan.Row::userLevel, USER_LEVEL);
    noise(chart, "example-level sampling", plan, BoundPlan.Row::exampleLevel, EXAMPLE_LEVEL);
    chosen(chart, "least noise", plan.userLevel(), USER_LEVEL);
    chosen(chart, "median count", plan.exampleLevel(), EXAMPLE_LEVEL);
    kept(chart, plan);
    if (ComparisonPlot.format(file) == ComparisonPlot.Format.SVG) {
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, file.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    } else {
      BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
    }
  }

  private static void noise(
      XYChart chart,
      String name,
      BoundPlan plan,
      Function<BoundPlan.Row, Optional<BoundPrediction>> sampler,
      Color color) {
    List<BoundPrediction> predictions =
        plan.rows().stream().flatMap(row -> sampler.apply(row).stream()).toList();
    if (!predictions.isEmpty()) {
      XYSeries series =
          chart.addSeries(
              name,
              predictions.stream().mapToDouble(BoundPrediction::groupSize).toArray(),
              predictions.stream().mapToDouble(BoundPrediction::noise).toArray());
      series.setMarkerColor(color).setMarker(SeriesMarkers.CIRCLE).setLineColor(color);
    }
  }

  private static void chosen(
      XYChart chart, String name, Optional<BoundPrediction> prediction, Color color) {
    prediction.ifPresent(
        one -> {
          XYSeries series =
              chart.addSeries(
                  name + ": G = " + one.groupSize(),
                  new double[] {one.groupSize()},
                  new double[] {one.noise()});
          series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
          series.setMarkerColor(color).setMarker(SeriesMarkers.DIAMOND);
        });
  }

  /** In per cent, on an axis of its own; logarithmic like the other. */
  private static void kept(XYChart chart, BoundPlan plan) {
    List<BoundPlan.Row> rows = plan.rows().stream().filter(row -> row.kept().isPresent()).toList();
    if (!rows.isEmpty()) {
      XYSeries series =
          chart.addSeries(
              "examples kept",
              rows.stream().mapToDouble(BoundPlan.Row::groupSize).toArray(),
              rows.stream().mapToDouble(row -> 100 * row.kept().get().examples()).toArray());
      series.setYAxisGroup(1);
      series.setMarker(SeriesMarkers.NONE).setLineColor(KEPT);
      chart.setYAxisGroupTitle(1, "examples kept (%)");
      chart.getStyler().setYAxisGroupPosition(1, Styler.YAxisPosition.Right);
    }
  }
}
