package io.murmuration.privacy.accounting;

import io.murmuration.privacy.accounting.LossSketch.Cumulants;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Coarse knowledge of a composition, from which the tilts, the window and the grid's interval
 * follow. No answer's validity depends on it.
 */
final class SketchedComposition {

  /** The part of δ that is charged in full: ε grows by about as much, relatively. */
  private static final double NEGLIGIBLE = 1e-8;

  /**
   * The part of the tilted mass that may lie outside: what lies outside the window comes back
   * inside as an alias, and is bounded.
   */
  private static final double NEGLIGIBLE_ALIAS = 1e-8;

  private final List<LossSketch> sketches = new ArrayList<>();
  private final List<Long> rounds = new ArrayList<>();
  private final long totalRounds;

  SketchedComposition(List<LossSketch> sketches, List<Long> rounds) {
    this.sketches.addAll(sketches);
    this.rounds.addAll(rounds);
    this.totalRounds = rounds.stream().mapToLong(Long::longValue).sum();
  }

  Cumulants cumulants(double order) {
    Cumulants sum = Cumulants.ZERO;
    for (int i = 0; i < sketches.size(); i++) {
      sum = sum.plus(sketches.get(i).cumulants(order), rounds.get(i));
    }
    return sum;
  }

  Tilt tiltForDelta(double delta) {
    return Tilt.saddlePoint(this::cumulants, delta);
  }

  /** A tilt for the δ of an ε, no stronger than a δ of {@code floor} needs. */
  Tilt tiltForEpsilon(double epsilon, double floor) {
    return Tilt.forEpsilon(this::cumulants, epsilon, floor);
  }

  /**
   * The window for a question at a tilt and a δ. It holds all but 1e-8 of the tilted loss, so that
   * aliases do not matter, and all but 1e-8·δ of the loss itself, which is charged in full.
   */
  Window window(Tilt tilt, double delta) {
    Tilt tail = Tilt.chernoff(this::cumulants, delta * NEGLIGIBLE);
    double order = tilt.order();
    Cumulants at = cumulants(order);
    Tilt above = Tilt.chernoff(step -> cumulants(order + step).minus(at), NEGLIGIBLE_ALIAS);
    Tilt below =
        Tilt.chernoff(step -> cumulants(order - step).minus(at).mirrored(), NEGLIGIBLE_ALIAS);
    return new Window(-below.epsilon(), Math.max(above.epsilon(), tail.epsilon()), tail.order());
  }

  /** A loss, and beyond it at most so much mass. */
  Tilt tail(double mass) {
    return Tilt.chernoff(this::cumulants, mass);
  }

  /** The standard deviation of the tilted composed loss. */
  double deviation(double order) {
    return Math.sqrt(cumulants(order).variance());
  }

  /**
   * The interval that keeps the larger of two directions' ε within {@code error} of the exact one;
   * the direction with the smaller ε may be further off.
   *
   * <p>Splitting a loss between its two neighbours on the grid keeps E[exp(−L)] and adds at most
   * Δ²/4, on average Δ²/6, of variance, hence Δ²/12 of mean. At order λ that is λ(λ + 1)Δ²/12 of
   * the cumulant generating function for each round, and ε moves by 1/λ of the sum.
   */
  static double interval(
      Map<Direction, SketchedComposition> compositions, Map<Direction, Tilt> tilts, double error) {
    double largest = tilts.values().stream().mapToDouble(Tilt::epsilon).max().orElseThrow();
    double interval = Double.POSITIVE_INFINITY;
    for (Direction direction : Direction.values()) {
      Tilt tilt = tilts.get(direction);
      double allowed = error + (largest - tilt.epsilon()) / 4;
      double rounds = compositions.get(direction).totalRounds;
      interval = Math.min(interval, Math.sqrt(12 * allowed / (rounds * (tilt.order() + 1))));
    }
    return interval;
  }
}
