package io.murmuration.training;

import java.util.List;

/**
 * What an optimizer remembers between steps. Immutable by convention: nobody writes into the
 * arrays, every step makes new ones.
 *
 * @param moments vectors as long as the parameters: none for SGD without momentum, the velocity for
 *     SGD with it, the first and the second moment for Adam
 */
public record OptimizerState(List<double[]> moments) {

  public OptimizerState {
    moments = List.copyOf(moments);
  }

  /**
   * Checks that this is the state of an optimizer with so many moment vectors, for a model of so
   * many parameters.
   *
   * @throws IllegalArgumentException if not
   */
  void requireShape(int momentCount, int size) {
    if (moments.size() != momentCount
        || moments.stream().anyMatch(moment -> moment.length != size)) {
      throw new IllegalArgumentException(
          "the optimizer's state must hold %d moment vectors of %d elements but holds %s; it is from another optimizer or another model: start without it, or configure what it was written with"
              .formatted(
                  momentCount, size, moments.stream().map(moment -> moment.length).toList()));
    }
  }
}
