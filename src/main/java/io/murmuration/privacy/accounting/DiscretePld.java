package io.murmuration.privacy.accounting;

/**
 * A privacy loss distribution on a grid: mass(i) sits at loss (first + i)·interval, the rest at +∞.
 * Built pessimistically: composed with any other, its δ(ε) is at least the true one, after the two
 * corrections that {@link #relativeError()} and {@link #lossError()} ask for.
 *
 * <p>Immutable; the array is not copied and must not be changed.
 */
final class DiscretePld {

  private final double interval;
  private final long first;
  private final double[] masses;
  private final double infiniteMass;
  private final double relativeError;
  private final double lossError;

  /**
   * @param interval distance of the grid points, &gt; 0
   * @param first index of the first grid point
   * @param masses at the grid points, ≥ 0
   * @param infiniteMass mass at infinite loss, ≥ 0
   * @param relativeError r such that (1 + r)·masses are at least the masses of a dominating pair
   * @param lossError what must be added to ε for each time this is composed
   */
  DiscretePld(
      double interval,
      long first,
      double[] masses,
      double infiniteMass,
      double relativeError,
      double lossError) {
    this.interval = interval;
    this.first = first;
    this.masses = masses;
    this.infiniteMass = infiniteMass;
    this.relativeError = relativeError;
    this.lossError = lossError;
  }

  double interval() {
    return interval;
  }

  long first() {
    return first;
  }

  long last() {
    return first + masses.length - 1;
  }

  int size() {
    return masses.length;
  }

  double mass(int i) {
    return masses[i];
  }

  double infiniteMass() {
    return infiniteMass;
  }

  double relativeError() {
    return relativeError;
  }

  double lossError() {
    return lossError;
  }

  /** log Σᵢ mass(i)·exp(order·lossᵢ), the cumulant generating function, in double precision. */
  double logMoment(double order) {
    double step = order * interval;
    double top = Math.max(step * first, step * last());
    double sum = 0;
    for (int i = 0; i < masses.length; i++) {
      double exponent = step * (first + i) - top;
      if (exponent > -745) {
        sum += masses[i] * Math.exp(exponent);
      }
    }
    return top + Math.log(sum);
  }
}
