package io.murmuration.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NoisyHistogramTest {

  private static final NormHistograms QUERY =
      new NormHistograms(List.of(1, 4), /* smallestNorm= */ 0.5, /* ratio= */ 2, /* bins= */ 6);

  /** So fine that what is rounded to it is itself up to 10⁻⁹. */
  private static final NoiseGrid GRID =
      NoiseGrid.of(/* noiseMultiplier= */ 0.01, /* sensitivity= */ Math.sqrt(2));

  private static double[] histograms(int candidate, double norm) {
    long[] sums = new long[QUERY.answerSize()];
    NormHistogram.add(QUERY, candidate, norm, GRID, sums);
    return Arrays.stream(sums).mapToDouble(GRID::value).toArray();
  }

  @Test
  void withoutNoiseQuantilesAreThoseOfTheBins() {
    NoisyHistogram histogram = NoisyHistogram.of(List.of(10.0, 0.0, 20.0, 10.0));
    assertThat(histogram.total()).isEqualTo(40);
    assertThat(histogram.binOfQuantile(0.25)).isZero();
    assertThat(histogram.binOfQuantile(0.26)).isEqualTo(2);
    assertThat(histogram.binOfQuantile(0.75)).isEqualTo(2);
    assertThat(histogram.binOfQuantile(0.9)).isEqualTo(3);
    assertThat(histogram.positionOfQuantile(0.5)).isEqualTo(2);
  }

  @Test
  void negativeBinsAreBalancedAgainstTheirNeighboursAndNotSetToZero() {
    NoisyHistogram histogram = NoisyHistogram.of(List.of(5.0, -3.0, 10.0));
    assertThat(histogram.total()).isEqualTo(12);
    assertThat(histogram.weight(0)).isEqualTo(3.5);
    assertThat(histogram.weight(1)).isZero();
    assertThat(histogram.weight(2)).isEqualTo(8.5);
  }

  @Test
  void whereThereIsOnlyNoiseItIsEmptyAndHasNoQuantile() {
    NoisyHistogram histogram = NoisyHistogram.of(List.of(-5.0, 3.0, -1.0));
    assertThat(histogram.isEmpty()).isTrue();
    assertThatThrownBy(() -> histogram.binOfQuantile(0.5))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the histogram is empty");
  }

  @Test
  void refusesWhatIsNoHistogramAndNoShare() {
    assertThatIllegalArgumentException().isThrownBy(() -> NoisyHistogram.of(List.of()));
    assertThatIllegalArgumentException().isThrownBy(() -> NoisyHistogram.of(List.of(Double.NaN)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoisyHistogram.of(List.of(1.0)).binOfQuantile(1));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 0.7, 1, 3, 5.3, 11.9, 16})
  void aNormIsReadOffWhereItWasPut(double norm) {
    double[] sums = histograms(/* candidate= */ 1, norm);
    List<Double> bins = Arrays.stream(sums).skip(QUERY.bins()).boxed().toList();
    assertThat(Arrays.stream(sums).limit(QUERY.bins()).sum()).isZero();
    assertThat(NormHistogram.normAt(QUERY, NoisyHistogram.of(bins).positionOfQuantile(0.5)))
        .isCloseTo(norm, within(1e-8 * norm));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1e-300, 0.5, 0.51, 0.99, 1, 7, 16, 1e300})
  void oneNormMovesAHistogramByAtMostOneInL2(double norm) {
    double[] sums = histograms(/* candidate= */ 0, norm);
    assertThat(Arrays.stream(sums).sum()).isCloseTo(1, within(2e-9));
    assertThat(Arrays.stream(sums).map(x -> x * x).sum()).isLessThanOrEqualTo(1);
    assertThat(Arrays.stream(sums).min().orElseThrow()).isNotNegative();
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void whatIsNotFiniteIsNotMeasured(double norm) {
    double[] sums = histograms(/* candidate= */ 0, norm);
    assertThat(sums).containsOnly(0);
  }

  @Test
  void roundingMovesNobodyFromOneBinToAnother() {
    double edge = 0.5 * Math.sqrt(2);
    double[] below = histograms(/* candidate= */ 0, edge * (1 - 1e-6));
    double[] above = histograms(/* candidate= */ 0, edge * (1 + 1e-6));
    for (int i = 0; i < below.length; i++) {
      assertThat(above[i]).isCloseTo(below[i], within(1e-5));
    }
  }

  @Test
  void countBinsAreLogarithmicAndEndAtTheLargestBound() {
    assertThat(CountBins.upTo(1).upperBounds()).containsExactly(1);
    assertThat(CountBins.upTo(2).upperBounds()).containsExactly(1, 2);
    assertThat(CountBins.upTo(8).upperBounds()).containsExactly(1, 2, 3, 4, 6, 8);
    assertThat(CountBins.upTo(20).upperBounds()).containsExactly(1, 2, 3, 4, 6, 8, 12, 16, 20);
    assertThat(CountBins.upTo(8).binOf(1)).isZero();
    assertThat(CountBins.upTo(8).binOf(5)).isEqualTo(4);
    assertThat(CountBins.upTo(8).binOf(8)).isEqualTo(5);
    assertThat(CountBins.upTo(8).binOf(1_000_000)).isEqualTo(5);
  }
}
