package io.murmuration.calibration;

import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.NoiseGrid;
import java.util.List;

/** Terms that the tests share: 10,000 users, of ε = 5 a tenth for the calibration. */
final class Terms {

  static final NormHistograms NORMS =
      new NormHistograms(
          List.of(1, 2, 4, 8, 16, 32), /* smallestNorm= */ 0.01, Math.sqrt(2), /* bins= */ 35);

  /** For their histograms, so fine that rounding to it shows nowhere. */
  static final NoiseGrid GRID =
      NoiseGrid.of(/* noiseMultiplier= */ 0.01, Math.sqrt(NORMS.groupSizes().size()));

  private Terms() {}

  static CalibrationTerms userLevel(Recalibration recalibration) {
    return new CalibrationTerms(
        Sampler.ULS,
        PrivacyLoss.budget("phase", 5, 1e-6),
        /* calibrationShare= */ 0.1,
        /* attempts= */ 1,
        /* population= */ 10_000,
        /* compute= */ 4_096,
        /* rounds= */ 2_000,
        /* windowTicks= */ 10,
        /* windows= */ 3,
        /* warmUpWindows= */ 1,
        recalibration,
        /* counts= */ null,
        NORMS,
        /* normSampling= */ 0.1,
        /* normQuantile= */ 0.5,
        /* clipNorm= */ 1,
        /* adaptive= */ null);
  }

  static CalibrationTerms exampleLevel(NormHistograms norms) {
    return new CalibrationTerms(
        Sampler.ELS,
        PrivacyLoss.budget("phase", 5, 1e-6),
        /* calibrationShare= */ 0.1,
        /* attempts= */ 1,
        /* population= */ 10_000,
        /* compute= */ 512,
        /* rounds= */ 100,
        /* windowTicks= */ 10,
        /* windows= */ 3,
        /* warmUpWindows= */ 1,
        Recalibration.NEVER,
        CountBins.upTo(32),
        norms,
        /* normSampling= */ 0.1,
        /* normQuantile= */ 0.5,
        /* clipNorm= */ 1.25,
        /* adaptive= */ null);
  }
}
