package io.murmuration.privacy.accounting;

/**
 * Which multiples of an interval a dominating pair's privacy loss is put on.
 *
 * @param interval Δ, the distance of two grid points, &gt; 0
 * @param first index of the lowest grid point
 * @param last index of the highest grid point, &gt; first
 * @param floorReached whether no loss is below the first grid point
 */
record LossGrid(double interval, long first, long last, boolean floorReached) {

  /** The most grid points: more, about 400 MB of working memory, are refused. */
  static final long MAX_POINTS = 1L << 23;

  /**
   * The grid that leaves out at most {@code negligibleMass} of P above and of Q below.
   *
   * @throws IllegalArgumentException if it would have more than {@link #MAX_POINTS} points
   */
  static LossGrid of(DominatingPair pair, double interval, double negligibleMass) {
    double lowest =
        Math.floor(
            pair.loss(-pair.sigma() * GaussianTail.quantileAbove(negligibleMass)) / interval);
    double floor = Math.floor(pair.lossFloor() / interval);
    boolean floorReached = lowest <= floor;
    double first = floorReached ? floor : lowest;
    double last =
        Math.max(Math.ceil(pair.loss(pair.upperEnd(negligibleMass)) / interval), first + 1);
    requireAffordable(last - first + 1, interval);
    return new LossGrid(interval, (long) first, (long) last, floorReached);
  }

  static void requireAffordable(double points, double interval) {
    if (!(points <= MAX_POINTS)) {
      throw new GridTooLargeException(
          String.format(
              "these parameters at this precision need a privacy loss grid of %.3g points (interval"
                  + " %.3g) but at most %d are allowed: ask for fewer rounds, a larger noise multiplier"
                  + " or a smaller epsilon, or for a coarser precision",
              points, interval, MAX_POINTS));
    }
  }

  /** The loss of a grid point. */
  double loss(long index) {
    return index * interval;
  }

  /** The number of cells between neighbouring grid points. */
  int cells() {
    return (int) (last - first);
  }
}
