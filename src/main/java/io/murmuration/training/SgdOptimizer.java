package io.murmuration.training;

import java.util.List;

/** {@link OptimizerOptions.Sgd}. */
final class SgdOptimizer implements Optimizer {

  private final OptimizerOptions.Sgd options;

  SgdOptimizer(OptimizerOptions.Sgd options) {
    this.options = options;
  }

  private boolean hasMomentum() {
    return options.momentum() > 0;
  }

  @Override
  public OptimizerState initialState(int size) {
    return new OptimizerState(hasMomentum() ? List.of(new double[size]) : List.of());
  }

  @Override
  public Step step(
      float[] parameters, OptimizerState state, double[] gradient, long executedRounds) {
    Optimizer.requireFit(parameters, state, gradient, hasMomentum() ? 1 : 0);
    double rate = options.learningRate().at(executedRounds);
    double[] velocity = gradient;
    if (hasMomentum()) {
      double[] before = state.moments().get(0);
      velocity = new double[gradient.length];
      for (int i = 0; i < velocity.length; i++) {
        velocity[i] = options.momentum() * before[i] + gradient[i];
      }
    }
    float[] next = new float[parameters.length];
    for (int i = 0; i < next.length; i++) {
      next[i] = (float) (parameters[i] - rate * velocity[i]);
    }
    return new Step(next, hasMomentum() ? new OptimizerState(List.of(velocity)) : state);
  }
}
