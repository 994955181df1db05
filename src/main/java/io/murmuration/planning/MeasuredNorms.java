package io.murmuration.planning;

import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** C(G) as measured, and known only where it was measured. */
public final class MeasuredNorms implements NormModel {

  private final NavigableMap<Integer, Double> norms = new TreeMap<>();

  /**
   * Takes each measurement as it is.
   *
   * @throws IllegalArgumentException if there is none, or two at one G
   */
  public MeasuredNorms(List<NormMeasurement> measurements) {
    if (measurements.isEmpty()) {
      throw new IllegalArgumentException("at least one measured norm is required");
    }
    for (NormMeasurement measurement : measurements) {
      if (norms.put(measurement.groupSize(), measurement.norm()) != null) {
        throw new IllegalArgumentException(
            "each group size must be measured once but %d is given twice"
                .formatted(measurement.groupSize()));
      }
    }
  }

  /** The bounds at which it was measured, ascending. */
  public List<Integer> groupSizes() {
    return List.copyOf(norms.keySet());
  }

  /**
   * A model that is as measured where it was, and by the fit of all measurements elsewhere.
   *
   * @throws IllegalArgumentException if there are fewer than two measurements to fit
   */
  public NormModel completedByFit() {
    FittedNorms fitted =
        FittedNorms.fit(
            norms.entrySet().stream()
                .map(entry -> new NormMeasurement(entry.getKey(), entry.getValue()))
                .toList());
    return groupSize -> norms.getOrDefault(groupSize, fitted.norm(groupSize));
  }

  @Override
  public double norm(int groupSize) {
    Double norm = norms.get(groupSize);
    if (norm == null) {
      throw new IllegalArgumentException(
          "the norm at G = %d is not measured, only at %s: measure it or fit a² + b²/G"
              .formatted(groupSize, norms.keySet()));
    }
    return norm;
  }
}
