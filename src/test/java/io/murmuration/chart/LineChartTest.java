package io.murmuration.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import gg.jte.output.StringOutput;
import io.murmuration.chart.Axis.Scale;
import io.murmuration.chart.LineChart.AxisName;
import io.murmuration.chart.LineChart.Limit;
import io.murmuration.chart.LineChart.Marks;
import io.murmuration.chart.LineChart.Point;
import io.murmuration.chart.LineChart.Series;
import io.murmuration.chart.LineChart.Size;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

class LineChartTest {

  @TempDir private Path directory;

  @Test
  void ticksAreRoundNumbersAroundTheRange() {
    assertThat(Axis.around(1, 8, Scale.FROM_ZERO).ticks()).containsExactly(0.0, 2.0, 4.0, 6.0, 8.0);
    Axis losses = Axis.around(3.15, 5.26, Scale.AROUND_VALUES);
    assertThat(losses.ticks()).containsExactly(3.0, 3.5, 4.0, 4.5, 5.0, 5.5);
    assertThat(losses.label(3.5)).isEqualTo("3.5");
    assertThat(Axis.around(0, 1_500, Scale.FROM_ZERO).label(1_000)).isEqualTo("1,000");
  }

  @Test
  void aLogarithmicAxisHasTicksAtOneTwoAndFiveOrAtPowersOfTen() {
    Axis few = Axis.around(1, 64, Scale.LOGARITHMIC);
    assertThat(few.ticks()).containsExactly(1.0, 2.0, 5.0, 10.0, 20.0, 50.0);
    assertThat(few.position(8)).isCloseTo(0.5, within(1e-12));
    Axis many = Axis.around(2e-5, 30, Scale.LOGARITHMIC);
    assertThat(many.ticks()).hasSize(6);
    assertThat(many.ticks().stream().map(many::label))
        .containsExactly("1e-4", "0.001", "0.01", "0.1", "1", "10");
  }

  @Property(seed = "20")
  void anAxisCoversItsRangeWithFewTicks(
      @ForAll @DoubleRange(min = -1e6, max = 1e6) double low,
      @ForAll @DoubleRange(min = 0, max = 1e6) double span) {
    Axis axis = Axis.around(low, low + span, Scale.AROUND_VALUES);

    double slack = (axis.ticks().get(1) - axis.ticks().get(0)) * 1e-6;
    assertThat(axis.low()).isLessThanOrEqualTo(low + slack);
    assertThat(axis.high()).isGreaterThanOrEqualTo(low + span - slack);
    assertThat(axis.ticks()).hasSizeBetween(2, 9);
  }

  @Property(seed = "20")
  void aLogarithmicAxisCoversItsRangeWithTicksInside(
      @ForAll @DoubleRange(min = -6, max = 6) double decade,
      @ForAll @DoubleRange(min = 0, max = 5) double decades) {
    double low = Math.pow(10, decade);
    double ratio = Math.pow(10, decades);
    Axis axis = Axis.around(low, low * ratio, Scale.LOGARITHMIC);

    assertThat(axis.position(low)).isBetween(-1e-9, 1.0);
    assertThat(axis.position(low * ratio)).isBetween(0.0, 1 + 1e-9);
    assertThat(axis.ticks()).hasSizeBetween(2, 12).isSorted();
    assertThat(axis.ticks())
        .allSatisfy(tick -> assertThat(axis.position(tick)).isBetween(-1e-6, 1 + 1e-6));
  }

  private static LineChart chart(String title) {
    return new LineChart(
        title,
        Size.HALF_PAGE,
        AxisName.fromZero("round"),
        AxisName.fromZero("ε"),
        Optional.of(new Limit("budget", 10)),
        List.of(
            new Series(
                /* name= */ "",
                "spent",
                Marks.DOTS,
                List.of(new Point(0, 0, "start"), new Point(10, 5, "half")))));
  }

  @Test
  void pointsStandWhereTheirValuesAre() {
    StringOutput page = new StringOutput();
    Templates.render("inline.jte", Map.of("drawing", chart("a line").drawing()), page);

    // the plot's area is 46 to 446 across and 230 down to 30
    assertThat(page.toString())
        .contains("d=\"M46.0 230.0L446.0 130.0\"")
        .contains("<line class=\"limit\" x1=\"46.0\" y1=\"30.0\" x2=\"446.0\" y2=\"30.0\"></line>")
        .contains("cx=\"446.0\" cy=\"130.0\" r=\"3\"><title>half</title>");
  }

  @Test
  void aFileIsWellFormedAndEscapesWhatItIsGiven() throws Exception {
    Path file = directory.resolve("plot.svg");
    ChartFile.at(file).write("a < b & \"c\"", List.of(chart("</svg>"), chart("second")));

    var document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(Files.readString(file))));
    assertThat(document.getDocumentElement().getAttribute("aria-label")).isEqualTo("a < b & \"c\"");
    assertThat(document.getElementsByTagName("path").getLength()).isEqualTo(2);
    assertThat(document.getElementsByTagName("title").item(0).getTextContent()).isEqualTo("</svg>");
  }

  @Test
  void aPngShowsTheLine() throws Exception {
    Path file = directory.resolve("plot.PNG");
    LineChart line =
        new LineChart(
            "a line",
            Size.HALF_PAGE,
            AxisName.fromZero("G"),
            AxisName.fromZero("noise"),
            Optional.empty(),
            List.of(
                new Series(
                    "user-level",
                    "user-level",
                    Marks.NONE,
                    List.of(new Point(0, 5, ""), new Point(10, 5, "")))));
    ChartFile.at(file).write("title", List.of(line));

    var image = ImageIO.read(file.toFile());
    assertThat(image.getWidth()).isEqualTo(920);
    int blue = 0;
    for (int x = 100; x < 880; x++) {
      for (int y = 0; y < image.getHeight(); y++) {
        if ((image.getRGB(x, y) & 0xffffff) == 0x0072b2) {
          blue++;
          break;
        }
      }
    }
    assertThat(blue).as("columns of pixels that the line crosses").isEqualTo(780);
  }

  @Test
  void anotherKindOfFileIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ChartFile.at(Path.of("plot.gif")))
        .withMessage("the plot's file must end in .svg or .png but is plot.gif");
  }
}
