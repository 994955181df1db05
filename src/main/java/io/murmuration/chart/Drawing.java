package io.murmuration.chart;

import java.util.List;

/**
 * A chart laid out: what the templates write as SVG. All positions are in the drawing's own units,
 * as texts with one decimal.
 *
 * @param description for those who cannot see it
 * @param width of the whole
 * @param height of the whole
 * @param rules straight lines: grid, axes, limits, samples of the legend
 * @param labels texts
 * @param curves what is plotted, first ones below
 */
public record Drawing(
    String description,
    String width,
    String height,
    List<Rule> rules,
    List<Label> labels,
    List<Curve> curves) {

  /**
   * A straight line.
   *
   * @param style class in the style sheet
   */
  public record Rule(String style, String x1, String y1, String x2, String y2) {}

  /**
   * A text.
   *
   * @param anchor which of its ends stands at {@code x}: start, middle or end
   */
  public record Label(String anchor, String x, String y, String text) {}

  /**
   * A line through points.
   *
   * @param style class in the style sheet
   * @param path of an SVG path; empty where only points are drawn
   * @param dots its points
   */
  public record Curve(String style, String path, List<Dot> dots) {}

  /**
   * A point.
   *
   * @param style classes in the style sheet
   * @param title what it says when pointed at
   */
  public record Dot(String style, String x, String y, String radius, String title) {}
}
