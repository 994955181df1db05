package io.murmuration.privacy.mechanism;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import org.junit.jupiter.api.Test;

class RoundMechanismTest {

  private static RoundMechanism of(Sampler sampler, double noise, double clip, RoundQuery query) {
    return new RoundMechanism(
        sampler,
        /* samplingProbability= */ 0.1,
        /* groupSize= */ 4,
        noise,
        clip,
        /* expectedUnits= */ 16,
        query);
  }

  private static RoundMechanism adaptive(double noise, double quantile, double bitNoise) {
    return of(
        Sampler.ULS, noise, 1, new ModelUpdate(new AdaptiveClipping(quantile, 0.2, bitNoise)));
  }

  @Test
  void noiseWithinWhatCalibrationsDifferBy_isTheSamePlan() {
    RoundMechanism one = of(Sampler.ULS, 2, 1, RoundQuery.UPDATE);

    assertThat(one.differsInCalibrationOnly(one)).isTrue();
    assertThat(one.differsInCalibrationOnly(of(Sampler.ULS, 2.0009, 1, RoundQuery.UPDATE)))
        .isTrue();
    assertThat(one.differsInCalibrationOnly(of(Sampler.ULS, 1.9991, 1, RoundQuery.UPDATE)))
        .isTrue();
    assertThat(one.differsInCalibrationOnly(of(Sampler.ULS, 2.0011, 1, RoundQuery.UPDATE)))
        .isFalse();
  }

  @Test
  void anythingElse_isAnotherPlan() {
    RoundMechanism one = of(Sampler.ULS, 2, 1, RoundQuery.UPDATE);

    assertThat(one.differsInCalibrationOnly(of(Sampler.ELS, 2, 1, RoundQuery.UPDATE))).isFalse();
    assertThat(one.differsInCalibrationOnly(of(Sampler.ULS, 2, 1.0001, RoundQuery.UPDATE)))
        .isFalse();
    assertThat(one.differsInCalibrationOnly(adaptive(2, 0.5, 3))).isFalse();
    assertThat(adaptive(2, 0.5, 3).differsInCalibrationOnly(one)).isFalse();
  }

  @Test
  void noiseOfTheBits_mayFollowTheNoise() {
    RoundMechanism one = adaptive(2, 0.5, 2);

    assertThat(one.differsInCalibrationOnly(adaptive(2.0005, 0.5, 2.0005))).isTrue();
    assertThat(one.differsInCalibrationOnly(adaptive(2.0005, 0.5, 2.01))).isFalse();
    assertThat(one.differsInCalibrationOnly(adaptive(2.0005, 0.6, 2.0005))).isFalse();
  }
}
