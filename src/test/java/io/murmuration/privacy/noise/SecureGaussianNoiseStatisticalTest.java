package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The noise's distribution. Each check rejects right noise with probability at most {@link
 * #FALSE_REJECT}, over the secure source, whose key differs from run to run; the power tests show
 * that the same checks catch planted bugs.
 */
class SecureGaussianNoiseStatisticalTest {

  /** Of each check, so that the whole class fails by chance less than once in 10⁸ runs. */
  private static final double FALSE_REJECT = 1e-9;

  private static final double Z =
      NormalDistribution.of(0, 1).inverseSurvivalProbability(FALSE_REJECT / 2);
  private static final int SAMPLES = 400_000;

  @Test
  void isNormalWithTheGivenStandardDeviation() {
    double[] noise = noise(new SecureGaussianNoise(), 3.5);

    assertThat(isMeanZero(noise, 3.5)).isTrue();
    assertThat(isVarianceRight(noise, 3.5)).isTrue();
    assertThat(isNormal(noise, 3.5)).isTrue();
    assertThat(isUncorrelated(noise, 3.5)).isTrue();
  }

  @Test
  void twoInstancesAreIndependent() {
    double[] one = noise(new SecureGaussianNoise(), 1);
    double[] other = noise(new SecureGaussianNoise(), 1);
    Arrays.setAll(one, i -> (one[i] + other[i]) / Math.sqrt(2));

    assertThat(isVarianceRight(one, 1)).isTrue();
  }

  @Test
  void plantedBugsAreCaught() {
    // Calibrated 1 % too low
    assertThat(isVarianceRight(noise(new SecureGaussianNoise(), 0.99), 1)).isFalse();
    // The same noise in two attempts: their sum has twice the variance
    double[] replayed = noise(SeededNoise.of(1), 1);
    double[] again = noise(SeededNoise.of(1), 1);
    Arrays.setAll(replayed, i -> (replayed[i] + again[i]) / Math.sqrt(2));
    assertThat(isVarianceRight(replayed, 1)).isFalse();
    // Right moments, wrong shape: a uniform of variance 1
    SplittableRandom random = new SplittableRandom(2);
    double[] uniform = new double[SAMPLES];
    Arrays.setAll(uniform, i -> (random.nextDouble() - 0.5) * Math.sqrt(12));
    assertThat(isVarianceRight(uniform, 1)).isTrue();
    assertThat(isNormal(uniform, 1)).isFalse();
    // Every value used twice
    double[] doubled = noise(SeededNoise.of(3), 1);
    for (int i = 1; i < doubled.length; i += 2) {
      doubled[i] = doubled[i - 1];
    }
    assertThat(isUncorrelated(doubled, 1)).isFalse();
    // A shifted mean
    assertThat(
            isMeanZero(Arrays.stream(noise(SeededNoise.of(4), 1)).map(x -> x + 0.02).toArray(), 1))
        .isFalse();
  }

  @Test
  void addsToWhatIsThere() {
    double[] sum = {1e6, -1e6};
    double[] noise = new double[2];
    SeededNoise.of(5).addTo(sum, 2);
    SeededNoise.of(5).addTo(noise, 2);

    assertThat(sum).containsExactly(1e6 + noise[0], -1e6 + noise[1]);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesAStandardDeviationThatIsNotPositiveAndFinite(double standardDeviation) {
    double[] sum = {1};

    assertThatThrownBy(() -> new SecureGaussianNoise().addTo(sum, standardDeviation))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be positive and finite");
    assertThat(sum).containsExactly(1);
  }

  private static double[] noise(GaussianNoise source, double standardDeviation) {
    double[] noise = new double[SAMPLES];
    source.addTo(noise, standardDeviation);
    return noise;
  }

  private static boolean isMeanZero(double[] noise, double sd) {
    double mean = Arrays.stream(noise).average().orElseThrow();
    return Math.abs(mean) <= Z * sd / Math.sqrt(noise.length);
  }

  /** The variance of n squares of N(0, sd²) is 2·sd⁴/n. */
  private static boolean isVarianceRight(double[] noise, double sd) {
    double variance = Arrays.stream(noise).map(x -> x * x).average().orElseThrow();
    return Math.abs(variance - sd * sd) <= Z * sd * sd * Math.sqrt(2.0 / noise.length);
  }

  /** Products of neighbours have mean 0 and variance sd⁴. */
  private static boolean isUncorrelated(double[] noise, double sd) {
    double sum = 0;
    for (int i = 1; i < noise.length; i++) {
      sum += noise[i] * noise[i - 1];
    }
    return Math.abs(sum) <= Z * sd * sd * Math.sqrt(noise.length - 1.0);
  }

  /** Kolmogorov–Smirnov with the Dvoretzky–Kiefer–Wolfowitz–Massart bound, valid for every n. */
  private static boolean isNormal(double[] noise, double sd) {
    double[] sorted = noise.clone();
    Arrays.sort(sorted);
    NormalDistribution normal = NormalDistribution.of(0, sd);
    double distance = 0;
    for (int i = 0; i < sorted.length; i++) {
      double expected = normal.cumulativeProbability(sorted[i]);
      distance = Math.max(distance, Math.abs(expected - (double) i / sorted.length));
      distance = Math.max(distance, Math.abs(expected - (i + 1.0) / sorted.length));
    }
    return distance <= Math.sqrt(Math.log(2 / FALSE_REJECT) / (2.0 * sorted.length));
  }
}
