package io.murmuration.training;

import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Arrays;

/** Grids of rounds, and sums on them as real numbers. */
final class Grids {

  private Grids() {}

  /** The finest grid that there is for a clip norm: a unit is 6·10⁻¹⁰ of it. */
  static RoundGrid fine(double clipNorm) {
    return of(/* noiseMultiplier= */ 0.01, clipNorm);
  }

  static RoundGrid of(double noiseMultiplier, double clipNorm) {
    return RoundGrid.of(
        new RoundMechanism(
            Sampler.ULS,
            /* samplingProbability= */ 0.5,
            /* groupSize= */ 1,
            noiseMultiplier,
            clipNorm,
            /* expectedUnits= */ 1));
  }

  /** The values of a sum. */
  static double[] values(ClippedSum sum) {
    return Arrays.stream(sum.sum()).mapToDouble(sum.grid().sum()::value).toArray();
  }
}
