package io.murmuration.privacy.accounting;

import java.util.Arrays;
import java.util.List;

/**
 * The privacy profile of a {@link Choice}, and a privacy loss distribution of it.
 *
 * <p><b>The pair that dominates a choice.</b> Let option o be dominated, in one direction, by a
 * pair with the privacy profile h_o(α) = sup over events S of P(S) − α·Q(S), α ≥ 0, and let h be
 * the pointwise maximum of the h_o. Each h_o is convex, falls, has h_o(0) = 1 and h_o(α) ≥ (1 −
 * α)₊; a maximum of finitely many inherits all four, and a function that has them is the profile of
 * some pair (Zhu, Dong, Wang, AISTATS 2022, Proposition 8). That pair dominates every option. So it
 * dominates what a choice does whatever was released before, and in an adaptive sequence of choices
 * the product of their pairs dominates the whole (ibid., Theorem 10): nothing is said there about
 * how the earlier outcomes choose among mechanisms that are all dominated by one pair.
 *
 * <p><b>Their order</b> may be chosen by outcomes too, and so may an early end. By induction over
 * how many choices are left: which is made first depends on nothing yet, and is dominated by its
 * pair; whatever it releases, what follows is dominated by the product of the pairs that are left,
 * one pair for all outcomes; so by Theorem 10 the whole is dominated by the product of all, which
 * does not know of an order. Ending early leaves a trivial mechanism, which every pair dominates.
 * What must not happen is that two choices run at the same time, or that one is made twice.
 *
 * <p><b>Conditions:</b> the options are finitely many and fixed before any data was looked at; the
 * maximum is taken over <i>whole</i> options, all their rounds composed, and at <i>all</i> α &gt;
 * 0, α &lt; 1 included; each direction has its own. Leaving rounds of the chosen option out is
 * post-processing of what was paid for.
 *
 * <p><b>On a grid.</b> δ of each option at ε = 0, s, 2s, … comes from {@link TiltedComposition}: an
 * upper bound in both directions. With H_α(P ‖ Q) = 1 − α + α·H_{1/α}(Q ‖ P) the other direction
 * gives the profile at α &lt; 1. There g(α) = h(α) − (1 − α) = α·H_{1/α}(Q ‖ P) is kept, never h
 * itself, whose digits near 1 hold nothing of it. The maximum over options of g at α &lt; 1 and of
 * h at α ≥ 1 is the maximum of h.
 *
 * <p><b>Connecting the dots.</b> Let f be linear between h(0) = 1, some of these points, and
 * constant beyond the last. h is convex and no point lies below it, so f ≥ h for <i>any</i> subset
 * of the points: we keep the lower convex hull on either side of α = 1, which is what rounding has
 * left of convexity. f is the profile of the atoms m_j = α_j·(slope after α_j − slope before) at
 * losses log α_j, and of f's last value at infinite loss.
 *
 * <p><b>Roundings.</b> Each m_j is computed as a difference of two terms, by multiplications and
 * one subtraction of doubles that define f; we add a bound of their roundings. Larger masses only
 * raise a profile. Negative masses, which rounding may leave at α = 1, are set to 0: that raises it
 * too.
 */
final class ChoiceProfile {

  /** Tilts are so many decades of δ apart. Far from a tilt the bounds are safe but loose. */
  private static final double DECADES = 3;

  /**
   * The δ of the first tilt. Above it the trivial bound, 1, is at most about three times too large.
   */
  private static final double LARGEST_TILT_DELTA = 0.3;

  private final double spacing;
  private final double[] remove;
  private final double[] add;

  private ChoiceProfile(double spacing, double[] remove, double[] add) {
    this.spacing = spacing;
    this.remove = remove;
    this.add = add;
  }

  /**
   * Computes the profile of a choice.
   *
   * @param spacing s &gt; 0 of the grid of losses
   * @param points how many grid points from ε = 0 on
   * @param smallest the profile is tight down to about this δ
   */
  static ChoiceProfile of(
      List<PreparedOption> options, double spacing, int points, double smallest) {
    double[] remove = new double[points];
    double[] add = new double[points];
    for (PreparedOption option : options) {
      double[] removed = option.deltas(Direction.REMOVE, spacing, points, smallest);
      double[] added = option.deltas(Direction.ADD, spacing, points, smallest);
      // At α = 1 the two directions are one.
      removed[0] = Math.min(removed[0], added[0]);
      added[0] = removed[0];
      for (int k = 0; k < points; k++) {
        remove[k] = Math.max(remove[k], removed[k]);
        add[k] = Math.max(add[k], added[k]);
      }
    }
    return new ChoiceProfile(spacing, remove, add);
  }

  /** An option with a grid that suits it. */
  static final class PreparedOption {

    private final PreparedComposition composition;
    private final List<DiscretisedMechanism> grids;

