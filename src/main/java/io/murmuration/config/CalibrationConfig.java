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

  /** Reads it; null where it is not enabled, or has faults. */
  static CalibrationConfig read(Faults faults) {
    faults.startPart();
    if (!Boolean.TRUE.equals(faults.required(CalibrationOptions.ENABLED))) {
      return null;
    }
    double share = faults.strictFraction(CalibrationOptions.BUDGET_SHARE);
    Integer attempts = faults.atLeast(CalibrationOptions.ATTEMPTS, 1);
    Long population = faults.atLeast(CalibrationOptions.POPULATION, 1);
    double compute = faults.positive(CalibrationOptions.COMPUTE);
    List<Integer> candidates = faults.required(CalibrationOptions.CANDIDATES);
    if (candidates != null && !isAscendingFromOne(candidates)) {
      faults.add(
          CalibrationOptions.CANDIDATES,
          "must be ascending numbers of at least 1 but are " + candidates);
    }
    double normSampling = faults.probability(CalibrationOptions.NORM_SAMPLING_PROBABILITY);
    double quantile = faults.strictFraction(CalibrationOptions.NORM_QUANTILE);
    double smallest = faults.positive(CalibrationOptions.SMALLEST_NORM);
    double largest =
        faults.inRange(
            CalibrationOptions.LARGEST_NORM,
            2 * smallest,
            Double.MAX_VALUE,
            "(2·" + CalibrationOptions.SMALLEST_NORM.key() + ", ∞)");
    Boolean measureClipNorm = faults.required(CalibrationOptions.MEASURE_CLIP_NORM);
    Long warmUp = faults.atLeast(CalibrationOptions.WARM_UP_WINDOWS, 0);
    Integer recalibrations = faults.atLeast(CalibrationOptions.RECALIBRATIONS, 0);
    Long windows = faults.atLeast(CalibrationOptions.RECALIBRATION_WINDOWS, 1);
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
