package io.murmuration.contribution;

import java.util.Arrays;
import org.apache.commons.statistics.distribution.ChiSquaredDistribution;

/** Pearson's goodness-of-fit test. */
public final class Chi2 {

  private static final double SMALLEST_CELL = 5;

  private Chi2() {}

  /**
   * The probability that data from the expected distribution fits worse than this. Neighbouring
   * cells are pooled until each expects at least 5.
   */
  public static double pValue(double[] expected, long[] observed) {
    double statistic = 0;
    int cells = 0;
    double pooledExpected = 0;
    double pooledObserved = 0;
    double restExpected = Arrays.stream(expected).sum();
    for (int i = 0; i < expected.length; i++) {
      pooledExpected += expected[i];
      pooledObserved += observed[i];
      restExpected -= expected[i];
      boolean last = i == expected.length - 1;
      if (last || (pooledExpected >= SMALLEST_CELL && restExpected >= SMALLEST_CELL)) {
        double difference = pooledObserved - pooledExpected;
        statistic += difference * difference / pooledExpected;
        cells++;
        pooledExpected = 0;
        pooledObserved = 0;
      }
    }
    return ChiSquaredDistribution.of(cells - 1).survivalProbability(statistic);
  }
}
