package io.murmuration.config;

import java.util.List;

/**
 * How bound, clip norm and noise are chosen from the stream.
 *
 * @param budgetShare in (0, 1)
 * @param attempts ≥ 1
 * @param population n ≥ 1
 * @param compute B &gt; 0
 * @param candidates ascending, from 1
 * @param normSamplingProbability in (0, 1]
 * @param normQuantile in (0, 1)
 * @param smallestNorm &gt; 0
 * @param largestNorm above the smallest
 * @param measureClipNorm whether ELS measures norms
 * @param warmUpWindows ≥ 0
 * @param recalibrations ≥ 0
 * @param recalibrationWindows ≥ 1
 */
public record CalibrationConfig(
    double budgetShare,
    int attempts,
    long population,
    double compute,
    List<Integer> candidates,
    double normSamplingProbability,
    double normQuantile,
    double smallestNorm,
    double largestNorm,
    boolean measureClipNorm,
    long warmUpWindows,
    int recalibrations,
    long recalibrationWindows) {

  /** Null where it is not enabled, or has faults. */
  static CalibrationConfig read(Faults faults) {
    faults.startPart();
    if (!Boolean.TRUE.equals(faults.required(CalibrationOptions.ENABLED))) {
      return null;
    }
    double share = belowOne(faults, CalibrationOptions.BUDGET_SHARE);
    Integer attempts =
        faults.atLeast(
            CalibrationOptions.ATTEMPTS, faults.required(CalibrationOptions.ATTEMPTS), 1);
    Long population =
        faults.atLeast(
            CalibrationOptions.POPULATION, faults.required(CalibrationOptions.POPULATION), 1);
    double compute =
        faults.positive(CalibrationOptions.COMPUTE, faults.required(CalibrationOptions.COMPUTE));
    List<Integer> candidates = faults.required(CalibrationOptions.CANDIDATES);
    if (candidates != null && !isAscendingFromOne(candidates)) {
      faults.add(
          CalibrationOptions.CANDIDATES,
          "must be ascending numbers of at least 1 but are " + candidates);
    }
    double normSampling =
        faults.inRange(
            CalibrationOptions.NORM_SAMPLING_PROBABILITY,
            faults.required(CalibrationOptions.NORM_SAMPLING_PROBABILITY),
            0,
            1,
            "(0, 1]");
    double quantile = belowOne(faults, CalibrationOptions.NORM_QUANTILE);
    double smallest =
        faults.positive(
            CalibrationOptions.SMALLEST_NORM, faults.required(CalibrationOptions.SMALLEST_NORM));
    double largest =
        faults.inRange(
            CalibrationOptions.LARGEST_NORM,
            faults.required(CalibrationOptions.LARGEST_NORM),
            2 * smallest,
            Double.MAX_VALUE,
            "(2·" + CalibrationOptions.SMALLEST_NORM.key() + ", ∞)");
    Boolean measureClipNorm = faults.required(CalibrationOptions.MEASURE_CLIP_NORM);
    Long warmUp =
        faults.atLeast(
            CalibrationOptions.WARM_UP_WINDOWS,
            faults.required(CalibrationOptions.WARM_UP_WINDOWS),
            0);
    Integer recalibrations =
        faults.atLeast(
            CalibrationOptions.RECALIBRATIONS,
            faults.required(CalibrationOptions.RECALIBRATIONS),
            0);
    Long windows =
        faults.atLeast(
            CalibrationOptions.RECALIBRATION_WINDOWS,
            faults.required(CalibrationOptions.RECALIBRATION_WINDOWS),
            1);
    return faults.build(
        () ->
            new CalibrationConfig(
                share,
                attempts,
                population,
                compute,
                candidates,
                normSampling,
                quantile,
                smallest,
                largest,
                measureClipNorm,
                warmUp,
                recalibrations,
                windows));
  }

  private static double belowOne(
      Faults faults, org.apache.flink.configuration.ConfigOption<Double> option) {
    return faults.inRange(option, faults.required(option), 0, Math.nextDown(1.0), "(0, 1)");
  }

  private static boolean isAscendingFromOne(List<Integer> candidates) {
    int previous = 0;
    for (int candidate : candidates) {
      if (candidate <= previous) {
        return false;
      }
      previous = candidate;
    }
    return !candidates.isEmpty();
  }
}
