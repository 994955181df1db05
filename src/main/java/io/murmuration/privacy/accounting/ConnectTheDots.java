package io.murmuration.privacy.accounting;

/**
 * Puts a privacy loss distribution on a grid by connecting the dots of its privacy profile
 * (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, PETS 2022).
 *
 * <p><b>Construction.</b> A cell between the losses e and e + Δ with masses p under P and q under Q
 * becomes two atoms that keep both masses: b = (p − exp(e)·q) / (1 − exp(−Δ)) at e + Δ and p − b at
 * e.
 *
 * <p><b>Why this is an upper bound.</b> In α = exp(ε) the hockey stick divergence H(α) of the cell
 * is convex; it is p − α·q up to exp(e) and 0 from exp(e + Δ) on. The atoms have the same values
 * there and are linear between, hence at least as large everywhere. Larger privacy profiles stay
 * larger under composition (Zhu, Dong, Wang, AISTATS 2022, Theorem 10).
 *
 * <p><b>Borders.</b> A cell's losses are only known to lie between e − s and e + Δ + s, s the
 * {@link LossCells#borderError()}. So its atoms are those of these two losses, b = (p − exp(e −
 * s)·q) / (1 − exp(−Δ − 2s)) at e + Δ + s and p − b at e − s, and the lower one is moved up to e +
 * s. All atoms now are s above points of the grid: they are put there, and s is part of the {@link
 * DiscretePld#lossError()} that composing adds to ε once a round. The same holds for the mass below
 * the first border. T rounds cost about T·s of ε more than with exact borders; s is some 1e-14
 * where losses are of the order of 10.
 *
 * <p><b>Roundings.</b> p and q are only known up to errors dp, dq. We take p + dp for p, and for b
 * its computed value plus a bound of its error: (dp + exp(e)·dq + roundings) / (1 − exp(−Δ)). The
 * true atoms then follow from ours by moving mass to lower losses and removing some, and neither
 * raises a divergence. Mass beyond the grid's ends goes up: to the next grid point where there is
 * one, else to infinite loss.
 */
final class ConnectTheDots {

  /** Beyond this, exp overflows: such cells move all their mass to the upper grid point. */
  private static final double LARGEST_EXPONENT = 600;

  private ConnectTheDots() {}

  static DiscretePld discretise(DominatingPair pair, LossCells cells, Direction direction) {
    return direction == Direction.REMOVE ? remove(pair, cells) : add(pair, cells);
  }

  private static DiscretePld remove(DominatingPair pair, LossCells cells) {
    LossGrid grid = cells.grid();
    double borderError = cells.borderError();
    double[] masses = new double[grid.cells() + 1];
    masses[0] = cells.upperMassBelow();
    for (int i = 0; i < grid.cells(); i++) {
      double mass = cells.upperMass(i) + cells.upperError(i);
      double raised =
          raisedMass(
              grid.loss(grid.first() + i) - borderError,
              grid.interval() + 2 * borderError,
              mass,
              cells.upperError(i),
              cells.lowerMass(i),
              cells.lowerError(i));
      masses[i + 1] += raised;
      masses[i] += mass - raised;
    }
    double infinite = cells.upperMassAbove() + pair.droppedMass();
    return pld(pair, cells, grid.first(), masses, infinite);
  }

  private static DiscretePld add(DominatingPair pair, LossCells cells) {
    LossGrid grid = cells.grid();
    int n = grid.cells();
    double borderError = cells.borderError();
    // Losses change sign, so the order turns round: position n − i is grid point −(first + i).
    double[] masses = new double[n + 1];
    masses[0] = cells.lowerMassAbove();
    for (int i = 0; i < n; i++) {
      double mass = cells.lowerMass(i) + cells.lowerError(i);
      double raised =
          raisedMass(
              -grid.loss(grid.first() + i + 1) - borderError,
              grid.interval() + 2 * borderError,
              mass,
              cells.lowerError(i),
              cells.upperMass(i),
              cells.upperError(i));
      masses[n - i] += raised;
      masses[n - i - 1] += mass - raised;
    }
    return pld(pair, cells, -grid.last(), masses, cells.lowerMassBelow());
  }

  /** A mass that is at least what the upper end of a cell must get. */
  private static double raisedMass(
      double lowerLoss,
      double interval,
      double mass,
      double massError,
      double otherMass,
      double otherError) {
    if (lowerLoss > LARGEST_EXPONENT) {
      return mass;
    }
    double scale = Math.exp(lowerLoss);
    double width = -Math.expm1(-interval);
    double scaled = scale * otherMass;
    double roundings =
        (12 + 2 * Math.abs(lowerLoss)) * GaussianTail.UNIT_ROUNDOFF * (mass + scaled);
    double error = 2 * massError + scale * otherError + roundings;
    double raised = (mass - scaled + error) / width;
    return Math.min(mass, Math.max(0, raised));
  }

  private static DiscretePld pld(
      DominatingPair pair, LossCells cells, long first, double[] masses, double infinite) {
    double weightError = pair.weightErrorBound();
    double roundings = 8 * GaussianTail.UNIT_ROUNDOFF;
    return new DiscretePld(
        cells.grid().interval(),
        first,
        masses,
        infinite,
        /* relativeError= */ weightError + roundings,
        /* lossError= */ 2 * weightError + cells.borderError());
  }
}
