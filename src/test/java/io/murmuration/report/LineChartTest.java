package io.murmuration.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.report.LineChart.Axis;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class LineChartTest {

  @Test
  void ticksAreRoundNumbersAroundTheRange() {
    assertThat(Axis.around(0, 8).ticks()).containsExactly(0.0, 2.0, 4.0, 6.0, 8.0);
    Axis losses = Axis.around(3.15, 5.26);
    assertThat(losses.ticks()).containsExactly(3.0, 3.5, 4.0, 4.5, 5.0, 5.5);
    assertThat(losses.label(3.5)).isEqualTo("3.5");
    assertThat(Axis.around(0, 1_500).label(1_000)).isEqualTo("1,000");
  }

  @Property
  void anAxisCoversItsRangeWithFewTicks(
      @ForAll @DoubleRange(min = -1e6, max = 1e6) double low,
      @ForAll @DoubleRange(min = 0, max = 1e6) double span) {
    Axis axis = Axis.around(low, low + span);

    double slack = axis.step() * 1e-6;
    assertThat(axis.low()).isLessThanOrEqualTo(low + slack);
    assertThat(axis.high()).isGreaterThanOrEqualTo(low + span - slack);
    assertThat(axis.ticks()).hasSizeBetween(2, 9);
  }

  @Test
  void pointsStandWhereTheirValuesAre() {
    Markup page = new Markup();
    page.element(
        "figure",
        () ->
            new LineChart(
                    "a line",
                    "round",
                    "ε",
                    /* yFromZero= */ true,
                    Optional.of(new LineChart.Limit("budget", 10)),
                    List.of(
                        new LineChart.Series(
                            "spent",
                            true,
                            List.of(
                                new LineChart.Point(0, 0, "start"),
                                new LineChart.Point(10, 5, "half")))))
                .write(page));

    // the plot's area is 46 to 446 across and 230 down to 30
    assertThat(page.page())
        .contains("d=\"M46.0 230.0L446.0 130.0\"")
        .contains("<line class=\"limit\" x1=\"46.0\" y1=\"30.0\" x2=\"446.0\" y2=\"30.0\"></line>")
        .contains("cx=\"446.0\" cy=\"130.0\" r=\"3\"><title>half</title>");
  }
}
