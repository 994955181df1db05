package io.murmuration.training;

import java.util.List;
import java.util.Objects;

/**
 * What an optimizer remembers between steps. Immutable by convention: nobody writes into the
 * arrays, every step makes new ones.
 *
 * @param moments vectors as long as the parameters: none for SGD without momentum, the velocity for
 *     SGD with it, the first and the second moment for Adam
 * @param average the fading average of the parameters after each step, as long as they are; null
 *     where none is kept
 */
public record OptimizerState(List<double[]> moments, double[] average) {

  public OptimizerState {
    moments = List.copyOf(moments);
  }

  /** The state of an optimizer that keeps no average. */
  public OptimizerState(List<double[]> moments) {
    this(moments, /* average= */ null);
  }

  /** The same moments beside another average. */
  OptimizerState withAverage(double[] newAverage) {
    return new OptimizerState(moments, Objects.requireNonNull(newAverage, "newAverage"));
  }

  /**
   * Checks that this is the state of an optimizer with so many moment vectors, for a model of so
   * many parameters.
   *
   * @throws IllegalArgumentException if not
   */
  void requireShape(int momentCount, int size) {
    if (moments.size() != momentCount
        || moments.stream().anyMatch(moment -> moment.length != size)
        || (average != null && average.length != size)) {
      throw new IllegalArgumentException(
          "the optimizer's state must hold %d moment vectors of %d elements but holds %s; it is from another optimizer or another model: start without it, or configure what it was written with"
              .formatted(
                  momentCount, size, moments.stream().map(moment -> moment.length).toList()));
    }
  }
}
