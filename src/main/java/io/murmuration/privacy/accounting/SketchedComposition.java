package io.murmuration.privacy.accounting;

import io.murmuration.privacy.accounting.LossSketch.Cumulants;
import java.util.ArrayList;
import java.util.List;

/**
 * Coarse knowledge of a composition, from which the tilts, the window and the grid's interval
 * follow. No answer's validity depends on it.
 */
final class SketchedComposition {

  private static final double WINDOW_TAIL = 1e-10;

  private final List<LossSketch> sketches = new ArrayList<>();
  private final List<Long> rounds = new ArrayList<>();
  private final long totalRounds;

  SketchedComposition(List<LossSketch> sketches, List<Long> rounds) {
    this.sketches.addAll(sketches);
    this.rounds.addAll(rounds);
    this.totalRounds = rounds.stream().mapToLong(Long::longValue).sum();
  }

  private Cumulants cumulants(double order) {
    Cumulants sum = Cumulants.ZERO;
    for (int i = 0; i < sketches.size(); i++) {
      sum = sum.plus(sketches.get(i).cumulants(order), rounds.get(i));
    }
    return sum;
  }

  Tilt tiltForDelta(double delta) {
    return Tilt.forDelta(this::cumulants, delta);
  }

  Tilt tiltForEpsilon(double epsilon) {
    return Tilt.forEpsilon(this::cumulants, epsilon);
  }

  /** A tilt whose ε has so little mass above that a window may end there. */
  Tilt tailTilt(double delta) {
    return Tilt.forDelta(this::cumulants, delta * WINDOW_TAIL);
  }

  /**
   * The interval that keeps a composed grid's ε within {@code error} of the exact one.
   *
   * <p>Splitting a loss between its two neighbours on the grid keeps E[exp(−L)] and adds at most
   * Δ²/4, on average Δ²/6, of variance, hence Δ²/12 of mean. At order λ that is λ(λ + 1)Δ²/12 of
   * the cumulant generating function for each round, and ε moves by 1/λ of the sum.
   */
  double interval(Tilt tilt, double error) {
    return Math.sqrt(12 * error / (totalRounds * (tilt.order() + 1)));
  }
}
