package io.murmuration.privacy.accounting;

import java.util.List;

/** ε of one direction of a discretised composition, with the tilt that suits the answer. */
final class EpsilonSolver {

  /** Nats between guess and answer that are worth a second composition. */
  private static final double FAR_OFF = 2;

  private EpsilonSolver() {}

  /**
   * An upper bound of the smallest ε ≥ 0 for a δ.
   *
   * <p>The tilt comes from an estimate of ε. Where that was far off (rare large losses defeat the
   * saddle point approximation) the answer of the first composition is safe but loose, and tells
   * where to tilt for a second one. The smaller of two upper bounds is an upper bound.
   */
  static double epsilon(
      List<TiltedComposition.Part> parts, SketchedComposition sketch, double delta) {
    return epsilon(parts, sketch, delta, sketch.tiltForDelta(delta));
  }

  /** The same where the tilt of the estimate is known already. */
  static double epsilon(
      List<TiltedComposition.Part> parts, SketchedComposition sketch, double delta, Tilt guess) {
    double first = compose(parts, sketch, guess, delta);
    if (first == 0 || guess.order() * (guess.epsilon() - first) < FAR_OFF) {
      return first;
    }
    return Math.min(
        first, compose(parts, sketch, sketch.tiltForEpsilon(first, 1e-12 * delta), delta));
  }

  private static double compose(
      List<TiltedComposition.Part> parts, SketchedComposition sketch, Tilt tilt, double delta) {
    return new TiltedComposition(parts, tilt, sketch.window(tilt, delta)).epsilon(delta);
  }
}
