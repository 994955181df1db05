package io.murmuration.privacy.accounting;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The ε of one mechanism after ever more rounds of a user's at one δ: the single place where it is
 * computed, so that what is calibrated, what is admitted and what is printed are one number.
 *
 * <p>A round is one in which the user can take part, see {@link Mechanism#participations}; callers
 * count by that.
 *
 * <p>{@link #epsilon} is a function of the mechanism, δ, the precision and the number of rounds, of
 * nothing that was asked before. Rounds up to a power of two share a grid, prepared for that power;
 * on it the precision holds from half of the power on, and what is composed for r + 1 rounds is
 * exactly one round more than for r. Just above a power of two the answer is at least that of the
 * power itself, so that ε does not fall where the grid changes. Where no grid of the precision is
 * small enough, coarser precisions are tried in turn: less tight, and an upper bound as ever.
 *
 * <p>Thread-safe.
 */
final class RepeatedMechanism {

  /** Grids that are kept: the one in use, the one below it, and one that is looked ahead to. */
  private static final int KEPT_GRIDS = 3;

  /** Grids differ by far less than ε grows over this share of the rounds. */
  private static final int NEAR_SHARE = 64;

  private final Mechanism mechanism;
  private final double delta;
  private final double precision;
  private final Map<Kept, Prepared> kept =
      new LinkedHashMap<>(
          /* initialCapacity= */ 8, /* loadFactor= */ 0.75f, /* accessOrder= */ true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Kept, Prepared> eldest) {
          return size() > KEPT_GRIDS;
        }
      };

  /**
   * @param delta at which ε is asked for, in [1e-100, 1)
   * @param precision relative, see {@link PldAccountant}
   */
  RepeatedMechanism(Mechanism mechanism, double delta, double precision) {
    this.mechanism = mechanism;
    this.delta = delta;
    this.precision = precision;
  }

  /** An upper bound of ε after so many rounds, at least 0. */
  double epsilon(long rounds) {
    if (PldAccountant.participation(mechanism, rounds) <= delta) {
      return 0;
    }
    return PldAccountant.asPreciselyAsFits(precision, at -> epsilon(rounds, at));
  }

  private double epsilon(long rounds, double at) {
    long capacity = capacity(rounds);
    double epsilon;
    try {
      epsilon = prepared(capacity, at).epsilon(rounds);
    } catch (GridTooLargeException e) {
      if (capacity == rounds) {
        throw e;
      }
      return new Prepared(mechanism, rounds, delta, at).epsilon(rounds);
    }
    long power = capacity / 2;
    return power > 0 && rounds - power <= power / NEAR_SHARE
        ? Math.max(epsilon, prepared(power, at).epsilon(power))
        : epsilon;
  }

  /** A grid that is kept. */
  private record Kept(long capacity, double precision) {}

  /** The smallest power of two that is not below the rounds. */
  private static long capacity(long rounds) {
    long highest = Long.highestOneBit(rounds);
    return highest == rounds ? rounds : Math.min(2 * highest, Arguments.MAX_ROUNDS);
  }

  private synchronized Prepared prepared(long capacity, double at) {
    return kept.computeIfAbsent(
        new Kept(capacity, at), key -> new Prepared(mechanism, capacity, delta, at));
  }

  /** Estimates how many rounds (ε, δ) affords by a saddle point approximation. */
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

  /** The mechanism on the grid that suits a largest number of rounds. */
  private static final class Prepared {

    private final DominatingPair pair;
    private final long capacity;
    private final double delta;
    private final double precision;
    private final double negligible;
    private final Map<Direction, LossSketch> sketches;
    private final DiscretisedMechanism grid;
    private DiscretisedMechanism finer;

    Prepared(Mechanism mechanism, long capacity, double delta, double precision) {
      this.capacity = capacity;
      this.delta = delta;
      this.precision = precision;
      this.negligible = PldAccountant.negligibleMass(delta, capacity);
      this.pair = DominatingPair.of(mechanism, negligible);
      this.sketches = sketches(pair, negligible);
      this.grid = discretise(estimated(tilts(capacity)));
    }

    private Map<Direction, Tilt> tilts(long rounds) {
      Map<Direction, Tilt> tilts = new EnumMap<>(Direction.class);
      sketches.forEach(
          (direction, sketch) ->
              tilts.put(direction, repeated(sketch, rounds).tiltForDelta(delta)));
      return tilts;
    }

    private static double estimated(Map<Direction, Tilt> tilts) {
      return tilts.values().stream().mapToDouble(Tilt::epsilon).max().orElseThrow();
    }

    /** The grid that is precise enough for so large an ε after as many rounds as there may be. */
    private DiscretisedMechanism discretise(double epsilon) {
      Map<Direction, SketchedComposition> compositions = new EnumMap<>(Direction.class);
      sketches.forEach(
          (direction, sketch) -> compositions.put(direction, repeated(sketch, capacity)));
      double interval =
          SketchedComposition.interval(
              compositions, tilts(capacity), PldAccountant.tolerance(precision, epsilon));
      return DiscretisedMechanism.of(pair, interval, negligible);
    }

    double epsilon(long rounds) {
      Map<Direction, Tilt> tilts = tilts(rounds);
      double epsilon = compose(grid, rounds, tilts);
      if (!PldAccountant.isMisjudged(epsilon, estimated(tilts))) {
        return epsilon;
      }
      // Rare large losses defeat the estimate that chose the grid. The answer is safe but coarse,
      // and the smaller of two upper bounds is an upper bound.
      try {
        return Math.min(epsilon, compose(finer(), rounds, tilts));
      } catch (GridTooLargeException e) {
        return epsilon;
      }
    }

    private synchronized DiscretisedMechanism finer() {
      if (finer == null) {
        double epsilon = compose(grid, capacity, tilts(capacity));
        finer =
            PldAccountant.isMisjudged(epsilon, estimated(tilts(capacity)))
                ? discretise(epsilon)
                : grid;
      }
      return finer;
    }

    private double compose(DiscretisedMechanism on, long rounds, Map<Direction, Tilt> tilts) {
      double epsilon = 0;
      for (Direction direction : Direction.values()) {
        List<TiltedComposition.Part> parts =
            List.of(new TiltedComposition.Part(on.pld(direction), rounds));
        epsilon =
            Math.max(
                epsilon,
                EpsilonSolver.epsilon(
                    parts, repeated(sketches.get(direction), rounds), delta, tilts.get(direction)));
      }
      return epsilon;
    }
  }
}