    PreparedOption(PreparedComposition composition, List<DiscretisedMechanism> grids) {
      this.composition = composition;
      this.grids = grids;
    }

    double[] deltas(Direction direction, double spacing, int points, double smallest) {
      double[] deltas = new double[points];
      Arrays.fill(deltas, 1);
      SketchedComposition sketch = composition.sketch(direction);
      List<TiltedComposition.Part> parts = composition.parts(grids, direction);
      double target = LARGEST_TILT_DELTA;
      while (target > smallest) {
        lower(parts, sketch, target, spacing, deltas);
        target *= Math.pow(10, -DECADES);
      }
      lower(parts, sketch, smallest, spacing, deltas);
      return deltas;
    }

    private static void lower(
        List<TiltedComposition.Part> parts,
        SketchedComposition sketch,
        double target,
        double spacing,
        double[] deltas) {
      Tilt tilt = sketch.tiltForDelta(target);
      Window window = sketch.window(tilt, target);
      new TiltedComposition(parts, tilt, window).lowerDeltas(spacing, deltas);
    }
  }

  /** A privacy loss distribution that dominates the choice in a direction. */
  DiscretePld pld(Direction direction) {
    double[] own = direction == Direction.REMOVE ? remove : add;
    double[] other = direction == Direction.REMOVE ? add : remove;
    int last = own.length - 1;
    double[] below = new double[last + 1];
    for (int i = 0; i <= last; i++) {
      double loss = (last - i) * spacing;
      double raised = 1 + (8 + 4 * loss) * GaussianTail.UNIT_ROUNDOFF;
      below[i] = Math.exp(-loss) * other[last - i] * raised;
    }
    below[last] = own[0];
    double[] masses = new double[2 * last + 1];
    Hull left = new Hull(below, spacing, /* fromZero= */ true);
    Hull right = new Hull(own, spacing, /* fromZero= */ false);
    left.fill(masses, 0);
    right.fill(masses, last);
    // The slope of h before α = 1 is that of g less 1.
    masses[last] =
        Hull.mass(
            right.after(0) + 1,
            left.before(left.size() - 1),
            /* magnitude= */ 1,
            widest(left, right));
    return new DiscretePld(
        spacing,
        -last,
        masses,
        own[last],
        /* relativeError= */ 16 * GaussianTail.UNIT_ROUNDOFF,
        /* lossError= */ 0);
  }

  private static double widest(Hull left, Hull right) {
    return Math.max(left.widest(), right.widest());
  }

  /**
   * The lower convex hull of points over α = exp(i·s), i = 0, 1, …; where asked, also of the point
   * 0 over α = 0. What is called a slope at a point is already multiplied by the point's α.
   */
  private static final class Hull {

    private final double[] values;
    private final double spacing;
    private final boolean fromZero;
    private final int[] kept;
    private int size;

    Hull(double[] values, double spacing, boolean fromZero) {
      this.values = values;
      this.spacing = spacing;
      this.fromZero = fromZero;
      this.kept = new int[values.length];
      for (int i = 0; i < values.length; i++) {
        while (size > (fromZero ? 0 : 1) && !(up(kept[size - 1], i) > before(size - 1))) {
          size--;
        }
        kept[size++] = i;
      }
    }

    int size() {
      return size;
    }

    private double up(int from, int to) {
      return (values[to] - values[from]) / Math.expm1((to - from) * spacing);
    }

    /** The slope that ends in a kept point. */
    double before(int position) {
      int point = kept[position];
      if (position == 0) {
        return fromZero ? values[point] : 0;
      }
      int from = kept[position - 1];
      return (values[point] - values[from]) / -Math.expm1((from - point) * spacing);
    }

    /** The slope that begins in a kept point; 0 from the last one on. */
    double after(int position) {
      return position == size - 1 ? 0 : up(kept[position], kept[position + 1]);
    }

    /** The longest distance of two kept points, as a difference of losses. */
    double widest() {
      int widest = 1;
      for (int i = 1; i < size; i++) {
        widest = Math.max(widest, kept[i] - kept[i - 1]);
      }
      return widest * spacing;
    }

    /** Sets the masses at all kept points but the one at α = 1. */
    void fill(double[] masses, int offset) {
      double widest = widest();
      for (int i = fromZero ? 0 : 1; i < (fromZero ? size - 1 : size); i++) {
        masses[offset + kept[i]] = mass(after(i), before(i), /* magnitude= */ 0, widest);
      }
    }

    /**
     * A mass that is at least the difference of two slopes computed from terms of a magnitude, and
     * at least 0.
     */
    static double mass(double after, double before, double magnitude, double widest) {
      double roundings =
          (8 + 4 * widest)
              * GaussianTail.UNIT_ROUNDOFF
              * (magnitude + Math.abs(after) + Math.abs(before));
      return Math.max(0, after - before + roundings);
    }
  }
}
