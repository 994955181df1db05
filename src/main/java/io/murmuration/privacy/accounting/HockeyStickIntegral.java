package io.murmuration.privacy.accounting;

/**
 * The exact δ(ε) of a single round by numerical integration of the hockey stick divergence ∫ (upper
 * − e^ε·lower)₊. Shares nothing with the grids: an independent check.
 */
final class HockeyStickIntegral {

  /**
   * Panels of a deviation: on a sixteenth of it the five points below integrate a Gaussian exactly
   * to rounding.
   */
  private static final double PANELS_PER_DEVIATION = 16;

  private static final double[] NODES = {
    -0.9061798459386640, -0.5384693101056831, 0, 0.5384693101056831, 0.9061798459386640
  };
  private static final double[] WEIGHTS = {
    0.2369268850561891,
    0.4786286704993665,
    0.5688888888888889,
    0.4786286704993665,
    0.2369268850561891
  };

  private HockeyStickIntegral() {}

  /**
   * δ(ε) of one round, the larger of both directions, to about 1e-9 relative.
   *
   * @param epsilon at least 0, finite
   */
  public static double delta(Mechanism mechanism, double epsilon) {
    Arguments.nonNegativeEpsilon(epsilon);
    DominatingPair pair = DominatingPair.of(mechanism, 1e-280);
    double kinkRemove = crossing(pair, epsilon);
    double remove = integrate(pair, kinkRemove, pair.upperEnd(1e-300), epsilon, Direction.REMOVE);
    double kinkAdd = crossing(pair, -epsilon);
    double add = integrate(pair, -38 * pair.sigma(), kinkAdd, epsilon, Direction.ADD);
    return Math.max(remove, add);
  }

  /** The x below which the loss is below the given one. */
  private static double crossing(DominatingPair pair, double loss) {
    double low = -40 * pair.sigma();
    double high = pair.mean(pair.components() - 1) + 40 * pair.sigma();
    for (int i = 0; i < 200; i++) {
      double middle = 0.5 * (low + high);
      if (pair.loss(middle) < loss) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return 0.5 * (low + high);
  }

  private static double integrate(
      DominatingPair pair, double from, double to, double epsilon, Direction direction) {
    if (!(to > from)) {
      return 0;
    }
    int panels = (int) Math.ceil((to - from) / pair.sigma() * PANELS_PER_DEVIATION);
    double half = 0.5 * (to - from) / panels;
    double sum = 0;
    for (int panel = 0; panel < panels; panel++) {
      double middle = from + (2 * panel + 1) * half;
      for (int node = 0; node < NODES.length; node++) {
        double x = middle + half * NODES[node];
        sum += WEIGHTS[node] * excess(pair, x, epsilon, direction);
      }
    }
    return sum * half;
  }

  private static double excess(DominatingPair pair, double x, double epsilon, Direction direction) {
    double z = x / pair.sigma();
    double logLower = -0.5 * z * z - Math.log(pair.sigma() * Math.sqrt(2 * Math.PI));
    double loss = pair.loss(x);
    // Both are upper density times (1 − exp(ε − loss of the direction)).
    return direction == Direction.REMOVE
        ? Math.exp(logLower + loss) * -Math.expm1(epsilon - loss)
        : Math.exp(logLower) * -Math.expm1(epsilon + loss);
  }
}
