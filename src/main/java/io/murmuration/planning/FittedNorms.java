package io.murmuration.planning;

import java.util.List;

/**
 * C(G)² = a² + b²/G.
 *
 * <p>Derivation: let a user's gradients be independent draws around the user's own mean μ with
 * total variance τ² (the trace of the covariance). Then the mean v of G of them has E‖v‖² = ‖μ‖² +
 * τ²/G; over users, a² = E‖μ‖² and b² = E τ². All users' examples alike is b = 0; gradients that
 * share no direction at all is a = 0.
 *
 * @param meanSquare a² ≥ 0
 * @param varianceSquare b² ≥ 0; not both zero
 */
public record FittedNorms(double meanSquare, double varianceSquare) implements NormModel {

  public FittedNorms {
    if (!(meanSquare >= 0
        && varianceSquare >= 0
        && meanSquare + varianceSquare > 0
        && meanSquare + varianceSquare < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "a² and b² must be finite, not negative and not both zero but are %s and %s"
              .formatted(meanSquare, varianceSquare));
    }
  }

  /**
   * A population whose examples have norm C(1) and whose diversity is b²/a².
   *
   * @param exampleNorm C(1) &gt; 0
   * @param diversity b²/a² ≥ 0: 0 for a user whose examples all say the same
   */
  public static FittedNorms ofDiversity(double exampleNorm, double diversity) {
    if (!(diversity >= 0 && diversity < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "diversity must be finite and not negative but is " + diversity);
    }
    double square = new NormMeasurement(/* groupSize= */ 1, exampleNorm).norm() * exampleNorm;
    return new FittedNorms(square / (1 + diversity), square * diversity / (1 + diversity));
  }

  /**
   * The a², b² ≥ 0 that minimise the sum of ((a² + b²/G) / C(G)² − 1)² over the measurements:
   * errors of measured norms are relative, also where they come from logarithmic bins. Where the
   * unbounded minimum has a negative part, the best of the two edges is taken.
   *
   * @param measurements at two or more different G
   */
  public static FittedNorms fit(List<NormMeasurement> measurements) {
    if (measurements.stream().mapToInt(NormMeasurement::groupSize).distinct().count() < 2) {
      throw new IllegalArgumentException(
          "norms must be measured at two or more group sizes but are at "
              + measurements.stream().map(NormMeasurement::groupSize).distinct().toList());
    }
    // Least squares on rows (1/C², 1/(G·C²)) with right side 1; C² in units of the largest.
    double unit = measurements.stream().mapToDouble(NormMeasurement::norm).max().orElseThrow();
    double uu = 0;
    double uw = 0;
    double ww = 0;
    double u1 = 0;
    double w1 = 0;
    for (NormMeasurement measurement : measurements) {
      double scaled = measurement.norm() / unit;
      double u = 1 / (scaled * scaled);
      double w = u / measurement.groupSize();
      uu += u * u;
      uw += u * w;
      ww += w * w;
      u1 += u;
      w1 += w;
    }
    double determinant = uu * ww - uw * uw;
    double mean = (ww * u1 - uw * w1) / determinant;
    double variance = (uu * w1 - uw * u1) / determinant;
    if (!(mean >= 0 && variance >= 0)) {
      // On an edge with one unknown x and column c the residual falls by (Σc)²/Σc².
      boolean meanOnly = u1 * u1 / uu >= w1 * w1 / ww;
      mean = meanOnly ? u1 / uu : 0;
      variance = meanOnly ? 0 : w1 / ww;
    }
    return new FittedNorms(mean * unit * unit, variance * unit * unit);
  }

  /** b²/a²: how diverse a user's examples are; infinite if they share no direction. */
  public double diversity() {
    return varianceSquare / meanSquare;
  }

  @Override
  public double norm(int groupSize) {
    if (groupSize < 1) {
      throw new IllegalArgumentException("group size must be at least 1 but is " + groupSize);
    }
    return Math.sqrt(meanSquare + varianceSquare / groupSize);
  }
}
