package io.murmuration.privacy.noise;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/**
 * The public grid on which one noised sum is computed, and how far one privacy unit may move it.
 *
 * <p>Everything that is released is an integer vector k = Σ kᵤ + N before it is a real one: each
 * unit's contribution is rounded to the grid <em>towards zero</em>, coordinate by coordinate, and
 * added only if Σkᵤ² ≤ {@link #squaredBound} holds in integers; N is a discrete Gaussian added as
 * an integer; what is published is a function of k and of public numbers. So no value is reachable
 * with a unit and unreachable without it. A continuous sampler has no such property: a sum in
 * floating point of a number and noise leaves holes that tell which number it was (Mironov 2012;
 * Jin, McMurtry, Rubinstein and Ohrimenko, arXiv 2112.05307), also where several samples are added
 * up first.
 *
 * <h2>The bound</h2>
 *
 * The noise has a deviation of 2²⁴ grid units. For a mechanism of noise multiplier z, {@code
 * squaredBound} is ⌊2⁴⁸ / (z·(1 + m))²⌋, computed from the double z in exact decimal arithmetic, m
 * being {@link #SENSITIVITY_MARGIN}. So a unit moves the sum by at most 2²⁴/(z·(1 + m)) in L2, and
 * the others, whose float32 gradients a unit can change through the shape of a micro-batch, may
 * move by the rest of 2²⁴/z. How many real units a grid unit is, {@link #unit} = Δ·z·(1 + m)/2²⁴
 * for a sum of sensitivity Δ, decides how well the grid fits the data and nothing else: converting
 * back is post-processing, and no property of that double enters the guarantee. It is computed from
 * the public mechanism alone, by one IEEE 754 expression, so that every machine has the same.
 *
 * <p>Why 2²⁴ and not fewer: rounding towards zero shortens coordinates of s units by about half a
 * unit each, and a float32 error of ε relative in somebody else's gradient flips about ε·s·d of its
 * d coordinates by a whole unit, which in L2 is √(ε·s·d). With s = 2²⁴/(z·√d), z = 1, d = 2·10⁷ and
 * ε = 1.5·10⁻⁷ that is 6·10⁻⁶ of the bound for each of the others whose micro-batch changed, 2·10⁻⁴
 * for a thousand of them in independent directions: within the margin. At 2²⁰ it would be four
 * times as much. The margin stays an observation until a unit's integers are the same whatever its
 * batch.
 *
 * <h2>Why the accountant of continuous noise holds</h2>
 *
 * Let V = 2⁴⁸ + 9 be the parameter of the noise, P[N = k] ∝ exp(−k²/2V), and S an integer vector.
 * Let K be the channel that maps each real y, independently, to the integer k with probability
 * exp(−(k − y)²/18)/θ(y), a rounding of width 3. By Poisson's summation formula θ(y) = Σₖ exp(−(k −
 * y)²/18) = 3√(2π)·(1 + 2·Σⱼ exp(−18π²j²)·cos(2πjy)), so θ(y) is constant up to a factor 1 ± 10⁻⁷⁶.
 * The convolution of N(s, V − 9) and N(0, 9) has the density of N(s, V), and the normaliser of N is
 * √(2πV) up to 1 ± exp(−2π²V). Hence, for integer s,
 *
 * <pre>P[s + N = k] = (K ∘ N(s, 2⁴⁸))(k)·e^{±10⁻⁷⁵}.</pre>
 *
 * K does not depend on s. So sum + noise is, up to e^{±d·10⁻⁷⁵} for d coordinates, post-processing
 * of the continuous Gaussian mechanism with a deviation of exactly 2²⁴ units, with or without
 * sampling of units before it, and T rounds in which each mechanism is chosen from the releases
 * before are so up to e^{±T·d·10⁻⁷⁵}: an (ε, δ) of the continuous one becomes (ε + 2·T·d·10⁻⁷⁵,
 * δ·(1 + T·d·10⁻⁷⁴)), a change by less than 10⁻⁵⁵ for T·d ≤ 10¹⁸, where the accountant computes in
 * float64 and rounds up. The 9 in V is all that this costs, and it is added here, once: the
 * accountant's deviation is the one that the mechanism names, and nobody else corrects for it.
 *
 * <p>{@link RationalGaussianNoise} samples exactly this distribution. {@link TabledGaussianNoise}
 * samples it conditioned on |k| ≤ 2²⁸, 16 deviations: a total variation of less than 2·10⁻⁵⁷ a
 * sample, which adds at most (1 + e^ε)·T·d·2·10⁻⁵⁷ to δ, less than 10⁻²⁴ for T·d ≤ 10¹⁸ and ε ≤ 30.
 *
 * <h2>Nothing overflows</h2>
 *
 * z ≥ 0.01 makes a coordinate at most 2³¹ in absolute value and its square at most 2⁶², so that a
 * sum of squares of less than 2⁶² and one more stays below 2⁶³; sums of up to 2³¹ units, and noise,
 * stay below 2⁶³ as well.
 *
 * @param unit how much of the summed quantity one grid unit is; a normal, positive double
 * @param squaredBound the largest Σk² of one privacy unit, at least 1
 */
