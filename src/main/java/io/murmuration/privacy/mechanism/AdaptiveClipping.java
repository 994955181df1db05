package io.murmuration.privacy.mechanism;

import java.io.Serializable;

/**
 * The clip norm follows a quantile of the units' norms (Andrew, Thakkar, McMahan, Ramaswamy,
 * "Differentially Private Learning with Adaptive Clipping", arXiv 1905.03871, Algorithm 1).
 *
 * <p>Beside its clipped update every sampled unit contributes b − ½, where b is 1 if its update is
 * not clipped and 0 if it is. Both are of the same sample, so they are one vector, and the round is
 * one Gaussian mechanism: with noise z_Δ·C on the update and σ_b on the sum of the bits, whose
 * sensitivity is ½, the unit's vector has norm at most 1/z where
 *
 * <pre>z⁻² = z_Δ⁻² + (2σ_b)⁻²    (Theorem 1 of the paper).</pre>
 *
 * z is the mechanism's noise multiplier, the one that is accounted for; the update carries the
 * somewhat larger z_Δ. The next clip norm is a function of the noised bits alone.
 *
 * @param quantile γ in (0, 1): the share of units that should not be clipped
 * @param rate η &gt; 0 of the geometric update
 * @param bitNoise σ_b &gt; 0: standard deviation of the noise on the sum of the bits; must exceed
 *     half the noise multiplier
 */
public record AdaptiveClipping(double quantile, double rate, double bitNoise)
    implements Serializable {

  /** Clip norms stay between this and its inverse, so that no noise drives them out of floats. */
  private static final double SMALLEST_NORM = 1e-6;

  /**
   * What a deployer chooses.
   *
   * @param quantile γ in (0, 1)
   * @param rate η &gt; 0
   * @param bitNoiseShare σ_b as a share of the expected units, &gt; 0; the paper advises 1/20
   */
  public record Options(double quantile, double rate, double bitNoiseShare)
      implements Serializable {

    public Options {
      new AdaptiveClipping(quantile, rate, bitNoiseShare);
    }

    /**
     * For one mechanism: σ_b is at least the noise multiplier, so that the bits never cost more
     * than a quarter of what is accounted for and z_Δ is at most 2/√3 times z.
     */
    public AdaptiveClipping in(double noiseMultiplier, double expectedUnits) {
      return new AdaptiveClipping(
          quantile, rate, Math.max(noiseMultiplier, bitNoiseShare * expectedUnits));
    }
  }

  public AdaptiveClipping {
    if (!(quantile > 0 && quantile < 1)) {
      throw new IllegalArgumentException(
          "the quantile of adaptive clipping must be in (0, 1) but is " + quantile);
    }
    requirePositive("rate of adaptive clipping", rate);
    requirePositive("bit noise of adaptive clipping", bitNoise);
  }

  AdaptiveClipping withBitNoise(double newBitNoise) {
    return new AdaptiveClipping(quantile, rate, newBitNoise);
  }

  private static void requirePositive(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the %s must be positive and finite but is %s".formatted(name, value));
    }
  }

  /**
   * z_Δ = (z⁻² − (2σ_b)⁻²)^−½: what the update's noise must be for the joint mechanism to cost z.
   *
   * @param noiseMultiplier z, as accounted for
   * @throws IllegalArgumentException if the bits alone cost more than z
   */
  public double updateNoiseMultiplier(double noiseMultiplier) {
    double left = 1 / (noiseMultiplier * noiseMultiplier) - 1 / (4 * bitNoise * bitNoise);
    if (!(left > 0)) {
      throw new IllegalArgumentException(
          "the bit noise of adaptive clipping must exceed half the noise multiplier, %s, but is %s; raise it"
              .formatted(noiseMultiplier / 2, bitNoise));
    }
    return 1 / Math.sqrt(left);
  }

  /**
   * C·exp(−η(b̃ − γ)), with b̃ brought into [0, 1].
   *
   * @param clipNorm C of the round
   * @param noisedBits Σ(b − ½) + N(0, σ_b²)
   * @param expectedUnits the public constant that divides it
   */
  public double next(double clipNorm, double noisedBits, double expectedUnits) {
    double unclipped = Math.min(1, Math.max(0, 0.5 + noisedBits / expectedUnits));
    double moved = clipNorm * Math.exp(-rate * (unclipped - quantile));
    return Math.min(1 / SMALLEST_NORM, Math.max(SMALLEST_NORM, moved));
  }
}
