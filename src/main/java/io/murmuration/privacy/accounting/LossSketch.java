package io.murmuration.privacy.accounting;

/**
 * A coarse quadrature of a round's privacy loss: good to several digits, guaranteed to none. It
 * chooses grids, tilts and windows, on which the result's tightness depends but never its validity.
 */
final class LossSketch {

  /** Distance in deviations, at which the trapezoidal rule is exact to rounding for a Gaussian. */
  private static final double NODE_DISTANCE = 0.2;

  private final double[] losses;
  private final double[] masses;

  private LossSketch(double[] losses, double[] masses) {
    this.losses = losses;
    this.masses = masses;
  }

  static LossSketch of(DominatingPair pair, Direction direction, double negligibleMass) {
    int side = (int) Math.ceil(GaussianTail.quantileAbove(negligibleMass) / NODE_DISTANCE);
    int nodes = 2 * side + 1;
    boolean remove = direction == Direction.REMOVE;
    int components = remove ? pair.components() : 1;
    double[] losses = new double[nodes * components];
    double[] masses = new double[losses.length];
    double end = pair.upperEnd(negligibleMass);
    for (int j = 0; j < components; j++) {
      double mean = remove ? pair.mean(j) : 0;
      double weight = remove ? pair.weight(j) : 1;
      for (int i = 0; i < nodes; i++) {
        double z = (i - side) * NODE_DISTANCE;
        double x = mean + z * pair.sigma();
        double loss = pair.loss(x);
        double density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
        losses[j * nodes + i] = remove ? loss : -loss;
        masses[j * nodes + i] = x <= end ? weight * NODE_DISTANCE * density : 0;
      }
    }
    return new LossSketch(losses, masses);
  }

  /** Sketches a loss that is on a grid. */
  static LossSketch of(DiscretePld pld) {
    double[] losses = new double[pld.size()];
    double[] masses = new double[pld.size()];
    for (int i = 0; i < pld.size(); i++) {
      losses[i] = (pld.first() + i) * pld.interval();
      masses[i] = pld.mass(i);
    }
    return new LossSketch(losses, masses);
  }

  /** log E[exp(order·L)] with its first two derivatives in the order. */
  Cumulants cumulants(double order) {
    double top = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < losses.length; i++) {
      top = masses[i] > 0 ? Math.max(top, order * losses[i]) : top;
    }
    double sum = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < losses.length; i++) {
      double exponent = order * losses[i] - top;
      if (masses[i] > 0 && exponent > -200) {
        double term = masses[i] * Math.exp(exponent);
        sum += term;
        first += term * losses[i];
        second += term * losses[i] * losses[i];
      }
    }
    double mean = first / sum;
    return new Cumulants(top + Math.log(sum), mean, Math.max(0, second / sum - mean * mean));
  }

  /**
   * Cumulant generating function of a loss at one order.
   *
   * @param value log E[exp(order·L)]
   * @param mean its derivative: the mean of the loss tilted by the order
   * @param variance its second derivative: the variance of the tilted loss
   */
  record Cumulants(double value, double mean, double variance) {

    static final Cumulants ZERO = new Cumulants(0, 0, 0);

    /** Subtracts another generating function's value: the cumulants of a tilted loss. */
    Cumulants minus(Cumulants other) {
      return new Cumulants(value - other.value, mean, variance);
    }

    /** The cumulants of the loss with its sign changed. */
    Cumulants mirrored() {
      return new Cumulants(value, -mean, variance);
    }

    Cumulants plus(Cumulants other, long times) {
      return new Cumulants(
          value + times * other.value,
          mean + times * other.mean,
          variance + times * other.variance);
    }
  }
}
