package io.murmuration.chart;

import io.murmuration.chart.Axis.Scale;
import io.murmuration.chart.Drawing.Curve;
import io.murmuration.chart.Drawing.Dot;
import io.murmuration.chart.Drawing.Label;
import io.murmuration.chart.Drawing.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A line chart, to be laid out as a {@link Drawing}. Colours are the style sheet's, so that inside
 * a page a chart follows light and dark.
 *
 * @param description for those who cannot see it
 * @param size of the drawing
 * @param x the horizontal axis
 * @param y the vertical axis
 * @param limit a horizontal line with its name, if there is one
 * @param series what is drawn, first ones below; those with a name stand in a legend
 */
public record LineChart(
    String description,
    Size size,
    AxisName x,
    AxisName y,
    Optional<Limit> limit,
    List<Series> series) {

  /** Left of the plot: the label of the axis above, and numbers of up to six digits. */
  private static final double LEFT = 46;

  private static final double RIGHT = 14;
  private static final double TOP = 30;
  private static final double BOTTOM = 40;

  /** Radius of a large dot. */
  private static final String SPOT = "6";

  /** A row of the legend. */
  private static final double LEGEND_ROW = 20;

  /** Length of the line that stands before an entry. */
  private static final double LEGEND_SAMPLE = 24;

  /** Width of one entry, sample included; as many stand in a row as fit. */
  private static final double LEGEND_ENTRY = 250;

  /** Width and height in units of about a pixel. */
  public record Size(double width, double height) {
    /** A size of which two fit side by side into a page. */
    public static final Size HALF_PAGE = new Size(460, 270);
  }

  /** What an axis shows, and how values are spread over it. */
  public record AxisName(String label, Scale scale) {

    /** An axis that begins at 0. */
    public static AxisName fromZero(String label) {
      return new AxisName(label, Scale.FROM_ZERO);
    }

    /** An axis around its values. */
    public static AxisName aroundValues(String label) {
      return new AxisName(label, Scale.AROUND_VALUES);
    }

    /** An axis of positive values by their logarithms. */
    public static AxisName logarithmic(String label) {
      return new AxisName(label, Scale.LOGARITHMIC);
    }
  }

  /** A value that something should not pass. */
  public record Limit(String name, double y) {}

  /** A point, and what it says when pointed at. */
  public record Point(double x, double y, String title) {}

  /** What marks each point of a series. */
  public enum Marks {
    /** Nothing that is seen; the points answer the pointer all the same. */
    NONE,
    /** A dot each, on a line. */
    DOTS,
    /** A large dot each, without a line. */
    SPOTS
  }

  /**
   * A line.
   *
   * @param name for the legend; empty to stand in none
   * @param style class in the style sheet
   * @param marks what marks each point
   * @param points with ascending x and finite y
   */
  public record Series(String name, String style, Marks marks, List<Point> points) {}

  /** The chart with all its positions. */
  public Drawing drawing() {
    List<Point> all = series.stream().flatMap(line -> line.points().stream()).toList();
    double highest = all.stream().mapToDouble(Point::y).max().orElse(1);
    double lowest = all.stream().mapToDouble(Point::y).min().orElse(highest);
    double first = all.stream().mapToDouble(Point::x).min().orElse(1);
    double last = all.stream().mapToDouble(Point::x).max().orElse(1);
    return new Layout(
            Axis.around(first, Math.max(1, last), x.scale()),
            Axis.around(
                lowest, limit.map(line -> Math.max(line.y(), highest)).orElse(highest), y.scale()))
        .draw();
  }

  private List<Series> named() {
    return series.stream().filter(line -> !line.name().isEmpty()).toList();
  }

  /** One drawing in the making. */
  private final class Layout {
    private final Axis across;
    private final Axis up;
    private final List<Rule> rules = new ArrayList<>();
    private final List<Label> labels = new ArrayList<>();
    private final List<Dot> legendSpots = new ArrayList<>();
    private final int legendColumns =
        Math.max(1, (int) ((size.width() - LEFT - RIGHT) / LEGEND_ENTRY));
    private final double floor;

    Layout(Axis across, Axis up) {
      this.across = across;
      this.up = up;
      int legendRows = (named().size() + legendColumns - 1) / legendColumns;
      this.floor = size.height() - BOTTOM - legendRows * LEGEND_ROW;
    }

    Drawing draw() {
      drawAxes();
      limit.ifPresent(this::drawLimit);
      drawLegend();
      return new Drawing(
          description,
          number(size.width()),
          number(size.height()),
          rules,
          labels,
          Stream.concat(
                  series.stream().map(this::curve),
                  Stream.of(new Curve("legend", /* path= */ "", legendSpots)))
              .toList());
    }

    private void drawAxes() {
      double right = size.width() - RIGHT;
      for (double tick : up.ticks()) {
        double at = vertical(tick);
        rule("grid", LEFT, at, right, at);
        label("end", LEFT - 6, at + 4, up.label(tick));
      }
      for (double tick : across.ticks()) {
        double at = horizontal(tick);
        rule("axis", at, floor, at, floor + 4);
        label("middle", at, floor + 17, across.label(tick));
      }
      rule("axis", LEFT, floor, right, floor);
      label("start", 4, 14, y.label());
      label("middle", (LEFT + right) / 2, floor + BOTTOM - 5, x.label());
    }

    private void drawLimit(Limit line) {
      double at = vertical(line.y());
      rule("limit", LEFT, at, size.width() - RIGHT, at);
      // below the line: above it may be the chart's edge
      label("start", LEFT + 6, at + 15, line.name());
    }

    private void drawLegend() {
      List<Series> entries = named();
      for (int i = 0; i < entries.size(); i++) {
        double left = LEFT + i % legendColumns * LEGEND_ENTRY;
        double middle = floor + BOTTOM + (i / legendColumns + 0.5) * LEGEND_ROW;
        String style = entries.get(i).style();
        if (entries.get(i).marks() == Marks.SPOTS) {
          double centre = left + LEGEND_SAMPLE / 2;
          legendSpots.add(new Dot("dot " + style, number(centre), number(middle), SPOT, ""));
        } else {
          rule("line " + style, left, middle, left + LEGEND_SAMPLE, middle);
        }
        label("start", left + LEGEND_SAMPLE + 8, middle + 4, entries.get(i).name());
      }
    }

    private Curve curve(Series line) {
      StringBuilder path = new StringBuilder();
      List<Dot> dots = new ArrayList<>();
      for (Point point : line.points()) {
        String across = number(horizontal(point.x()));
        String up = number(vertical(point.y()));
        if (line.marks() != Marks.SPOTS) {
          path.append(path.isEmpty() ? "M" : "L").append(across).append(' ').append(up);
        }
        // without a dot drawn the point still answers the pointer
        String kind = line.marks() == Marks.NONE ? "touch " : "dot ";
        String radius = line.marks() == Marks.DOTS ? "3" : line.marks() == Marks.NONE ? "5" : SPOT;
        dots.add(new Dot(kind + line.style(), across, up, radius, point.title()));
      }
      return new Curve("line " + line.style(), path.toString(), dots);
    }

    private double horizontal(double value) {
      return LEFT + across.position(value) * (size.width() - LEFT - RIGHT);
    }

    private double vertical(double value) {
      return floor - up.position(value) * (floor - TOP);
    }

    private void rule(String style, double x1, double y1, double x2, double y2) {
      rules.add(new Rule(style, number(x1), number(y1), number(x2), number(y2)));
    }

    private void label(String anchor, double x, double y, String text) {
      labels.add(new Label(anchor, number(x), number(y), text));
    }
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
