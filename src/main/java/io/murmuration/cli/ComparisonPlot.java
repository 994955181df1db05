package io.murmuration.cli;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;

/** Draws noise multipliers over group sizes. */
final class ComparisonPlot {

  // The colours of Okabe and Ito, which the colour-blind can tell apart.
  private static final Color USER_LEVEL = new Color(0x0072B2);
  private static final Color EXAMPLE_LEVEL = new Color(0x009E73);
  private static final Color GROUP_PRIVACY = new Color(0xD55E00);

  /** The supported file formats. */
  enum Format {
    SVG,
    PNG
  }

  private ComparisonPlot() {}

  /**
   * The format that a file's name asks for.
   *
   * @throws IllegalArgumentException if that is neither .svg nor .png
   */
  static Format format(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".svg")) {
      return Format.SVG;
    }
    if (name.endsWith(".png")) {
      return Format.PNG;
    }
    throw new IllegalArgumentException("the plot's file must end in .svg or .png but is " + file);
  }

  static void write(Path file, List<ComparisonRow> rows, double epsilon, double delta)
      throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(800)
            .height(500)
            .title(String.format("Noise for user-level ε = %.4g, δ = %.3g", epsilon, delta))
            .xAxisTitle("examples per user (G)")
            .yAxisTitle("noise multiplier (σ)")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNW);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendBorderColor(Color.LIGHT_GRAY);
    chart.getStyler().setPlotBorderVisible(false);
    String groupPrivacy = "example-level sampling, by group privacy";
    if (rows.stream().anyMatch(row -> Double.isInfinite(row.groupPrivacy()))) {
      groupPrivacy += " (infinite where not drawn)";
    }
    add(chart, groupPrivacy, rows, ComparisonRow::groupPrivacy, GROUP_PRIVACY);
    add(chart, "example-level sampling, tight", rows, ComparisonRow::els, EXAMPLE_LEVEL);
    add(chart, "user-level sampling", rows, ComparisonRow::uls, USER_LEVEL);
    if (format(file) == Format.SVG) {
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, file.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    } else {
      BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
    }
  }

  private static void add(
      XYChart chart,
      String name,
      List<ComparisonRow> rows,
      ToDoubleFunction<ComparisonRow> value,
      Color color) {
    List<ComparisonRow> finite =
        rows.stream()
            .filter(row -> Double.isFinite(value.applyAsDouble(row)))
            .sorted(Comparator.comparingInt(ComparisonRow::groupSize))
            .toList();
    if (!finite.isEmpty()) {
      XYSeries series =
          chart.addSeries(
              name,
              finite.stream().mapToDouble(ComparisonRow::groupSize).toArray(),
              finite.stream().mapToDouble(value).toArray());
      series.setMarkerColor(color);
      series.setLineColor(color);
    }
  }
}
