package io.murmuration.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;

/** Draws noise multipliers over group sizes. */
final class ComparisonPlot {

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
    add(chart, "user-level sampling", rows, ComparisonRow::uls);
    add(chart, "example-level sampling", rows, ComparisonRow::els);
    add(chart, "example-level sampling, group privacy", rows, ComparisonRow::groupPrivacy);
    if (format(file) == Format.SVG) {
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, file.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    } else {
      BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
    }
  }

  private static void add(
      XYChart chart, String name, List<ComparisonRow> rows, ToDoubleFunction<ComparisonRow> value) {
    List<ComparisonRow> finite =
        rows.stream().filter(row -> Double.isFinite(value.applyAsDouble(row))).toList();
    if (!finite.isEmpty()) {
      chart.addSeries(
          name,
          finite.stream().mapToDouble(ComparisonRow::groupSize).toArray(),
          finite.stream().mapToDouble(value).toArray());
    }
  }
}
