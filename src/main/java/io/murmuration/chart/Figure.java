package io.murmuration.chart;

import java.util.ArrayList;
import java.util.List;

/**
 * Charts below a title, laid out one below the other.
 *
 * @param title above them
 * @param width of the whole
 * @param height of the whole
 * @param panels the charts
 */
public record Figure(String title, String width, String height, List<Panel> panels) {

  /** Room for a line of text in large letters above the first chart. */
  private static final double TITLE_HEIGHT = 44;

  /** A chart and how far down it begins. */
  public record Panel(String top, Drawing drawing) {}

  static Figure of(String title, List<LineChart> charts) {
    double top = TITLE_HEIGHT;
    List<Panel> panels = new ArrayList<>();
    for (LineChart chart : charts) {
      panels.add(new Panel(String.valueOf(top), chart.drawing()));
      top += chart.size().height();
    }
    return new Figure(
        title, String.valueOf(charts.get(0).size().width()), String.valueOf(top), panels);
  }
}
