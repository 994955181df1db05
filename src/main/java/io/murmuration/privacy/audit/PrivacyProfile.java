package io.murmuration.privacy.audit;

import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.PldAccountant;
import java.util.ArrayList;
import java.util.List;

/**
 * What an accountant claims of a whole run: δ at several ε, in both directions of add and remove.
 * Unlike one pair (ε, δ) it says nearly all that there is to say, and unlike a Gaussian curve
 * through that pair it assumes nothing: whatever contradicts it contradicts the accountant.
 *
 * @param points at least one, in any order
 */
public record PrivacyProfile(List<Point> points) implements TradeOff {

  /**
   * The smallest δ that is looked at: below it no test of a feasible number of canaries sees
   * anything.
   */
  private static final double SMALLEST_DELTA = 1e-7;

  /** A profile costs an accounting a point; more of them hardly move the claim. */
  private static final int LARGEST_POINTS = 64;

  /** Relative precision of ε, from above: an audit does not see finer. */
  private static final double PRECISION = 1e-3;

  /**
   * One claim: the run is (ε, δ)-differentially private.
   *
   * @param epsilon ε ≥ 0
   * @param delta δ in [0, 1]
   */
  public record Point(double epsilon, double delta) {

    public Point {
      Levels.epsilon(epsilon);
      if (!(delta >= 0 && delta <= 1)) {
        throw new IllegalArgumentException("delta must be in [0, 1] but is " + delta);
      }
    }
  }

  public PrivacyProfile {
    points = List.copyOf(points);
    if (points.isEmpty()) {
      throw new IllegalArgumentException("a profile needs at least one point");
    }
  }

  /**
   * The accountant's profile of a run.
   *
   * @param run what was charged
   * @param step distance of the ε at which it is taken, from 0 on, &gt; 0
   */
  public static PrivacyProfile of(Composition run, double step) {
    if (!(step > 0 && step < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("step must be positive and finite but is " + step);
    }
    PldAccountant accountant = new PldAccountant(PRECISION);
    List<Point> points = new ArrayList<>();
    double delta = 1;
    for (int i = 0; i < LARGEST_POINTS && delta > SMALLEST_DELTA; i++) {
      delta = Math.min(1, accountant.delta(run, i * step));
      points.add(new Point(i * step, delta));
    }
    return new PrivacyProfile(points);
  }

  /**
   * Follows from the definition of (ε, δ) for an event and for its complement: y ≥ (x − δ)·e^−ε and
   * y ≥ 1 − δ − e^ε·(1 − x), for every point.
   */
  @Override
  public double inverseBlowUp(double x) {
    double smallest = 0;
    for (Point point : points) {
      double ratio = Math.exp(point.epsilon());
      smallest =
          Math.max(
              smallest, Math.max((x - point.delta()) / ratio, 1 - point.delta() - ratio * (1 - x)));
    }
    return smallest;
  }
}
