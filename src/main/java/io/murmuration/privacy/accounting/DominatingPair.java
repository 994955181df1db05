package io.murmuration.privacy.accounting;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/**
 * The pair P = Σₖ wₖ·N(k, σ²) against Q = N(0, σ²) that dominates one round of a mechanism, and its
 * privacy loss ℓ(x) = log(dP/dQ)(x) = log Σₖ wₖ·exp((k·x − k²/2)/σ²), which is increasing and
 * convex.
 *
 * <p>Components with negligible weight are left out, so P may be a sub-probability. That is safe:
 * the mass left out, {@link #droppedMass()}, counts as infinite loss where P is the upper
 * distribution, and where P is the lower one a smaller P only raises the hockey stick divergence.
 */
final class DominatingPair {

  /** e⁻⁴⁵ is below 2⁻⁶⁴: beside the largest term it does not change a double. */
  private static final double NEGLIGIBLE_EXPONENT = 45;

  /** Three roundings of so many digits at each of 4,096 weights are far below one of a double. */
  private static final MathContext DIGITS = new MathContext(40);

  private final int firstSensitivity;
  private final double[] weights;
  private final double[] intercepts;
  private final double largestIntercept;
  private final double sigma;
  private final double droppedMass;

  private DominatingPair(int firstSensitivity, double[] weights, double sigma, double droppedMass) {
    this.firstSensitivity = firstSensitivity;
    this.weights = weights;
    this.sigma = sigma;
    this.droppedMass = droppedMass;
    this.intercepts = new double[weights.length];
    for (int j = 0; j < weights.length; j++) {
      double k = firstSensitivity + j;
      intercepts[j] = Math.log(weights[j]) - k * k / (2 * sigma * sigma);
    }
    this.largestIntercept = Arrays.stream(intercepts).map(Math::abs).max().orElseThrow();
  }

  /**
   * The pair of one round.
   *
   * @param negligibleMass how much weight may be left out, in (0, 1)
   */
  static DominatingPair of(Mechanism mechanism, double negligibleMass) {
    double probability = mechanism.samplingProbability();
    int units = mechanism.maxUnitsPerUser();
    double sigma = mechanism.noiseMultiplier();
    if (probability == 1) {
      return new DominatingPair(units, new double[] {1}, sigma, 0);
    }
    if (units == 1) {
      return new DominatingPair(0, new double[] {1 - probability, probability}, sigma, 0);
    }
    BigDecimal[] binomial = binomial(units, probability);
    BigDecimal allowed = new BigDecimal(Math.nextDown(negligibleMass / 2));
    int last = units;
    for (BigDecimal above = binomial[last]; above.compareTo(allowed) <= 0; ) {
      last--;
      above = above.add(binomial[last], DIGITS);
    }
    int first = 0;
    for (BigDecimal below = binomial[first]; below.compareTo(allowed) <= 0; ) {
      first++;
      below = below.add(binomial[first], DIGITS);
    }
    double[] weights = new double[last - first + 1];
    for (int j = 0; j < weights.length; j++) {
      weights[j] = binomial[first + j].doubleValue();
    }
    double dropped = (last < units ? negligibleMass / 2 : 0) + (first > 0 ? negligibleMass / 2 : 0);
    return new DominatingPair(first, weights, sigma, dropped);
  }

  /**
   * The probabilities of 0, 1, … heads, each from the one before: wₖ₊₁ = wₖ·(n − k)/(k + 1)·p/(1 −
   * p). Libraries compute them in doubles, and are off by up to 1e-12 of them.
   */
  private static BigDecimal[] binomial(int coins, double probability) {
    BigDecimal heads = new BigDecimal(probability);
    BigDecimal tails = BigDecimal.ONE.subtract(heads);
    BigDecimal odds = heads.divide(tails, DIGITS);
    BigDecimal[] all = new BigDecimal[coins + 1];
    all[0] = tails.pow(coins, DIGITS);
    for (int k = 0; k < coins; k++) {
      all[k + 1] =
          all[k]
              .multiply(odds, DIGITS)
              .multiply(BigDecimal.valueOf(coins - k))
              .divide(BigDecimal.valueOf(k + 1), DIGITS);
    }
    return all;
  }

  double sigma() {
    return sigma;
  }

  int components() {
    return weights.length;
  }

  double weight(int component) {
    return weights[component];
  }

  /** The mean of a component of P, in units of the clip norm. */
  double mean(int component) {
    return firstSensitivity + component;
  }

  /** The mass of P that {@link #components()} leave out, an upper bound. */
  double droppedMass() {
    return droppedMass;
  }

  /** The relative error by which a weight can be off: its rounding, twice over. */
  double weightErrorBound() {
    return weights.length == 1 ? 0 : 0x1p-51;
  }

  /** What ℓ(x) falls to as x → −∞: log w₀, or −∞ if P has no component at 0. */
  double lossFloor() {
    return firstSensitivity == 0 ? intercepts[0] : Double.NEGATIVE_INFINITY;
  }

