package io.murmuration.privacy.accounting;

/**
 * How much mass P and Q have between neighbouring points of a loss grid, with bounds of the
 * rounding errors. Cell i holds the x with grid.loss(first + i) &lt; ℓ(x) ≤ grid.loss(first + i +
 * 1).
 *
 * <p>Masses are differences of normal tails, always taken on the side where the tails are small.
 */
final class LossCells {

  private final LossGrid grid;
  private final double[] upperMass;
  private final double[] upperError;
  private final double[] lowerMass;
  private final double[] lowerError;
  private final double[] splitError;
  private Tails below;
  private Tails above;

  private LossCells(LossGrid grid) {
    this.grid = grid;
    this.upperMass = new double[grid.cells()];
    this.upperError = new double[grid.cells()];
    this.lowerMass = new double[grid.cells()];
    this.lowerError = new double[grid.cells()];
    this.splitError = new double[grid.cells()];
  }

  static LossCells of(DominatingPair pair, LossGrid grid) {
    LossCells cells = new LossCells(grid);
    double x =
        grid.floorReached()
            ? Double.NEGATIVE_INFINITY
            : pair.inverseLoss(grid.loss(grid.first()), above(pair, grid.loss(grid.first())));
    Tails left = Tails.at(pair, x);
    cells.below = left;
    for (int i = 0; i < grid.cells(); i++) {
      double loss = grid.loss(grid.first() + i + 1);
      double guess = x + grid.interval() / pair.lossSlope(x);
      x = pair.inverseLoss(loss, Double.isFinite(guess) ? guess : above(pair, loss));
      Tails right = Tails.at(pair, x);
      cells.fill(i, pair, left, right);
      double misplaced = pair.lossErrorBound(x) / grid.interval();
      cells.splitError[i] = 4 * misplaced * misplaced;
      left = right;
    }
    cells.above = left;
    return cells;
  }

  /** An x whose loss is not below the given one. */
  private static double above(DominatingPair pair, double loss) {
    double x = 0;
    double step = pair.sigma();
    while (pair.loss(x) < loss) {
      x += step;
      step *= 2;
    }
    return x;
  }

  private void fill(int cell, DominatingPair pair, Tails left, Tails right) {
    double mass = 0;
    double error = 0;
    for (int j = 0; j < pair.components(); j++) {
      mass += pair.weight(j) * Tails.between(left, right, j);
      error += pair.weight(j) * Tails.errorBetween(left, right, j);
    }
    upperMass[cell] = mass;
    upperError[cell] = error + 4 * GaussianTail.UNIT_ROUNDOFF * mass;
    lowerMass[cell] = Tails.between(left, right, pair.components());
    lowerError[cell] = Tails.errorBetween(left, right, pair.components());
  }

  LossGrid grid() {
    return grid;
  }

  /** P's mass in a cell. */
  double upperMass(int cell) {
    return upperMass[cell];
  }

  /** The largest error of {@link #upperMass(int)}. */
  double upperError(int cell) {
    return upperError[cell];
  }

  /** Q's mass in a cell. */
  double lowerMass(int cell) {
    return lowerMass[cell];
  }

  /** The largest error of {@link #lowerMass(int)}. */
  double lowerError(int cell) {
    return lowerError[cell];
  }

  /**
   * The share of a cell's mass that its split between the two grid points can be off by because the
   * cell's borders are not exactly at the grid's losses: a sliver of relative width s/Δ is split as
   * if its loss were off by at most s/Δ of the cell.
   */
  double splitError(int cell) {
    return splitError[cell];
  }

  /** At least P's mass below the first grid point. */
  double upperMassBelow() {
    return below.massBelow(/* lowerDistribution= */ false);
  }

  /** At least Q's mass below the first grid point. */
  double lowerMassBelow() {
    return below.massBelow(/* lowerDistribution= */ true);
  }

  /** At least P's mass above the last grid point. */
  double upperMassAbove() {
    return above.massAbove(/* lowerDistribution= */ false);
  }

  /** At least Q's mass above the last grid point. */
  double lowerMassAbove() {
    return above.massAbove(/* lowerDistribution= */ true);
  }

  /** The normal tails beyond one x of every component of P and, last, of Q. */
  private static final class Tails {

    private final DominatingPair pair;
    private final double[] z;
    private final double[] tail;
    private final double[] error;

    private Tails(DominatingPair pair) {
      this.pair = pair;
      this.z = new double[pair.components() + 1];
      this.tail = new double[z.length];
      this.error = new double[z.length];
    }

    static Tails at(DominatingPair pair, double x) {
      Tails tails = new Tails(pair);
      for (int j = 0; j < tails.z.length; j++) {
        double mean = j < pair.components() ? pair.mean(j) : 0;
        double z = (x - mean) / pair.sigma();
        tails.z[j] = z;
        tails.tail[j] = GaussianTail.above(Math.abs(z));
        tails.error[j] = GaussianTail.errorBound(Math.abs(z), tails.tail[j]);
      }
      return tails;
    }

    static double between(Tails left, Tails right, int component) {
      double a = left.tail[component];
      double b = right.tail[component];
      double mass;
      if (left.z[component] >= 0) {
        mass = a - b;
      } else if (right.z[component] <= 0) {
        mass = b - a;
      } else {
        mass = 1 - a - b;
      }
      return Math.max(0, mass);
    }

    static double errorBetween(Tails left, Tails right, int component) {
      boolean straddles = left.z[component] < 0 && right.z[component] > 0;
      return left.error[component]
          + right.error[component]
          + (straddles ? 2 * GaussianTail.UNIT_ROUNDOFF : 0);
    }

    double massAbove(boolean lowerDistribution) {
      return mass(lowerDistribution, 1);
    }

    double massBelow(boolean lowerDistribution) {
      return mass(lowerDistribution, -1);
    }

    private double mass(boolean lowerDistribution, int side) {
      if (lowerDistribution) {
        return beyond(pair.components(), side);
      }
      double mass = 0;
      for (int j = 0; j < pair.components(); j++) {
        mass += pair.weight(j) * beyond(j, side);
      }
      return mass * (1 + 0x1p-40);
    }

    private double beyond(int component, int side) {
      double near = tail[component] + error[component];
      return side * z[component] >= 0 ? near : 1 - tail[component] + error[component];
    }
  }
}
