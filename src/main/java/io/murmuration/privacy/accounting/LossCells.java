package io.murmuration.privacy.accounting;

import java.util.function.DoubleBinaryOperator;

/**
 * How much mass P and Q have between neighbouring points of a loss grid, with bounds of the
 * rounding errors.
 *
 * <p><b>Borders.</b> Cell i holds the x between two doubles x₍ᵢ₎ and x₍ᵢ₊₁₎ at which the loss ℓ is
 * about that of the grid points eᵢ and eᵢ₊₁. Whatever computed them, s = {@link #borderError()} is
 * a proven bound of what they are off by: |ℓ(x₍ᵢ₎) − eᵢ| ≤ s for every border. For each, the loss
 * is computed once more, and s is the largest distance that was seen, plus {@link
 * DominatingPair#lossErrorBound}, plus the rounding of eᵢ = i·Δ itself. As ℓ increases, the losses
 * of cell i lie between eᵢ − s and eᵢ₊₁ + s. A border at −∞, where no loss is below the first grid
 * point, only needs ℓ ≥ e₀ − s.
 *
 * <p><b>Masses</b> are those of the cells between these very doubles: differences of normal tails,
 * always taken on the side where the tails are small.
 */
final class LossCells {

  private final LossGrid grid;
  private final double[] upperMass;
  private final double[] upperError;
  private final double[] lowerMass;
  private final double[] lowerError;
  private double borderError;
  private Tails below;
  private Tails above;

  private LossCells(LossGrid grid) {
    this.grid = grid;
    this.upperMass = new double[grid.cells()];
    this.upperError = new double[grid.cells()];
    this.lowerMass = new double[grid.cells()];
    this.lowerError = new double[grid.cells()];
  }

  static LossCells of(DominatingPair pair, LossGrid grid) {
    return of(pair, grid, pair::inverseLoss);
  }

  /**
   * @param inverse the border of a loss, from that loss and an x whose loss is about that or above;
   *     increasing. What it is off by is measured and paid for.
   */
  static LossCells of(DominatingPair pair, LossGrid grid, DoubleBinaryOperator inverse) {
    LossCells cells = new LossCells(grid);
    double first = grid.loss(grid.first());
    double x =
        grid.floorReached()
            ? Double.NEGATIVE_INFINITY
            : inverse.applyAsDouble(first, above(pair, first));
    cells.measure(pair, x, first);
    Tails left = Tails.at(pair, x);
    cells.below = left;
    for (int i = 0; i < grid.cells(); i++) {
      double loss = grid.loss(grid.first() + i + 1);
      double guess = x + grid.interval() / pair.lossSlope(x);
      x = inverse.applyAsDouble(loss, Double.isFinite(guess) ? guess : above(pair, loss));
      cells.measure(pair, x, loss);
      Tails right = Tails.at(pair, x);
      cells.fill(i, pair, left, right);
      left = right;
    }
    cells.above = left;
    if (!(cells.borderError < Double.POSITIVE_INFINITY)) {
      throw new IllegalStateException(
          "every border of a loss grid must have a loss, but one of %d of interval %s has none"
              .formatted(grid.cells() + 1, grid.interval()));
    }
    return cells;
  }

  private void measure(DominatingPair pair, double x, double gridLoss) {
    double excess = pair.loss(x) - gridLoss;
    double distance = x == Double.NEGATIVE_INFINITY ? Math.max(0, -excess) : Math.abs(excess);
    double bound = pair.lossErrorBound(x) + GaussianTail.UNIT_ROUNDOFF * Math.abs(gridLoss);
    borderError = Math.max(borderError, (distance + bound) * (1 + 0x1p-40));
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

  /** How far from a grid point, at most, the loss at the border that belongs to it is. */
  double borderError() {
    return borderError;
  }

  /** A mass that is at least P's below the first grid point. */
  double upperMassBelow() {
    return below.massBelow(/* lowerDistribution= */ false);
  }

  /** A mass that is at least Q's below the first grid point. */
  double lowerMassBelow() {
    return below.massBelow(/* lowerDistribution= */ true);
  }

  /** A mass that is at least P's above the last grid point. */
  double upperMassAbove() {
    return above.massAbove(/* lowerDistribution= */ false);
  }

  /** A mass that is at least Q's above the last grid point. */
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
