package io.murmuration.training;

/**
 * A first-order optimizer as a function from state to state: what it remembers stands in an {@link
 * OptimizerState}, never in itself, so that a snapshot is a reference and a restore is exact.
 *
 * <p>Moments are kept and steps computed in float64; parameters are float32, the precision in which
 * they are published and in which gradients are taken.
 */
public interface Optimizer {

  /** What one step leaves behind. */
  record Step(float[] parameters, OptimizerState state) {}

  /** The state before the first step. */
  OptimizerState initialState(int size);

  /**
   * One step.
   *
   * @param parameters not modified
   * @param state of this optimizer, for as many parameters; not modified
   * @param gradient as long as the parameters; not modified
   * @param executedRounds steps taken before, at least 0
   * @throws IllegalArgumentException if the sizes differ or the state is of another optimizer
   */
  Step step(float[] parameters, OptimizerState state, double[] gradient, long executedRounds);

  /** Checks what {@link #step} requires. */
  static void requireFit(
      float[] parameters, OptimizerState state, double[] gradient, int momentCount) {
    if (gradient.length != parameters.length) {
      throw new IllegalArgumentException(
          "%d parameters need as many gradient elements but there are %d"
              .formatted(parameters.length, gradient.length));
    }
    state.requireShape(momentCount, parameters.length);
  }
}
