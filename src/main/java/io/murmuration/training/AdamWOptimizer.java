package io.murmuration.training;

import java.util.List;

/** {@link OptimizerOptions.AdamW}. */
final class AdamWOptimizer implements Optimizer {

  private final OptimizerOptions.AdamW options;

  AdamWOptimizer(OptimizerOptions.AdamW options) {
    this.options = options;
  }

  @Override
  public OptimizerState initialState(int size) {
    return new OptimizerState(List.of(new double[size], new double[size]));
  }

  @Override
  public Step step(
      float[] parameters, OptimizerState state, double[] gradient, long executedRounds) {
    Optimizer.requireFit(parameters, state, gradient, 2);
    double beta1 = options.beta1();
    double beta2 = options.beta2();
    double[] firstBefore = state.moments().get(0);
    double[] secondBefore = state.moments().get(1);
    double steps = (double) executedRounds + 1;
    double firstCorrection = 1 - Math.pow(beta1, steps);
    double secondCorrection = 1 - Math.pow(beta2, steps);
    double rate = options.learningRate().at(executedRounds);
    double keep = 1 - rate * options.weightDecay();

    int size = parameters.length;
    float[] next = new float[size];
    double[] first = new double[size];
    double[] second = new double[size];
    for (int i = 0; i < size; i++) {
      double g = gradient[i];
      first[i] = beta1 * firstBefore[i] + (1 - beta1) * g;
      second[i] = beta2 * secondBefore[i] + (1 - beta2) * g * g;
      double direction =
          first[i]
              / firstCorrection
              / (Math.sqrt(second[i] / secondCorrection) + options.epsilon());
      next[i] = (float) (keep * parameters[i] - rate * direction);
    }
    return new Step(next, new OptimizerState(List.of(first, second)));
  }
}
