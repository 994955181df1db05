package io.murmuration.privacy.accounting;

import io.murmuration.privacy.accounting.ChoiceProfile.PreparedOption;
import io.murmuration.privacy.accounting.LossSketch.Cumulants;
import java.util.ArrayList;
import java.util.List;

/**
 * ε of choices made one after the other: the product of the pairs that dominate each ({@link
 * ChoiceProfile}), composed like any others.
 *
 * <p>Two kinds of grids: each option is composed on one that suits its own rounds; the profiles
 * that come out of it stand on one grid for all, which may be much coarser, because only choices
 * are composed on it and not rounds. Each adds to ε by the rule of {@link SketchedComposition}, at
 * the tilt of the whole.
 */
final class JointSolver {

  /** What the grid of profiles may add to ε, as a share of what the options' own grids may. */
  private static final double PROFILE_SHARE = 0.3;

  /** Mass of all choices together that may be moved to infinite loss, as a share of δ. */
  private static final double NEGLIGIBLE_SHARE = 1e-8;

  private final JointComposition composition;
  private final double delta;
  private final double precision;
  private final long choices;
  private final double negligible;
  private final List<List<PreparedComposition>> options;

  JointSolver(JointComposition composition, double delta, double precision) {
    this.composition = composition;
    this.delta = delta;
    this.precision = precision;
    this.choices = composition.parts().stream().mapToLong(JointComposition.Part::times).sum();
    this.negligible = Math.max(PldAccountant.SMALLEST_MASS, NEGLIGIBLE_SHARE * delta / choices);
    this.options =
        composition.parts().stream()
            .map(part -> part.choice().options().stream().map(this::prepared).toList())
            .toList();
  }

  private PreparedComposition prepared(Composition option) {
    return new PreparedComposition(
        option, PldAccountant.negligibleMass(negligible, option.participations()));
  }

  /** An upper bound of the smallest ε ≥ 0 for which the whole is (ε, δ)-DP. */
  double epsilon() {
    if (participation() <= delta) {
      return 0;
    }
    double order = 0;
    double estimate = 0;
    for (Direction direction : Direction.values()) {
      Tilt tilt = Tilt.saddlePoint(at -> cumulants(direction, at), delta);
      order = Math.max(order, tilt.order());
      estimate = Math.max(estimate, tilt.epsilon());
    }
    double epsilon = epsilon(order, estimate);
    if (!PldAccountant.isMisjudged(epsilon, estimate)) {
      return epsilon;
    }
    // As in RepeatedMechanism: rare large losses defeat the estimate.
    try {
      return Math.min(epsilon, epsilon(order, epsilon));
    } catch (GridTooLargeException e) {
      return epsilon;
    }
  }

  private double participation() {
    double sum = 0;
    for (JointComposition.Part part : composition.parts()) {
      sum +=
          part.times()
              * part.choice().options().stream()
                  .mapToDouble(PldAccountant::participation)
                  .max()
                  .orElseThrow();
    }
    return sum * (1 + 0x1p-40);
  }

  /**
   * Takes of every choice the option that weighs most at an order: about the cumulants of the
   * whole.
   */
  private Cumulants cumulants(Direction direction, double order) {
    Cumulants sum = Cumulants.ZERO;
    for (int i = 0; i < options.size(); i++) {
      Cumulants largest = null;
      for (PreparedComposition option : options.get(i)) {
        Cumulants one = option.sketch(direction).cumulants(order);
        largest = largest == null || one.value() > largest.value() ? one : largest;
      }
      sum = sum.plus(largest, composition.parts().get(i).times());
    }
    return sum;
  }

  /**
   * @param order of the tilt at the answer, about
   * @param largest about the answer
   */
  private double epsilon(double order, double largest) {
    double error = PldAccountant.tolerance(precision, largest);
    double spacing = Math.sqrt(12 * PROFILE_SHARE * error / (choices * (order + 1)));
    List<ChoiceProfile> profiles = new ArrayList<>();
    for (int i = 0; i < options.size(); i++) {
      double each = error / options.size() / composition.parts().get(i).times();
      List<PreparedOption> prepared = new ArrayList<>();
      for (PreparedComposition option : options.get(i)) {
        double precise = Math.sqrt(12 * each / (option.rounds() * (order + 1)));
        double interval = Math.min(precise, tailInterval(option));
        prepared.add(new PreparedOption(option, option.discretise(interval)));
      }
      profiles.add(
          ChoiceProfile.of(prepared, spacing, points(options.get(i), spacing), negligible));
    }
    double epsilon = 0;
    for (Direction direction : Direction.values()) {
      epsilon = Math.max(epsilon, compose(profiles, direction));
    }
    return epsilon;
  }

  /**
   * The interval at which rounding losses raises the tails of an option by no more than a factor of
   * e. From a coarser one its tails would reach beyond the windows that are sketched without a
   * grid.
   */
  private double tailInterval(PreparedComposition option) {
    double order = 0;
    for (Direction direction : Direction.values()) {
      order = Math.max(order, option.sketch(direction).tail(negligible).order());
    }
    return Math.sqrt(12.0 / option.rounds()) / order;
  }

  /** The points from ε = 0 on to where no option has more than negligible δ. */
  private int points(List<PreparedComposition> of, double spacing) {
    double end = 0;
    for (PreparedComposition option : of) {
      for (Direction direction : Direction.values()) {
        end = Math.max(end, option.sketch(direction).tail(negligible).epsilon());
      }
    }
    double points = Math.ceil(end / spacing) + 2;
    LossGrid.requireAffordable(2 * points, spacing);
    return (int) points;
  }

  private double compose(List<ChoiceProfile> profiles, Direction direction) {
    List<TiltedComposition.Part> parts = new ArrayList<>();
    List<LossSketch> sketches = new ArrayList<>();
    List<Long> times = new ArrayList<>();
    for (int i = 0; i < profiles.size(); i++) {
      DiscretePld pld = profiles.get(i).pld(direction);
      times.add(composition.parts().get(i).times());
      parts.add(new TiltedComposition.Part(pld, composition.parts().get(i).times()));
      sketches.add(LossSketch.of(pld));
    }
    return EpsilonSolver.epsilon(parts, new SketchedComposition(sketches, times), delta);
  }
}
