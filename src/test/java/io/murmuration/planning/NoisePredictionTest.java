package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NoisePredictionTest {

  private static final PlanningTerms TERMS =
      new PlanningTerms(
          /* population= */ 10_000,
          /* compute= */ 4096,
          /* rounds= */ 2000,
          /* epsilon= */ 4,
          /* delta= */ 1e-6);

  private final PldAccountant accountant = new PldAccountant(1e-3);
  private final NoisePrediction prediction = new NoisePrediction(accountant);

  /** Reference: noise in thousandths by RDP, which is looser by up to 8 % here. */
  @ParameterizedTest
  @CsvSource({
    "0, 5.71 5.70 5.76 5.96 6.46 8.07 12.2",
    "3, 5.71 4.51 3.81 3.49 3.52 4.22 6.24",
    "24, 5.71 4.11 3.05 2.38 2.04 2.14 2.86"
  })
  void userLevel_isALittleBelowTheReferenceByRdp(double diversity, String reference) {
    FittedNorms norms = FittedNorms.ofDiversity(/* exampleNorm= */ 1, diversity);
    String[] values = reference.split(" ");
    for (int i = 0; i < values.length; i++) {
      double rdp = Double.parseDouble(values[i]) * 1e-3;

      double noise = prediction.userLevel(TERMS, 1 << i, norms).orElseThrow().noise();

      assertThat(noise).as("G = %d", 1 << i).isBetween(0.92 * rdp, 1.001 * rdp);
    }
  }

  @Test
  void userLevel_isTheFormulaOfItsOwnMechanism() {
    FittedNorms norms = FittedNorms.ofDiversity(/* exampleNorm= */ 5, /* diversity= */ 3);

    BoundPrediction predicted = prediction.userLevel(TERMS, 8, norms).orElseThrow();

    assertThat(predicted.sampler()).isEqualTo(Sampler.ULS);
    assertThat(predicted.mechanism().samplingProbability())
        .isCloseTo(4096 / (8 * 10_000.0), within(1e-15));
    assertThat(predicted.mechanism().expectedUnits()).isEqualTo(512);
    assertThat(predicted.mechanism().clipNorm()).isEqualTo(norms.norm(8));
    double sigma = predicted.mechanism().noiseMultiplier();
    assertThat(predicted.noise()).isCloseTo(sigma * norms.norm(8) * 8 / 4096, within(1e-12));
    Mechanism round = Mechanism.uls(predicted.mechanism().samplingProbability(), sigma);
    assertThat(accountant.epsilon(round, 2000, 1e-6)).isLessThanOrEqualTo(4);
    assertThat(accountant.epsilon(round.withNoiseMultiplier(0.999 * sigma), 2000, 1e-6))
        .isGreaterThan(4);
  }

  @Test
  void exampleLevel_isTheFormulaOfItsOwnMechanism() {
    BoundPrediction predicted =
        prediction.exampleLevel(TERMS, 4, /* poolMean= */ 2.5, /* exampleNorm= */ 3).orElseThrow();

    assertThat(predicted.sampler()).isEqualTo(Sampler.ELS);
    assertThat(predicted.mechanism().samplingProbability())
        .isCloseTo(4096 / 25_000.0, within(1e-15));
    assertThat(predicted.mechanism().expectedUnits()).isEqualTo(4096);
    assertThat(predicted.mechanism().clipNorm()).isEqualTo(3);
    double sigma = predicted.mechanism().noiseMultiplier();
    assertThat(predicted.noise()).isCloseTo(sigma * 3 / 4096, within(1e-12));
    Mechanism round = Mechanism.els(predicted.mechanism().samplingProbability(), 4, sigma);
    assertThat(accountant.epsilon(round, 2000, 1e-6)).isLessThanOrEqualTo(4);
    assertThat(accountant.epsilon(round.withNoiseMultiplier(0.999 * sigma), 2000, 1e-6))
        .isGreaterThan(4);
  }

  @Test
  void exampleLevel_ofOneExampleEach_isUserLevelOfOne() {
    double els = prediction.exampleLevel(TERMS, 1, 1, 1).orElseThrow().noise();
    double uls = prediction.userLevel(TERMS, 1, groupSize -> 1).orElseThrow().noise();

    assertThat(els).isCloseTo(uls, within(1e-3 * uls));
  }

  @Test
  void exampleLevel_growsWithTheBound() {
    CountDistribution skewed = CountDistribution.ofCounts(IntStream.of(1, 1, 1, 2, 2, 4, 8, 100));
    double last = 0;
    for (int groupSize = 1; groupSize <= 64; groupSize *= 2) {
      double noise =
          prediction
              .exampleLevel(TERMS, groupSize, skewed.meanKept(groupSize), 1)
              .orElseThrow()
              .noise();
      assertThat(noise).isGreaterThan(last);
      last = noise;
    }
  }

  @Test
  void moreComputeThanThePopulationGives_isInfeasible() {
    PlanningTerms terms = new PlanningTerms(1000, 4000, 100, 4, 1e-6);

    assertThat(prediction.userLevel(terms, 3, groupSize -> 1)).isEmpty();
    assertThat(prediction.userLevel(terms, 4, groupSize -> 1)).isPresent();
    assertThat(prediction.exampleLevel(terms, 8, 3.9, 1)).isEmpty();
    assertThat(prediction.exampleLevel(terms, 8, 4, 1)).isPresent();
  }

  @Test
  void exampleLevel_beyondTheAccountant_isInfeasible() {
    assertThat(prediction.exampleLevel(TERMS, 4097, 1, 1)).isEmpty();
  }

  @Test
  void badInput_isRefused() {
    assertThatThrownBy(() -> prediction.userLevel(TERMS, 0, groupSize -> 1))
        .hasMessageContaining("group size must be at least 1");
    assertThatThrownBy(() -> prediction.exampleLevel(TERMS, 4, 4.5, 1))
        .hasMessageContaining("(0, G = 4]");
    assertThatThrownBy(() -> prediction.exampleLevel(TERMS, 4, Double.NaN, 1))
        .hasMessageContaining("NaN");
    assertThatThrownBy(
            () ->
                prediction.userLevel(
                    TERMS, 4, new MeasuredNorms(List.of(new NormMeasurement(2, 1)))))
        .hasMessageContaining("G = 4 is not measured, only at [2]");
    assertThatThrownBy(() -> new PlanningTerms(0, 1, 1, 1, 0.1)).hasMessageContaining("population");
    assertThatThrownBy(() -> new PlanningTerms(1, Double.NaN, 1, 1, 0.1))
        .hasMessageContaining("compute");
    assertThatThrownBy(() -> new PlanningTerms(1, 1, 0, 1, 0.1)).hasMessageContaining("rounds");
    assertThatThrownBy(() -> new PlanningTerms(1, 1, 1, 0, 0.1)).hasMessageContaining("epsilon");
    assertThatThrownBy(() -> new PlanningTerms(1, 1, 1, 1, 1)).hasMessageContaining("delta");
  }
}
