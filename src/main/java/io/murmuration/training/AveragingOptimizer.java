package io.murmuration.training;

/** {@link OptimizerOptions.Averaged}. */
final class AveragingOptimizer implements Optimizer {

  private final Optimizer inner;
  private final double decay;

  AveragingOptimizer(OptimizerOptions.Averaged options) {
    this.inner = options.inner().optimizer();
    this.decay = options.decay();
  }

  @Override
  public OptimizerState initialState(int size) {
    return inner.initialState(size);
  }

  /**
   * One step. A state without an average, a fresh one or one of a job that kept none, starts it at
   * the parameters before the step.
   */
  @Override
  public Step step(
      float[] parameters, OptimizerState state, double[] gradient, long executedRounds) {
    Step step = inner.step(parameters, state, gradient, executedRounds);
    double t = executedRounds + 1.0;
    double keep = Math.min(decay, (1 + t) / (10 + t));
    double[] before = state.average();
    double[] average = new double[parameters.length];
    for (int i = 0; i < average.length; i++) {
      double last = before == null ? parameters[i] : before[i];
      average[i] = last + (1 - keep) * (step.parameters()[i] - last);
    }
    return new Step(step.parameters(), step.state().withAverage(average));
  }
}
