package io.murmuration.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A line chart as SVG inside a page, coloured by the page's style sheet so that it follows light
 * and dark.
 *
 * @param description for those who cannot see it
 * @param xLabel below the horizontal axis
 * @param yLabel above the vertical axis
 * @param yFromZero whether the vertical axis begins at 0
 * @param limit a horizontal line with its name, if there is one
 * @param series what is drawn, first ones below
 */
record LineChart(
    String description,
    String xLabel,
    String yLabel,
    boolean yFromZero,
    Optional<Limit> limit,
    List<Series> series) {

  private static final double WIDTH = 460;
  private static final double HEIGHT = 270;
  private static final double LEFT = 46;
  private static final double RIGHT = 14;
  private static final double TOP = 30;
  private static final double BOTTOM = 40;

  /** Ticks are wanted about so often. */
  private static final int TICKS = 5;

  /** A value that something should not pass. */
  record Limit(String name, double y) {}

  /** A point, and what it says when pointed at. */
  record Point(double x, double y, String title) {}

  /**
   * A line.
   *
   * @param style class in the style sheet
   * @param dots whether each point is marked
   * @param points with ascending x and finite y
   */
  record Series(String style, boolean dots, List<Point> points) {}

  /** Ticks of an axis and the range they span. */
  record Axis(double low, double high, double step) {

    /** An axis of round numbers around a range. */
    static Axis around(double low, double high) {
      double span = high > low ? high - low : Math.max(1e-9, Math.abs(high));
      double raw = span / TICKS;
      double power = Math.pow(10, Math.floor(Math.log10(raw)));
      double fraction = raw / power;
      double step = power * (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10);
      double from = Math.floor(low / step + 1e-9) * step;
      double to = Math.max(from + step, Math.ceil(high / step - 1e-9) * step);
      return new Axis(from, to, step);
    }

    List<Double> ticks() {
      List<Double> ticks = new ArrayList<>();
      int count = (int) Math.round((high - low) / step);
      for (int i = 0; i <= count; i++) {
        ticks.add(low + i * step);
      }
      return ticks;
    }

    String label(double tick) {
      int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      return String.format(Locale.ROOT, "%,." + decimals + "f", tick);
    }
  }

  void write(Markup page) {
    List<Point> all = series.stream().flatMap(line -> line.points().stream()).toList();
    double highest = all.stream().mapToDouble(Point::y).max().orElse(1);
    double lowest = yFromZero ? 0 : all.stream().mapToDouble(Point::y).min().orElse(0);
    Axis x = Axis.around(0, Math.max(1, all.stream().mapToDouble(Point::x).max().orElse(1)));
    Axis y = Axis.around(lowest, limit.map(line -> Math.max(line.y(), highest)).orElse(highest));
    page.element(
        "svg",
        () -> {
          page.element("title", description);
          writeAxes(page, x, y);
          limit.ifPresent(line -> writeLimit(page, line, y));
          series.forEach(line -> writeSeries(page, line, x, y));
        },
        "viewBox",
        "0 0 %s %s".formatted(number(WIDTH), number(HEIGHT)),
        "role",
        "img",
        "aria-label",
        description);
  }

  private void writeAxes(Markup page, Axis x, Axis y) {
    for (double tick : y.ticks()) {
      double at = vertical(tick, y);
      line(page, "grid", LEFT, at, WIDTH - RIGHT, at);
      label(page, "end", LEFT - 6, at + 4, y.label(tick));
    }
    for (double tick : x.ticks()) {
      double at = horizontal(tick, x);
      line(page, "axis", at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 4);
      label(page, "middle", at, HEIGHT - BOTTOM + 17, x.label(tick));
    }
    line(page, "axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    label(page, "start", 4, 14, yLabel);
    label(page, "middle", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, xLabel);
  }

  private static void writeLimit(Markup page, Limit limit, Axis y) {
    double at = vertical(limit.y(), y);
    line(page, "limit", LEFT, at, WIDTH - RIGHT, at);
    // below the line: above it may be the chart's edge
    label(page, "start", LEFT + 6, at + 15, limit.name());
  }

  private static void writeSeries(Markup page, Series line, Axis x, Axis y) {
    StringBuilder path = new StringBuilder();
    for (Point point : line.points()) {
      path.append(path.isEmpty() ? "M" : "L")
          .append(number(horizontal(point.x(), x)))
          .append(' ')
          .append(number(vertical(point.y(), y)));
    }
    element(page, "path", "class", "line " + line.style(), "d", path.toString());
    for (Point point : line.points()) {
      // without a dot drawn the point still answers the pointer
      page.element(
          "circle",
          () -> page.element("title", point.title()),
          "class",
          (line.dots() ? "dot " : "touch ") + line.style(),
          "cx",
          number(horizontal(point.x(), x)),
          "cy",
          number(vertical(point.y(), y)),
          "r",
          line.dots() ? "3" : "5");
    }
  }

  private static double horizontal(double value, Axis axis) {
    return LEFT + (value - axis.low()) / (axis.high() - axis.low()) * (WIDTH - LEFT - RIGHT);
  }

  private static double vertical(double value, Axis axis) {
    return HEIGHT
        - BOTTOM
        - (value - axis.low()) / (axis.high() - axis.low()) * (HEIGHT - TOP - BOTTOM);
  }

  private static void line(Markup page, String style, double x1, double y1, double x2, double y2) {
    element(
        page,
        "line",
        "class",
        style,
        "x1",
        number(x1),
        "y1",
        number(y1),
        "x2",
        number(x2),
        "y2",
        number(y2));
  }

  private static void element(Markup page, String name, String... attributes) {
    page.element(name, () -> {}, attributes);
  }

  private static void label(Markup page, String anchor, double x, double y, String text) {
    page.element("text", text, "text-anchor", anchor, "x", number(x), "y", number(y));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
