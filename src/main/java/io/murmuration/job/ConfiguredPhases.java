package io.murmuration.job;

import io.murmuration.calibration.CalibrationSchedule;
import io.murmuration.calibration.CalibrationTerms;
import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.calibration.CountBins;
import io.murmuration.config.CalibrationConfig;
import io.murmuration.config.MurmurationConfig;
import io.murmuration.config.PrivacyConfig;
import io.murmuration.privacy.budget.BudgetTerms;
import io.murmuration.privacy.budget.PhaseSchedule;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.Optional;

/** Derives the phases of the domain from the configuration: a function of public numbers alone. */
final class ConfiguredPhases {

  /** Ratio of neighbouring norms that are told apart. */
  private static final double NORM_RATIO = Math.sqrt(2);

  private ConfiguredPhases() {}

  /** One phase of training as configured, or calibrations and what follows from them. */
  static PhaseSchedule of(MurmurationConfig config) {
    if (config.calibration() != null) {
      return new CalibrationSchedule(terms(config));
    }
    RoundMechanism mechanism = ConfiguredMechanism.of(config.privacy());
    // where users have lifetimes, the rounds of one are no end of training
    long rounds =
        config.privacy().horizon().enabled()
            ? BudgetTerms.UNLIMITED_ROUNDS
            : config.privacy().rounds().orElse(BudgetTerms.UNLIMITED_ROUNDS);
    return config.privacy().noiseMultiplier().isPresent()
        ? PhaseSchedule.of(mechanism, /* share= */ null, rounds)
        : PhaseSchedule.calibrated(mechanism, /* share= */ null, rounds);
  }

  /** What calibrations rest on. */
  static CalibrationTerms terms(MurmurationConfig config) {
    PrivacyConfig privacy = config.privacy();
    CalibrationConfig calibration = config.calibration();
    boolean byExample = privacy.sampler() == Sampler.ELS;
    return new CalibrationTerms(
        privacy.sampler(),
        ConfiguredMechanism.share(privacy),
        calibration.budgetShare(),
        calibration.attempts(),
        calibration.population(),
        calibration.compute(),
        privacy.rounds().getAsLong(),
        config.contribution().windowTicks(),
        config.contribution().windows(),
        calibration.warmUpWindows(),
        new Recalibration(calibration.recalibrationWindows(), calibration.recalibrations()),
        byExample ? CountBins.upTo(config.contribution().examplesPerWindow()) : null,
        norms(calibration, byExample).orElse(null),
        calibration.normSamplingProbability(),
        calibration.normQuantile(),
        privacy.clipNorm(),
        privacy.adaptiveClipping());
  }

  /** What is measured of norms; empty where nothing is. */
  private static Optional<NormHistograms> norms(CalibrationConfig calibration, boolean byExample) {
    if (byExample && !calibration.measureClipNorm()) {
      return Optional.empty();
    }
    double steps =
        Math.log(calibration.largestNorm() / calibration.smallestNorm()) / Math.log(NORM_RATIO);
    return Optional.of(
        new NormHistograms(
            byExample ? List.of(1) : calibration.candidates(),
            calibration.smallestNorm(),
            NORM_RATIO,
            (int) Math.ceil(steps) + 1));
  }
}
