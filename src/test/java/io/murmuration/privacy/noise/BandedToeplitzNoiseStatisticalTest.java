package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.ChiSquaredDistribution;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The law of what is added over rounds: multiplied by C it is white, of the deviation that is
 * claimed, and its covariance is that of C⁻¹. Over the secure source, whose key differs from run to
 * run; a right one is rejected with probability at most {@link #FALSE_REJECT} in each test, and
 * planted bugs are caught by the same ones.
 */
class BandedToeplitzNoiseStatisticalTest {

  private static final double FALSE_REJECT = 1e-9;
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);
  private static final double DEVIATION = 1 << NoiseGrid.DEVIATION_BITS;

  /** Independent coordinates, each a sequence of rounds. */
  private static final int SEEDS = 4_000;

  private static final int ROUNDS = 24;

  /** What is added, a round a row, in deviations of the grid. */
  private static double[][] added(int[] numerators, NoiseFactory white) {
    BandedToeplitzNoise noise = new BandedToeplitzNoise(numerators, SEEDS);
    double[][] rows = new double[ROUNDS][];
    for (int t = 0; t < ROUNDS; t++) {
      long[] x = new long[SEEDS];
      noise.addTo(x, t, white.create());
      noise.completed(t);
      rows[t] = Arrays.stream(x).mapToDouble(value -> value / DEVIATION).toArray();
    }
    return rows;
  }

  /** C times what was added. */
  private static double[][] whitened(int[] numerators, double[][] x) {
    double[][] z = new double[x.length][SEEDS];
    for (int t = 0; t < x.length; t++) {
      for (int j = 0; j < numerators.length && j <= t; j++) {
        for (int i = 0; i < SEEDS; i++) {
          z[t][i] += numerators[j] * 0x1p-16 * x[t - j][i];
        }
      }
    }
    return z;
  }

  /** Variances by an exact χ², products of different rounds by a normal limit of so many terms. */
  private static boolean isWhite(double[][] z) {
    int tests = z.length * (z.length + 1) / 2;
    ChiSquaredDistribution squares = ChiSquaredDistribution.of(SEEDS);
    double quantile = NORMAL.inverseSurvivalProbability(FALSE_REJECT / tests / 2);
    for (int s = 0; s < z.length; s++) {
      double variance = dot(z[s], z[s]);
      if (Math.min(squares.cumulativeProbability(variance), squares.survivalProbability(variance))
          < FALSE_REJECT / tests / 2) {
        return false;
      }
      for (int t = 0; t < s; t++) {
        if (Math.abs(dot(z[s], z[t])) > quantile * Math.sqrt(SEEDS)) {
          return false;
        }
      }
    }
    return true;
  }

  private static double dot(double[] one, double[] other) {
    return IntStream.range(0, one.length).mapToDouble(i -> one[i] * other[i]).sum();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4, 16})
  void multipliedByItsMatrixItIsWhite(int bands) {
    int[] numerators = Bands.of(bands);

    assertThat(isWhite(whitened(numerators, added(numerators, NoiseFactory.forUpdates()))))
        .isTrue();
  }

  /** E[x xᵀ] = C⁻¹C⁻ᵀ; an estimate of an entry has the variance (v_ss·v_tt + v_st²)/n. */
  @Test
  void itsCovarianceIsThatOfTheInverse() {
    int[] numerators = Bands.of(4);
    double[][] x = added(numerators, NoiseFactory.forUpdates());
    double[] w = new double[ROUNDS];
    for (int n = 0; n < ROUNDS; n++) {
      double value = n == 0 ? 1 << 16 : 0;
      for (int j = 1; j < numerators.length && j <= n; j++) {
        value -= numerators[j] * w[n - j];
      }
      w[n] = value / numerators[0];
    }
    double quantile = NORMAL.inverseSurvivalProbability(FALSE_REJECT / (ROUNDS * (ROUNDS + 1)));
    for (int s = 0; s < ROUNDS; s++) {
      for (int t = 0; t <= s; t++) {
        double expected = covariance(w, s, t);
        double deviation =
            Math.sqrt((covariance(w, s, s) * covariance(w, t, t) + expected * expected) / SEEDS);
        assertThat(Math.abs(dot(x[s], x[t]) / SEEDS - expected))
            .as("rounds %d and %d", s, t)
            .isLessThan(quantile * deviation);
      }
    }
    // what it is for: the sum over rounds has a variance of 8.6, where independent noise has 24
    double[] sum = new double[SEEDS];
    Arrays.stream(x).forEach(row -> Arrays.setAll(sum, i -> sum[i] + row[i]));
    assertThat(dot(sum, sum) / SEEDS).isLessThan(ROUNDS / 2.0);
  }

  private static double covariance(double[] w, int s, int t) {
    return IntStream.rangeClosed(0, Math.min(s, t)).mapToDouble(i -> w[s - i] * w[t - i]).sum();
  }

  @Test
  void plantedBugsAreCaught() {
    int[] numerators = Bands.of(4);
    double[][] right = added(numerators, NoiseFactory.forUpdates());
    assertThat(isWhite(whitened(numerators, right))).isTrue();
    // independent noise, of the right deviation
    double[][] independent = new double[ROUNDS][];
    for (int t = 0; t < ROUNDS; t++) {
      long[] x = new long[SEEDS];
      NoiseFactory.forUpdates().create().addTo(x);
      independent[t] = Arrays.stream(x).mapToDouble(value -> value / DEVIATION).toArray();
    }
    assertThat(isWhite(whitened(numerators, independent))).isFalse();
    // a buffer that was shifted by a round that nobody saw
    double[][] skipped = right.clone();
    System.arraycopy(right, 11, skipped, 10, ROUNDS - 11);
    assertThat(isWhite(whitened(numerators, Arrays.copyOf(skipped, ROUNDS - 1)))).isFalse();
    // a coefficient left out
    int[] shorter = Arrays.copyOf(numerators, 3);
    assertThat(isWhite(whitened(numerators, added(shorter, NoiseFactory.forUpdates())))).isFalse();
    // white noise that is too small by 10 %
    assertThat(isWhite(whitened(numerators, added(numerators, () -> narrow())))).isFalse();
    // the same draws in two rounds in a row
    LongSupplier seeds =
        new LongSupplier() {
          private long calls;

          @Override
          public long getAsLong() {
            return calls++ / 2;
          }
        };
    assertThat(
            isWhite(
                whitened(numerators, added(numerators, () -> SeededNoise.of(seeds.getAsLong())))))
        .isFalse();
  }

  private static GridNoise narrow() {
    GridNoise real = NoiseFactory.forUpdates().create();
    return sums -> {
      long[] drawn = new long[sums.length];
      real.addTo(drawn);
      Arrays.setAll(sums, i -> sums[i] + Math.round(drawn[i] * 0.9));
    };
  }
}
