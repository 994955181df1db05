package io.murmuration.privacy.accounting;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/**
 * The privacy cost of composed mechanisms from their privacy loss distributions: as tight as the
 * requested precision, and never below the truth.
 *
 * <p>Formal guarantee: for every composition and δ in range the composition is ({@link #epsilon},
 * δ)-DP under add/remove of one user, as a theorem about the exact mechanism that holds for the
 * computed double. The proofs are with {@link ConnectTheDots} (discretisation) and {@link
 * TiltedComposition} (composition). {@code ε ≤ (1 + precision)·true ε}, nearly: the precision is a
 * good estimate, not a bound. Where a grid of the precision would be too large, of one mechanism or
 * for a δ, coarser ones are tried, to {@link #COARSEST}.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><td>no rounds</td><td>ε = 0, δ = 0</td></tr>
 * <tr><td>δ at least the chance that the user ever takes part</td><td>ε = 0</td></tr>
 * <tr><td>ε below 1e-4</td><td>within precision·1e-4</td></tr>
 * <tr><td>NaN, out of range</td><td>IllegalArgumentException that names parameter, value and range</td></tr>
 * <tr><td>a grid beyond {@link LossGrid#MAX_POINTS} at every precision to {@link #COARSEST}</td>
 *     <td>IllegalArgumentException</td></tr>
 * </table>
 *
 * <p>Immutable and thread-safe.
 */
public final class PldAccountant {

  /** The relative precision of ε unless another is asked for. */
  public static final double DEFAULT_PRECISION = 1e-4;

  /** Answers that only a coarser precision than this one affords are refused. */
  static final double COARSEST = 0.1;

  /** The share of δ that all the mass moved to infinite loss may have. */
  private static final double NEGLIGIBLE_SHARE = 1e-7;

  /** How much coarser δ is than ε, relative to each. */
  private static final double DELTA_PRECISION = 5;

  /** The ε below which the precision is absolute: relative to this. */
  private static final double SMALLEST_EPSILON = 1e-4;

  /** An ε so much below its estimate was computed on a grid that is too coarse for it. */
  private static final double MISJUDGED = 0.8;

  /** The smallest δ that is told apart from 0. */
  private static final double SMALLEST_DELTA = 1e-250;

  /** The smallest probability that tails are computed for. */
  static final double SMALLEST_MASS = 1e-280;

  private final double precision;

  /** An accountant of the default precision. */
  public PldAccountant() {
    this(DEFAULT_PRECISION);
  }

  /**
   * An accountant of a chosen precision. Time and memory grow with its inverse square root.
   *
   * @param precision relative precision of ε, in [1e-7, 0.1]
   */
  public PldAccountant(double precision) {
    this.precision = Arguments.inRange("precision", precision, 1e-7, 0.1);
  }

  /** The relative precision that was asked for. */
  public double precision() {
    return precision;
  }

  /** ε after so many rounds of one mechanism; see {@link #epsilon(Composition, double)}. */
  public double epsilon(Mechanism mechanism, long rounds, double delta) {
    return epsilon(Composition.of(mechanism, rounds), delta);
  }

  /** The smallest ε ≥ 0, within the precision above, for which the composition is (ε, δ)-DP. */
  public double epsilon(Composition composition, double delta) {
    Arguments.delta(delta);
    if (participation(composition) <= delta) {
      return 0;
    }
    if (composition.parts().size() == 1) {
      Composition.Part only = composition.parts().get(0);
      return new RepeatedMechanism(only.mechanism(), delta, precision)
          .epsilon(only.participations());
    }
    PreparedComposition prepared =
        new PreparedComposition(composition, negligibleMass(delta, composition.participations()));
    Map<Direction, Tilt> tilts = new EnumMap<>(Direction.class);
    double largest = 0;
    for (Direction direction : Direction.values()) {
      Tilt tilt = prepared.sketch(direction).tiltForDelta(delta);
      tilts.put(direction, tilt);
      largest = Math.max(largest, tilt.epsilon());
    }
    double epsilon = prepared.epsilon(tilts, tolerance(precision, largest), delta);
    if (!isMisjudged(epsilon, largest)) {
      return epsilon;
    }
    // Rare large losses defeat the estimate that chose the grid. The answer is safe but coarse, and
    // the smaller of two upper bounds is an upper bound.
    try {
      return Math.min(epsilon, prepared.epsilon(tilts, tolerance(precision, epsilon), delta));
    } catch (GridTooLargeException e) {
      return epsilon;
    }
  }

