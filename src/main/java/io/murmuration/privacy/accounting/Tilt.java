package io.murmuration.privacy.accounting;

import io.murmuration.privacy.accounting.LossSketch.Cumulants;
import java.util.function.DoubleFunction;

/**
 * An exponential tilt that moves a composed privacy loss to where a question is asked.
 *
 * @param order λ &gt; 0: losses are weighted by exp(λ·loss)
 * @param mean of the tilted composed loss
 * @param deviation standard deviation of the tilted composed loss
 * @param epsilon where the Chernoff bound E[exp(λL)]·exp(−λε) equals {@code delta}
 * @param delta the Chernoff bound at {@code epsilon}
 */
record Tilt(double order, double mean, double deviation, double epsilon, double delta) {

  private static final double LOWEST_LOG_ORDER = Math.log(1e-9);
  private static final double HIGHEST_LOG_ORDER = Math.log(1e9);
  private static final int BISECTIONS = 40;

  /**
   * The tilt with the smallest Chernoff bound (log E[exp(λL)] + log(1/δ)) / λ of ε.
   *
   * <p>Where the loss is bounded and sits at its bound with more than δ the optimum is at infinity;
   * a tilt four times as strong as a bounded loss of that ε needs is then strong enough.
   */
  static Tilt forDelta(DoubleFunction<Cumulants> cumulants, double delta) {
    double budget = -Math.log(delta);
    double low = LOWEST_LOG_ORDER;
    double high = HIGHEST_LOG_ORDER;
    for (int i = 0; i < BISECTIONS; i++) {
      double middle = 0.5 * (low + high);
      double order = Math.exp(middle);
      Cumulants c = cumulants.apply(order);
      double epsilon = (c.value() + budget) / order;
      boolean tooStrong = order * epsilon > 4 * budget && order * c.mean() > c.value();
      if (tooStrong || order * c.mean() - c.value() > budget) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return at(cumulants, Math.exp(0.5 * (low + high)), delta);
  }

  /** The tilt with the smallest Chernoff bound E[exp(λL)]·exp(−λε) of δ(ε). */
  static Tilt forEpsilon(DoubleFunction<Cumulants> cumulants, double epsilon) {
    double low = LOWEST_LOG_ORDER;
    double high = HIGHEST_LOG_ORDER;
    for (int i = 0; i < BISECTIONS; i++) {
      double middle = 0.5 * (low + high);
      double order = Math.exp(middle);
      Cumulants c = cumulants.apply(order);
      boolean vanishing = c.value() - order * epsilon < -2000;
      if (vanishing || c.mean() > epsilon) {
        high = middle;
      } else {
        low = middle;
      }
    }
    double order = Math.exp(0.5 * (low + high));
    Cumulants c = cumulants.apply(order);
    return new Tilt(
        order,
        c.mean(),
        Math.sqrt(c.variance()),
        epsilon,
        Math.min(1, Math.exp(c.value() - order * epsilon)));
  }

  private static Tilt at(DoubleFunction<Cumulants> cumulants, double order, double delta) {
    Cumulants c = cumulants.apply(order);
    double epsilon = (c.value() - Math.log(delta)) / order;
    return new Tilt(order, c.mean(), Math.sqrt(c.variance()), epsilon, delta);
  }
}
