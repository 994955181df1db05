package io.murmuration.privacy.accounting;

import io.murmuration.privacy.accounting.LossSketch.Cumulants;
import java.util.function.DoubleFunction;
import java.util.function.DoublePredicate;

/**
 * An exponential tilt that moves a composed privacy loss L to where a question is asked. K(λ) = log
 * E[exp(λL)] is its cumulant generating function.
 *
 * @param order λ &gt; 0: losses are weighted by exp(λ·loss)
 * @param epsilon the ε in question, or an estimate of it
 * @param delta the δ in question, or an estimate of it
 */
record Tilt(double order, double epsilon, double delta) {

  /** Orders between these answer questions about losses of 1e-9 to 1e9 nats. */
  private static final double LOWEST_LOG_ORDER = Math.log(1e-9);

  private static final double HIGHEST_LOG_ORDER = Math.log(1e9);

  /** The 41 nats between them, halved so often, are 4e-8: an order to seven digits. */
  private static final int BISECTIONS = 30;

  /** K(λ) of a bounded loss beyond so many times −log δ is of no use. */
  private static final double STRONGEST = 3;

  /** The tilt of the smallest Chernoff bound (K(λ) − log δ)/λ, which is its ε. */
  static Tilt chernoff(DoubleFunction<Cumulants> cumulants, double delta) {
    double budget = -Math.log(delta);
    double order =
        bisect(
            order0 -> {
              Cumulants c = cumulants.apply(order0);
              return order0 * c.mean() - c.value() > budget || tooStrong(order0, c, budget);
            });
    return new Tilt(order, (cumulants.apply(order).value() + budget) / order, delta);
  }

  /**
   * The tilt whose mean is about the ε of δ, from the saddle point approximation δ ≈ exp(K(λ) − λε)
   * / (λ(λ + 1)·√(2πK″(λ))) at ε = K′(λ).
   */
  static Tilt saddlePoint(DoubleFunction<Cumulants> cumulants, double delta) {
    double budget = -Math.log(delta);
    double order =
        bisect(
            order0 -> {
              Cumulants c = cumulants.apply(order0);
              return order0 * c.mean() - c.value() + logFactor(order0, c) > budget
                  || tooStrong(order0, c, budget);
            });
    Cumulants c = cumulants.apply(order);
    // At the saddle point this is K′(λ); where a bounded loss has none, it still is an estimate.
    return new Tilt(order, (c.value() + budget - logFactor(order, c)) / order, delta);
  }

  /**
   * The tilt of the smallest Chernoff bound exp(K(λ) − λε) of δ(ε), which is its δ; or the first
   * whose bound is below a floor, from where on a stronger one gains nothing.
   */
  static Tilt forEpsilon(DoubleFunction<Cumulants> cumulants, double epsilon, double floor) {
    double logFloor = Math.log(floor);
    double order =
        bisect(
            order0 -> {
              Cumulants c = cumulants.apply(order0);
              return c.mean() > epsilon || c.value() - order0 * epsilon < logFloor;
            });
    double delta = Math.exp(cumulants.apply(order).value() - order * epsilon);
    return new Tilt(order, epsilon, Math.min(1, delta));
  }

  /** How far below the Chernoff bound δ is at a saddle point, as a logarithm; at least 0. */
  private static double logFactor(double order, Cumulants c) {
    return Math.max(0, Math.log(order * (order + 1) * Math.sqrt(2 * Math.PI * c.variance())));
  }

  /**
   * A bounded loss that sits at its bound with more than δ has its optimum at infinity; from here
   * on a stronger tilt gains nothing.
   */
  private static boolean tooStrong(double order, Cumulants c, double budget) {
    return c.value() > STRONGEST * budget && order * c.mean() > c.value();
  }

  private static double bisect(DoublePredicate tooHigh) {
    double low = LOWEST_LOG_ORDER;
    double high = HIGHEST_LOG_ORDER;
    for (int i = 0; i < BISECTIONS; i++) {
      double middle = 0.5 * (low + high);
      if (tooHigh.test(Math.exp(middle))) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return Math.exp(0.5 * (low + high));
  }
}