  /**
   * The smallest ε ≥ 0, within about three times the precision above, for which choices made one
   * after the other, each by looking at everything released before, are together (ε, δ)-DP. See
   * {@link Choice} for what must be fixed beforehand.
   */
  public double epsilon(JointComposition composition, double delta) {
    Arguments.delta(delta);
    return new JointSolver(composition, delta, precision).epsilon();
  }

  /**
   * An answer at the precision, or at the next coarser one, by factors of ten, whose grid fits.
   *
   * @throws GridTooLargeException of the precision that was asked for if none fits
   */
  static double asPreciselyAsFits(double precision, DoubleUnaryOperator answer) {
    try {
      return answer.applyAsDouble(precision);
    } catch (GridTooLargeException e) {
      for (double coarser = 10 * precision; coarser <= COARSEST; coarser *= 10) {
        try {
          return answer.applyAsDouble(coarser);
        } catch (GridTooLargeException again) {
          // the next coarser one
        }
      }
      throw e;
    }
  }

  /** Whether the grid that an estimate chose is too coarse for the ε that came out. */
  static boolean isMisjudged(double epsilon, double estimate) {
    return epsilon < MISJUDGED * estimate && epsilon >= SMALLEST_EPSILON;
  }

  static double participation(Composition composition) {
    double sum = 0;
    for (Composition.Part part : composition.parts()) {
      sum += participation(part.mechanism(), part.participations());
    }
    return sum * (1 + 0x1p-40);
  }

  /**
   * A bound that is at least the chance that the user takes part in any of so many rounds. Without
   * that the two neighbours cannot be told apart, so the composition is (0, this)-DP.
   *
   * @param participations in how many rounds the user can, see {@link Mechanism#participations}
   */
  static double participation(Mechanism mechanism, long participations) {
    double none = mechanism.maxUnitsPerUser() * Math.log1p(-mechanism.samplingProbability());
    return participations * -Math.expm1(none) * (1 + 0x1p-30);
  }

  /** How far a computed ε may be above the true one. */
  static double tolerance(double precision, double epsilon) {
    return precision * Math.max(SMALLEST_EPSILON, epsilon);
  }

  /** δ after so many rounds of one mechanism; see {@link #delta(Composition, double)}. */
  public double delta(Mechanism mechanism, long rounds, double epsilon) {
    return delta(Composition.of(mechanism, rounds), epsilon);
  }

  /**
   * The smallest δ, within about ten times the precision above, for which the composition is (ε,
   * δ)-DP. Values below 1e-250 are reported as that.
   */
  public double delta(Composition composition, double epsilon) {
    Arguments.nonNegativeEpsilon(epsilon);
    if (composition.parts().isEmpty()) {
      return 0;
    }
    PreparedComposition rough = new PreparedComposition(composition, SMALLEST_MASS);
    double bound = SMALLEST_DELTA;
    for (Direction direction : Direction.values()) {
      Tilt tilt = rough.sketch(direction).tiltForEpsilon(epsilon, SMALLEST_DELTA);
      bound = Math.max(bound, tilt.delta());
    }
    // The true δ is below its Chernoff bound by a factor of about λ²·deviation; hence the margin.
    double scale = Math.max(SMALLEST_DELTA, bound * 1e-4);
    PreparedComposition prepared =
        new PreparedComposition(composition, negligibleMass(scale, composition.participations()));
    double highest = bound;
    double delta = asPreciselyAsFits(precision, at -> delta(prepared, epsilon, highest, scale, at));
    return Math.min(delta, participation(composition));
  }

  private static double delta(
      PreparedComposition prepared, double epsilon, double bound, double scale, double precision) {
    Map<Direction, Tilt> tilts = new EnumMap<>(Direction.class);
    double strongest = 0;
    for (Direction direction : Direction.values()) {
      SketchedComposition sketch = prepared.sketch(direction);
      Tilt tilt = sketch.tiltForEpsilon(epsilon, Math.max(SMALLEST_DELTA, 1e-10 * bound));
      tilts.put(direction, tilt);
      strongest = Math.max(strongest, tilt.order() + 1 / sketch.deviation(tilt.order()));
    }
    double interval = prepared.interval(tilts, DELTA_PRECISION * precision / strongest);
    List<DiscretisedMechanism> grids = prepared.discretise(interval);
    double delta = 0;
    for (Direction direction : Direction.values()) {
      Tilt tilt = tilts.get(direction);
      Window window = prepared.sketch(direction).window(tilt, scale);
      TiltedComposition composed =
          new TiltedComposition(prepared.parts(grids, direction), tilt, window);
      delta = Math.max(delta, composed.delta(epsilon));
    }
    return delta;
  }

  static double negligibleMass(double delta, long rounds) {
    return Math.max(SMALLEST_MASS, delta * NEGLIGIBLE_SHARE / rounds);
  }
}
