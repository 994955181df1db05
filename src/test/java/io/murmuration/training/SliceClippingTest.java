package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

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
      assertThat(norm * factor).isGreaterThanOrEqualTo(Math.min(norm, clipNorm) * (1 - 1e-7));
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
}