public record NoiseGrid(double unit, long squaredBound) {

  /**
   * The room for what one unit changes in the float32 rounding of others, relative to its bound.
   */
  public static final double SENSITIVITY_MARGIN = 1e-3;

  /** Base-2 logarithm of the noise's standard deviation in grid units. */
  static final int DEVIATION_BITS = 24;

  /** V: the noise's variance in grid units; the 9 is explained above. */
  static final long NOISE_VARIANCE = (1L << (2 * DEVIATION_BITS)) + 9;

  /** The smallest z whose bound has room in a long; the accountant takes no smaller one. */
  private static final double SMALLEST_NOISE_MULTIPLIER = 0.01;

  private static final BigDecimal SQUARED_DEVIATION =
      new BigDecimal(BigInteger.ONE.shiftLeft(2 * DEVIATION_BITS));
  private static final BigDecimal MARGIN_FACTOR =
      BigDecimal.ONE.add(BigDecimal.valueOf(SENSITIVITY_MARGIN));

  public NoiseGrid {
    if (!(unit >= Double.MIN_NORMAL && unit < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "a grid unit must be a positive, finite, normal number but is " + unit);
    }
    if (squaredBound < 1 || squaredBound >= 1L << 62) {
      throw new IllegalArgumentException(
          "the squared bound of one privacy unit must be from 1 to below 2^62 but is "
              + squaredBound);
    }
  }

  /**
   * The grid of a sum that is noised alone.
   *
   * @param noiseMultiplier z, from 0.01: the noise's deviation in units of the sensitivity
   * @param sensitivity Δ &gt; 0: the L2 bound of one privacy unit
   * @throws IllegalArgumentException if they leave no grid
   */
  public static NoiseGrid of(double noiseMultiplier, double sensitivity) {
    return new NoiseGrid(unit(noiseMultiplier, sensitivity), squaredBound(noiseMultiplier));
  }

  /**
   * The grid of a sum that shares one noise multiplier with another sum over the same sample: what
   * the other may take is subtracted from the bound, in integers, so that both together are bounded
   * by z exactly.
   *
   * @param other the grid of the other sum
   * @param noiseMultiplier z of both together
   * @param ownNoiseMultiplier of this sum alone, larger
   * @param sensitivity Δ &gt; 0 of this sum
   * @throws IllegalArgumentException if the other leaves nothing
   */
  public static NoiseGrid beside(
      NoiseGrid other, double noiseMultiplier, double ownNoiseMultiplier, double sensitivity) {
    long left = squaredBound(noiseMultiplier) - other.squaredBound;
    if (left < 1) {
      throw new IllegalArgumentException(
          "two sums that share the noise multiplier %s must both have a part of it, but one takes all"
              .formatted(noiseMultiplier));
    }
    return new NoiseGrid(unit(ownNoiseMultiplier, sensitivity), left);
  }

  private static double unit(double noiseMultiplier, double sensitivity) {
    return Math.scalb(sensitivity * noiseMultiplier * (1 + SENSITIVITY_MARGIN), -DEVIATION_BITS);
  }

  /** ⌊2⁴⁸/(z·(1 + m))²⌋. */
  private static long squaredBound(double noiseMultiplier) {
    if (!(noiseMultiplier >= SMALLEST_NOISE_MULTIPLIER
        && noiseMultiplier < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "a noise multiplier must be at least %s and finite but is %s"
              .formatted(SMALLEST_NOISE_MULTIPLIER, noiseMultiplier));
    }
    return SQUARED_DEVIATION
        .divide(
            new BigDecimal(noiseMultiplier).multiply(MARGIN_FACTOR).pow(2),
            /* scale= */ 0,
            RoundingMode.FLOOR)
        .longValueExact();
  }

  /** The noise's standard deviation in units of the sum: what is added and what is published. */
  public double deviation() {
    return Math.scalb(unit, DEVIATION_BITS);
  }

  /** A number of the sum as grid units, rounded towards zero; 0 if it is not a number. */
  public long towardsZero(double value) {
    return (long) (value / unit);
  }

  /** Grid units as a number of the sum: post-processing. */
  public double value(long gridUnits) {
    return gridUnits * unit;
  }

  /** The largest absolute value of one coordinate: ⌊√{@link #squaredBound}⌋. */
  public long largestCoordinate() {
    return BigInteger.valueOf(squaredBound).sqrt().longValueExact();
  }
}
