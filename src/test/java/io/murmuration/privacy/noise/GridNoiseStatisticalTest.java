package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.Chi2;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The distribution of both samplers. Each check rejects right noise with probability at most {@link
 * #FALSE_REJECT}, over the secure source, whose key differs from run to run; the power test shows
 * that the same checks catch planted bugs. Against the width of a cell the grid is so fine that the
 * continuous normal's probabilities are those of the discrete one up to 10⁻⁷.
 */
class GridNoiseStatisticalTest {

  /** Of each check, so that the whole class fails by chance less than once in 10⁷ runs. */
  private static final double FALSE_REJECT = 1e-9;

  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);
  private static final double Z = NORMAL.inverseSurvivalProbability(FALSE_REJECT / 2);
  private static final int SAMPLES = 200_000;
  private static final double DEVIATION = 1 << NoiseGrid.DEVIATION_BITS;

  static Stream<Named<Supplier<GridNoise>>> samplers() {
    return Stream.of(
        Named.of("table", TabledGaussianNoise::new),
        Named.of("rational arithmetic", RationalGaussianNoise::new));
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void isADiscreteGaussianOfTheGrid(Supplier<GridNoise> sampler) {
    long[] noise = noise(sampler.get());

    assertThat(isMeanZero(noise)).isTrue();
    assertThat(isVarianceRight(noise)).isTrue();
    assertThat(isNormal(noise)).isTrue();
    assertThat(areTailsRight(noise)).isTrue();
    assertThat(isUncorrelated(noise)).isTrue();
    assertThat(areLowBitsUniform(noise)).isTrue();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void twoInstancesAreIndependent(Supplier<GridNoise> sampler) {
    assertThat(isVarianceRight(differences(noise(sampler.get()), noise(sampler.get())))).isTrue();
  }

  /** All probabilities of a distribution so narrow that each integer counts. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 9, 300})
  void rationalArithmeticGivesEveryIntegerItsProbability(long variance) {
    RationalGaussianNoise noise = new RationalGaussianNoise(variance, new SecureRandomSource());
    int reach = (int) Math.ceil(9 * Math.sqrt(variance));
    double[] expected = new double[2 * reach + 1];
    Arrays.setAll(expected, i -> Math.exp(-Math.pow(i - reach, 2) / (2.0 * variance)));
    double all = Arrays.stream(expected).sum();
    Arrays.setAll(expected, i -> expected[i] * SAMPLES / all);
    long[] observed = new long[expected.length];
    for (int i = 0; i < SAMPLES; i++) {
      observed[Math.toIntExact(noise.sample()) + reach]++;
    }

    assertThat(Chi2.pValue(expected, observed)).isGreaterThan(FALSE_REJECT);
  }

  @Test
  void plantedBugsAreCaught() {
    long[] right = noise(SeededNoise.of(1));
    // 2 % too narrow
    long[] narrow = right.clone();
    Arrays.setAll(narrow, i -> Math.round(right[i] * 0.98));
    assertThat(isVarianceRight(narrow)).isFalse();
    // The same noise in two attempts: their difference is nothing
    assertThat(isVarianceRight(differences(noise(SeededNoise.of(1)), right))).isFalse();
    // Right moments, wrong shape: a uniform of the same variance
    SplittableRandom random = new SplittableRandom(2);
    long[] uniform = new long[SAMPLES];
    Arrays.setAll(
        uniform, i -> Math.round((random.nextDouble() - 0.5) * Math.sqrt(12) * DEVIATION));
    assertThat(isVarianceRight(uniform)).isTrue();
    assertThat(isNormal(uniform)).isFalse();
    // Cut off at 4 deviations
    assertThat(
            areTailsRight(Arrays.stream(right).filter(x -> Math.abs(x) < 3 * DEVIATION).toArray()))
        .isFalse();
    // Every value used twice
    long[] doubled = right.clone();
    for (int i = 1; i < doubled.length; i += 2) {
      doubled[i] = doubled[i - 1];
    }
    assertThat(isUncorrelated(doubled)).isFalse();
    // A shifted mean
    assertThat(isMeanZero(Arrays.stream(right).map(x -> x + (long) (0.02 * DEVIATION)).toArray()))
        .isFalse();
    // A float32 on the way has 24 bits, so that beyond one deviation only even numbers are left
    assertThat(areLowBitsUniform(Arrays.stream(right).map(x -> (long) (float) x).toArray()))
        .isFalse();
    // A coarser grid
    assertThat(areLowBitsUniform(Arrays.stream(right).map(x -> x & ~1L).toArray())).isFalse();
  }

  private static long[] noise(GridNoise source) {
    long[] noise = new long[SAMPLES];
    source.addTo(noise);
    return noise;
  }

  /** Scaled so that differences of independent noise have the deviation of one. */
  private static long[] differences(long[] one, long[] other) {
    long[] differences = new long[one.length];
    Arrays.setAll(differences, i -> Math.round((one[i] - other[i]) / Math.sqrt(2)));
    return differences;
  }

  private static boolean isMeanZero(long[] noise) {
    double mean = Arrays.stream(noise).average().orElseThrow();
    return Math.abs(mean) <= Z * DEVIATION / Math.sqrt(noise.length);
  }

  /** The variance of a normal's square is 2. */
  private static boolean isVarianceRight(long[] noise) {
    double variance =
        Arrays.stream(noise)
            .mapToDouble(x -> x / DEVIATION)
            .map(x -> x * x)
            .average()
            .orElseThrow();
    return Math.abs(variance - 1) <= Z * Math.sqrt(2.0 / noise.length);
  }

  /** Products of neighbours have mean 0 and variance 1. */
  private static boolean isUncorrelated(long[] noise) {
    double sum = 0;
    for (int i = 1; i < noise.length; i++) {
      sum += noise[i] / DEVIATION * (noise[i - 1] / DEVIATION);
    }
    return Math.abs(sum) <= Z * Math.sqrt(noise.length - 1.0);
  }

  /** χ² over 400 intervals between −5 and 5 deviations, and the two tails. */
  private static boolean isNormal(long[] noise) {
    double[] expected = new double[402];
    long[] observed = new long[402];
    for (int i = 0; i < expected.length; i++) {
      double from = i == 0 ? Double.NEGATIVE_INFINITY : -5 + (i - 1) / 40.0;
      double to = i == expected.length - 1 ? Double.POSITIVE_INFINITY : -5 + i / 40.0;
      expected[i] = NORMAL.probability(from, to) * noise.length;
    }
    for (long x : noise) {
      observed[(int) Math.min(401, Math.max(0, Math.floor((x / DEVIATION + 5) * 40) + 1))]++;
    }
    return Chi2.pValue(expected, observed) > FALSE_REJECT;
  }

  /** Exact binomial tests of how many samples lie beyond 3, 3.5 and 4 deviations on either side. */
  private static boolean areTailsRight(long[] noise) {
    for (double border : new double[] {3, 3.5, 4}) {
      BinomialDistribution beyond =
          BinomialDistribution.of(noise.length, NORMAL.survivalProbability(border));
      for (int sign : new int[] {-1, 1}) {
        int count = (int) Arrays.stream(noise).filter(x -> sign * x > border * DEVIATION).count();
        if (Math.min(beyond.cumulativeProbability(count), beyond.survivalProbability(count - 1))
            < FALSE_REJECT / 12) {
          return false;
        }
      }
    }
    return true;
  }

  /** χ² of the 8 lowest bits. */
  private static boolean areLowBitsUniform(long[] noise) {
    double[] expected = new double[256];
    long[] observed = new long[256];
    Arrays.fill(expected, noise.length / 256.0);
    for (long x : noise) {
      observed[(int) x & 255]++;
    }
    return Chi2.pValue(expected, observed) > FALSE_REJECT;
  }
}
