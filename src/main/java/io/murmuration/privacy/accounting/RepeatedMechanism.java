package io.murmuration.privacy.accounting;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * One mechanism on one grid, asked for ε after ever more rounds at one δ. Because the grid stays
 * the same, what is composed for r + 1 rounds is exactly one round more than for r.
 *
 * <p>Immutable and thread-safe.
 */
final class RepeatedMechanism {

  private final Map<Direction, LossSketch> sketches;
  private final DiscretisedMechanism grid;
  private final double delta;

  private RepeatedMechanism(
      Map<Direction, LossSketch> sketches, DiscretisedMechanism grid, double delta) {
    this.sketches = sketches;
    this.grid = grid;
    this.delta = delta;
  }

  /**
   * Prepares a grid.
   *
   * @param mostRounds the grid has the requested precision up to so many rounds; at least 1
   */
  static RepeatedMechanism of(
      Mechanism mechanism, long mostRounds, double delta, double precision) {
    double negligible = PldAccountant.negligibleMass(delta, mostRounds);
    DominatingPair pair = DominatingPair.of(mechanism, negligible);
    Map<Direction, LossSketch> sketches = sketches(pair, negligible);
    Map<Direction, SketchedComposition> compositions = new EnumMap<>(Direction.class);
    Map<Direction, Tilt> tilts = new EnumMap<>(Direction.class);
    double epsilon = 0;
    for (Direction direction : Direction.values()) {
      SketchedComposition composition = repeated(sketches.get(direction), mostRounds);
      Tilt tilt = composition.tiltForDelta(delta);
      compositions.put(direction, composition);
      tilts.put(direction, tilt);
      epsilon = Math.max(epsilon, tilt.epsilon());
    }
    double interval = SketchedComposition.interval(compositions, tilts, PldAccountant.tolerance(precision, epsilon));
    return new RepeatedMechanism(
        sketches, DiscretisedMechanism.of(pair, interval, negligible), delta);
  }

  /** About how many rounds (ε, δ) affords by a saddle point approximation. */
  static long roughlyAffordable(Mechanism mechanism, double epsilon, double delta) {
    double negligible = PldAccountant.negligibleMass(delta, 1_000_000);
    Map<Direction, LossSketch> sketches =
        sketches(DominatingPair.of(mechanism, negligible), negligible);
    long low = 1;
    long high = Arguments.MAX_ROUNDS;
    while (high > low + low / 20) {
      long middle = (long) Math.ceil(Math.sqrt((double) low * high));
      boolean affordable =
          sketches.values().stream()
              .allMatch(s -> repeated(s, middle).tiltForDelta(delta).epsilon() <= epsilon);
      if (affordable) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private static Map<Direction, LossSketch> sketches(DominatingPair pair, double negligible) {
    Map<Direction, LossSketch> sketches = new EnumMap<>(Direction.class);
    for (Direction direction : Direction.values()) {
      sketches.put(direction, LossSketch.of(pair, direction, negligible));
    }
    return sketches;
  }

  private static SketchedComposition repeated(LossSketch sketch, long rounds) {
    return new SketchedComposition(List.of(sketch), List.of(rounds));
  }

  /** An upper bound of ε after so many rounds, at least 0. */
  double epsilon(long rounds) {
    if (rounds == 0) {
      return 0;
    }
    double epsilon = 0;
    for (Direction direction : Direction.values()) {
      SketchedComposition sketch = repeated(sketches.get(direction), rounds);
      List<TiltedComposition.Part> parts =
          List.of(new TiltedComposition.Part(grid.pld(direction), rounds));
      epsilon = Math.max(epsilon, EpsilonSolver.epsilon(parts, sketch, delta));
    }
    return epsilon;
  }
}