  /** ℓ(x), within {@link #lossErrorBound(double)}. */
  double loss(double x) {
    if (x == Double.NEGATIVE_INFINITY) {
      return lossFloor();
    }
    double t = x / (sigma * sigma);
    double top = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < intercepts.length; j++) {
      top = Math.max(top, intercepts[j] + (firstSensitivity + j) * t);
    }
    double sum = 0;
    for (int j = 0; j < intercepts.length; j++) {
      double exponent = intercepts[j] + (firstSensitivity + j) * t - top;
      if (exponent > -NEGLIGIBLE_EXPONENT) {
        sum += Math.exp(exponent);
      }
    }
    return top + Math.log(sum);
  }

  /** ℓ′(x), positive unless P = Q in double precision. */
  double lossSlope(double x) {
    double t = x / (sigma * sigma);
    double top = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < intercepts.length; j++) {
      top = Math.max(top, intercepts[j] + (firstSensitivity + j) * t);
    }
    double sum = 0;
    double weighted = 0;
    for (int j = 0; j < intercepts.length; j++) {
      double k = firstSensitivity + j;
      double exponent = intercepts[j] + k * t - top;
      if (exponent > -700) {
        double term = Math.exp(exponent);
        sum += term;
        weighted += k * term;
      }
    }
    return weighted / (sum * sigma * sigma);
  }

  /**
   * How far the computed {@link #loss(double)} can be from ℓ(x) with these weights, as they are in
   * double precision; x exact and finite, or −∞.
   *
   * <p><b>Proof.</b> With u the unit roundoff, n components, t = x/σ² and M = max|aⱼ| + max k·|t|
   * for the intercepts aⱼ = log wⱼ − k²/(2σ²), first orders in u: t and k²/(2σ²) carry two
   * roundings, Math.log is within one unit in the last place, 2u, and both terms of an intercept
   * are ≤ 0, so aⱼ is off by at most 3u·|aⱼ|; k·t by 3u·k·|t|; their sum by one more rounding. So
   * the exponents, and the largest of them, are off by at most 4u·M, and moving all exponents by so
   * much moves ℓ by no more. Less the largest they are −d ≤ 0: rounding d and Math.exp move a term
   * by (u·d + 2u)·exp(−d) ≤ 2.4u, adding n terms moves the sum by (n − 1)u of itself, terms below
   * exp(−45) that are left out by n·exp(−45) &lt; n·u/1000, all relative to a sum ≥ 1. Its
   * logarithm is at most log n, within 2u of itself; the last addition moves ℓ by u·|ℓ| ≤ u·(M +
   * log n). Together at most (5M + 3.5n + 3·log n)u; the rest pays for second orders and for this
   * bound's own roundings.
   */
  double lossErrorBound(double x) {
    if (x == Double.NEGATIVE_INFINITY) {
      return 4 * GaussianTail.UNIT_ROUNDOFF * largestIntercept;
    }
    double last = mean(weights.length - 1);
    double largest = largestIntercept + last * Math.abs(x) / (sigma * sigma);
    return (6 * largest + 6.0 * weights.length) * GaussianTail.UNIT_ROUNDOFF;
  }

  /**
   * Finds, about, the x with ℓ(x) = loss. How near it is, {@link LossCells} measures.
   *
   * @param loss above {@link #lossFloor()}
   * @param guess an x with ℓ(x) ≥ loss makes Newton's method converge from above, because ℓ is
   *     convex; any other guess costs one more step
   */
  double inverseLoss(double loss, double guess) {
    double variance = sigma * sigma;
    if (weights.length == 1) {
      return (loss - intercepts[0]) * variance / firstSensitivity;
    }
    if (weights.length == 2 && firstSensitivity == 0) {
      double q = weights[1];
      return loss > 1
          ? 0.5 + variance * (loss + Math.log1p(-weights[0] * Math.exp(-loss)) - Math.log(q))
          : 0.5 + variance * Math.log(Math.max(0, 1 + Math.expm1(loss) / q));
    }
    return newton(loss, guess);
  }

  private double newton(double loss, double guess) {
    double x = guess;
    for (int step = 0; step < 200; step++) {
      double excess = loss(x) - loss;
      if (Math.abs(excess) <= lossErrorBound(x)) {
        return x;
      }
      double next = x - excess / lossSlope(x);
      if (!(next > Double.NEGATIVE_INFINITY && next < Double.POSITIVE_INFINITY) || next == x) {
        return x;
      }
      x = next;
    }
    return x;
  }

  /** An x beyond which P has at most the given mass. */
  double upperEnd(double mass) {
    double low = mean(0);
    double high = mean(weights.length - 1) + 38 * sigma;
    while (high - low > 1e-3 * sigma) {
      double middle = 0.5 * (low + high);
      if (upperMass(middle) <= mass) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return high;
  }

  private double upperMass(double x) {
    double mass = 0;
    for (int j = 0; j < weights.length; j++) {
      mass += weights[j] * GaussianTail.above((x - mean(j)) / sigma);
    }
    return mass;
  }
}
