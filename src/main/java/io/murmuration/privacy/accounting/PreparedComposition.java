package io.murmuration.privacy.accounting;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A composition's dominating pairs, what is roughly known of their losses, and their losses on a
 * grid.
 */
final class PreparedComposition {

  private final List<Long> rounds;
  private final List<DominatingPair> pairs;
  private final double negligibleMass;
  private final Map<Direction, SketchedComposition> sketches = new EnumMap<>(Direction.class);

  PreparedComposition(Composition composition, double negligibleMass) {
    this.negligibleMass = negligibleMass;
    this.rounds = composition.parts().stream().map(Composition.Part::participations).toList();
    this.pairs =
        composition.parts().stream()
            .map(part -> DominatingPair.of(part.mechanism(), negligibleMass))
            .toList();
    for (Direction direction : Direction.values()) {
      List<LossSketch> parts =
          pairs.stream().map(pair -> LossSketch.of(pair, direction, negligibleMass)).toList();
      sketches.put(direction, new SketchedComposition(parts, rounds));
    }
  }

  /** In how many rounds of all mechanisms together a user can take part. */
  long rounds() {
    return rounds.stream().mapToLong(Long::longValue).sum();
  }

  SketchedComposition sketch(Direction direction) {
    return sketches.get(direction);
  }

  double epsilon(Map<Direction, Tilt> tilts, double error, double delta) {
    List<DiscretisedMechanism> grids = discretise(interval(tilts, error));
    double epsilon = 0;
    for (Direction direction : Direction.values()) {
      double one = EpsilonSolver.epsilon(parts(grids, direction), sketch(direction), delta);
      epsilon = Math.max(epsilon, one);
    }
    return epsilon;
  }

  /** The interval of a grid that keeps ε within an error of the exact one. */
  double interval(Map<Direction, Tilt> tilts, double error) {
    return SketchedComposition.interval(sketches, tilts, error);
  }

  List<DiscretisedMechanism> discretise(double interval) {
    return pairs.stream()
        .map(pair -> DiscretisedMechanism.of(pair, interval, negligibleMass))
        .toList();
  }

  List<TiltedComposition.Part> parts(List<DiscretisedMechanism> grids, Direction direction) {
    List<TiltedComposition.Part> parts = new ArrayList<>();
    for (int i = 0; i < grids.size(); i++) {
      parts.add(new TiltedComposition.Part(grids.get(i).pld(direction), rounds.get(i)));
    }
    return parts;
  }
}
