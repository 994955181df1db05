package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.api.Test;

class FittedNormsTest {

  @Property(tries = 200, seed = "20")
  void fit_findsWhatMadeTheMeasurements(
      @ForAll @Scale(3) @DoubleRange(min = 0, max = 1e3) double meanSquare,
      @ForAll @Scale(3) @DoubleRange(min = 0.001, max = 1e3) double varianceSquare) {
    FittedNorms truth = new FittedNorms(meanSquare, varianceSquare);

    FittedNorms fitted = FittedNorms.fit(at(truth, 1, 3, 10, 64));

    double tolerance = 1e-6 * (meanSquare + varianceSquare);
    assertThat(fitted.meanSquare()).isCloseTo(meanSquare, within(tolerance));
    assertThat(fitted.varianceSquare()).isCloseTo(varianceSquare, within(tolerance));
  }

  /** Norms that grow with G, or fall faster than 1/√G, have their best fit on an edge. */
  @Property(tries = 200, seed = "20")
  void fit_isTheBestThatIsNotNegative(
      @ForAll @DoubleRange(min = 0.5, max = 4) double first,
      @ForAll @DoubleRange(min = 0.5, max = 4) double second,
      @ForAll @DoubleRange(min = 0.5, max = 4) double third) {
    List<NormMeasurement> measurements =
        List.of(
            new NormMeasurement(1, first),
            new NormMeasurement(4, second),
            new NormMeasurement(32, third));

    FittedNorms fitted = FittedNorms.fit(measurements);

    double loss = loss(fitted, measurements);
    double step = 1e-4 * (fitted.meanSquare() + fitted.varianceSquare());
    for (int mean = -1; mean <= 1; mean++) {
      for (int variance = -1; variance <= 1; variance++) {
        double a = Math.max(0, fitted.meanSquare() + mean * step);
        double b = Math.max(0, fitted.varianceSquare() + variance * step);
        assertThat(loss(new FittedNorms(a, b), measurements)).isGreaterThan(loss - 1e-12);
      }
    }
  }

  @Test
  void fit_ofGrowingNorms_hasNoVariance() {
    FittedNorms fitted =
        FittedNorms.fit(List.of(new NormMeasurement(1, 1), new NormMeasurement(8, 1.5)));

    assertThat(fitted.varianceSquare()).isZero();
    assertThat(fitted.norm(3)).isBetween(1.0, 1.5);
  }

  @Test
  void fit_ofOneGroupSize_isRefused() {
    assertThatThrownBy(
            () -> FittedNorms.fit(List.of(new NormMeasurement(2, 1), new NormMeasurement(2, 3))))
        .hasMessageContaining("two or more group sizes but are at [2]");
  }

  @Test
  void ofDiversity_hasTheGivenNormAndRatio() {
    FittedNorms norms = FittedNorms.ofDiversity(/* exampleNorm= */ 5, /* diversity= */ 3);

    assertThat(norms.norm(1)).isCloseTo(5, within(1e-12));
    assertThat(norms.diversity()).isCloseTo(3, within(1e-12));
    assertThat(norms.norm(4)).isCloseTo(5 * Math.sqrt(0.25 + 0.75 / 4), within(1e-12));
    assertThat(FittedNorms.ofDiversity(5, 0).norm(1000)).isEqualTo(5);
  }

  @Test
  void badInput_isRefused() {
    assertThatThrownBy(() -> new FittedNorms(0, 0)).hasMessageContaining("not both zero");
    assertThatThrownBy(() -> new FittedNorms(-1, 2)).hasMessageContaining("not negative");
    assertThatThrownBy(() -> new FittedNorms(Double.NaN, 1)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> FittedNorms.ofDiversity(1, -1)).hasMessageContaining("diversity");
    assertThatThrownBy(() -> FittedNorms.ofDiversity(0, 1)).hasMessageContaining("positive");
    assertThatThrownBy(() -> new FittedNorms(1, 1).norm(0)).hasMessageContaining("at least 1");
    assertThatThrownBy(() -> new NormMeasurement(0, 1)).hasMessageContaining("at least 1");
    assertThatThrownBy(() -> new NormMeasurement(1, Double.NaN)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> new MeasuredNorms(List.of())).hasMessageContaining("at least one");
    assertThatThrownBy(
            () -> new MeasuredNorms(List.of(new NormMeasurement(2, 1), new NormMeasurement(2, 1))))
        .hasMessageContaining("2 is given twice");
  }

  private static List<NormMeasurement> at(FittedNorms norms, Integer... groupSizes) {
    return Stream.of(groupSizes).map(g -> new NormMeasurement(g, norms.norm(g))).toList();
  }

  private static double loss(FittedNorms norms, List<NormMeasurement> measurements) {
    return measurements.stream()
        .mapToDouble(one -> Math.pow(Math.pow(norms.norm(one.groupSize()) / one.norm(), 2) - 1, 2))
        .sum();
  }
}
