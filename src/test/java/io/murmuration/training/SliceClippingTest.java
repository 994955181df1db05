package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SliceClippingTest {

  @ParameterizedTest
  @ValueSource(doubles = {1e-30, 1e-3, 0.5, 1, 7.3, 1e20})
  void aScaledNormNeverExceedsTheClipNorm(double clipNorm) {
    double[] norms = {
      Float.MIN_VALUE,
      clipNorm / 3,
      Math.nextDown(clipNorm),
      clipNorm,
      Math.nextUp(clipNorm),
      3 * clipNorm,
      Float.MAX_VALUE,
      1e4 * Float.MAX_VALUE
    };
    for (double norm : norms) {
      double factor = SliceClipping.factor(norm * norm, clipNorm);
      assertThat(norm * factor).isLessThanOrEqualTo(clipNorm);
      assertThat(norm * factor).isGreaterThanOrEqualTo(Math.min(norm, clipNorm) * (1 - 2e-7));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void whatIsNotFiniteCountsNothing(double squaredNorm) {
    assertThat(SliceClipping.factor(squaredNorm, 1)).isZero();
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1e-12, 0.81})
  void smallGradientsAreKept(double squaredNorm) {
    assertThat(SliceClipping.factor(squaredNorm, 1)).isEqualTo(1);
  }

  /** Norms of the scaled vectors are computed exactly, in decimals. */
  @ParameterizedTest
  @ValueSource(doubles = {1e-20, 1e-3, 1, 3e7, 1e30})
  void aScaledVectorNeverExceedsTheClipNormAtTheExtremesOfFloat32(double clipNorm) {
    Random random = new Random(3);
    float[] extremes = {Float.MIN_VALUE, Float.MIN_NORMAL, 1, 1e19f, 3e38f, Float.MAX_VALUE};
    for (float magnitude : extremes) {
      for (int trial = 0; trial < 20; trial++) {
        double[] vector =
            random
                .doubles(500, -1, 1)
                .map(unit -> (float) (unit * magnitude))
                .map(value -> random.nextInt(10) == 0 ? Math.copySign(magnitude, value) : value)
                .toArray();
        double squaredNorm = Arrays.stream(vector).map(value -> value * value).sum();
        double factor = SliceClipping.factor(squaredNorm, clipNorm);
        BigDecimal exact =
            Arrays.stream(vector)
                .mapToObj(value -> new BigDecimal(factor * value))
                .map(value -> value.multiply(value))
                .reduce(BigDecimal.ZERO, BigDecimal::add);
        assertThat(exact).isLessThanOrEqualTo(new BigDecimal(clipNorm).pow(2));
        if (Math.sqrt(squaredNorm) > clipNorm) {
          assertThat(exact.doubleValue()).isGreaterThanOrEqualTo(clipNorm * clipNorm * (1 - 1e-6));
        }
      }
    }
  }
}
