package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.planning.BandChoice.Candidate;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BandChoiceTest {

  private static final double DELTA = 1e-6;

  private final PldAccountant accountant = new PldAccountant();

  private List<Candidate> candidates(double q, long rounds, double epsilon) {
    double sigma =
        new NoiseCalibration(accountant)
            .noiseMultiplier(Sampler.ULS.accounted(q, 1, 1), rounds, epsilon, DELTA);
    return new BandChoice(accountant)
        .candidates(new RoundMechanism(Sampler.ULS, q, 1, sigma, 1, 1), rounds, epsilon, DELTA);
  }

  /** Computed apart from this code, by dp_accounting's accountant and SciPy's L-BFGS. */
  @ParameterizedTest
  @CsvSource({
    ".0168, 1000, 8, 16, .72, 1.65, .64",
    ".0168, 300, 8, 16, .62, 1.12, .57",
    ".0672, 150, 8, 8, .90, 1.74, .81",
    ".0672, 300, 8, 4, 1.07, 1.75, .86",
    ".01, 1000, 2, 8, 1.03, 2.26, .82",
    ".0672, 150, 2, 2, 2.10, 2.86, .99",
  })
  void theRatiosAreThoseOfAnotherImplementation(
      double q, long rounds, double epsilon, int bands, double one, double many, double ratio) {
    List<Candidate> candidates = candidates(q, rounds, epsilon);
    Candidate best = BandChoice.best(candidates);

    assertThat(best.bands()).isEqualTo(bands);
    assertThat(candidates.get(0).noiseMultiplier()).isCloseTo(one, within(0.006));
    assertThat(best.noiseMultiplier()).isCloseTo(many, within(0.012));
    assertThat(best.relative()).isCloseTo(ratio, within(0.006));
    assertThat(candidates.get(0).relative()).isEqualTo(1);
  }

  /** SciPy's L-BFGS-B without gradients, T 150 and b 8; error relative to independent noise. */
  @Test
  void theCoefficientsAreThoseOfAnotherImplementation() {
    double[] expected = {0.6153, 0.3961, 0.3384, 0.3059, 0.2823, 0.2622, 0.2429, 0.2213};
    List<Integer> found = NoiseCorrelation.numerators(8, 150);

    for (int j = 0; j < expected.length; j++) {
      assertThat(found.get(j) / 65536.0).isCloseTo(expected[j], within(5e-4));
    }
    double independent = NoiseCorrelation.error(List.of(1 << 16), 150);
    assertThat(independent).isCloseTo(Math.sqrt(151 / 2.0), within(1e-9));
    assertThat(NoiseCorrelation.error(found, 150) / independent).isCloseTo(0.42041, within(2e-5));
  }

  @Test
  void whateverTheRoundsTheNormIsAtMostOneAndHardlyLess() {
    for (int bands : new int[] {2, 3, 8, 32, 64}) {
      for (long rounds : new long[] {1, 2, bands, 150, 5000}) {
        CorrelatedNoise noise = NoiseCorrelation.of(bands, rounds, "0123456789abcdef");
        long squares = noise.numerators().stream().mapToLong(k -> (long) k * k).sum();
        assertThat(squares / 0x1p32).isBetween(0.999, 1.0);
      }
    }
  }

  /** What stays of the noise in the models, by adding it up round by round. */
  @Test
  void theErrorIsThatOfModelsThatSumTheNoise() {
    List<Integer> numerators = List.of(40000, 30000, 20000);
    int rounds = 6;
    double[][] inverse = new double[rounds][rounds];
    for (int s = 0; s < rounds; s++) {
      for (int t = s; t < rounds; t++) {
        double sum = t == s ? 1 : 0;
        for (int j = 1; j < 3 && t - j >= s; j++) {
          sum -= numerators.get(j) / 65536.0 * inverse[t - j][s];
        }
        inverse[t][s] = sum / (numerators.get(0) / 65536.0);
      }
    }
    double mean = 0;
    for (int t = 0; t < rounds; t++) {
      for (int s = 0; s <= t; s++) {
        double inModel = 0;
        for (int r = s; r <= t; r++) {
          inModel += inverse[r][s];
        }
        mean += inModel * inModel / rounds;
      }
    }
    assertThat(NoiseCorrelation.error(numerators, rounds))
        .isCloseTo(Math.sqrt(mean), within(1e-12));
  }

  @Test
  void moreBandsThanTurnsOrRoundsAreNotLookedAt() {
    assertThat(candidates(0.3, 100, 8)).extracting(Candidate::bands).containsExactly(1, 2);
    assertThat(candidates(0.01, 5, 8)).extracting(Candidate::bands).containsExactly(1, 2, 4);
    assertThat(candidates(0.6, 100, 8)).extracting(Candidate::bands).containsExactly(1);
  }

  @Test
  void theBufferIsOfWholeNumbersOfAllRoundsButOne() {
    Candidate eight = new Candidate(8, 0.5, 1.7, 3, 0.8);
    assertThat(eight.bufferBytes(260_032)).isEqualTo(7L * 260_032 * 8);
  }
}
