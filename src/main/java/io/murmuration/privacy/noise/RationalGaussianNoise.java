package io.murmuration.privacy.noise;

import java.math.BigInteger;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * A discrete Gaussian, P[k] ∝ exp(−k²/2V) on all integers, sampled exactly: every coin is compared
 * with a rational number in whole numbers, and nothing is rounded (Canonne, Kamath and Steinke,
 * "The Discrete Gaussian for Differential Privacy", arXiv 2004.00010, Algorithms 1 to 3).
 *
 * <p>About a microsecond a sample: for the few numbers of a histogram. It needs no table, so that
 * it is also what {@link TabledGaussianNoise} is compared with. How long it takes depends on the
 * noise alone.
 */
final class RationalGaussianNoise implements GridNoise {

  private final UniformRandomProvider bits;
  private final BigInteger variance;
  private final long scale;
  private final BigInteger acceptanceDenominator;

  /** Noise of {@link NoiseGrid} under a key of its own, drawn now. */
  RationalGaussianNoise() {
    this(NoiseGrid.NOISE_VARIANCE, SecureRandomSource.forFewBits());
  }

  /**
   * Draws with a variance and a source that a test chose.
   *
   * @param variance V, from 1 to 2⁶⁰
   */
  RationalGaussianNoise(long variance, UniformRandomProvider bits) {
    this.bits = bits;
    this.variance = BigInteger.valueOf(variance);
    this.scale = this.variance.sqrt().longValueExact() + 1;
    this.acceptanceDenominator =
        this.variance.multiply(BigInteger.valueOf(scale).pow(2)).shiftLeft(1);
  }

  @Override
  public void addTo(long[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] = Math.addExact(sums[i], sample());
    }
  }

  /** Algorithm 3: a discrete Laplace y of scale t, kept with exp(−(|y| − V/t)²/2V). */
  long sample() {
    while (true) {
      long y = laplace();
      BigInteger distance =
          BigInteger.valueOf(Math.abs(y)).multiply(BigInteger.valueOf(scale)).subtract(variance);
      if (exponential(distance.pow(2), acceptanceDenominator)) {
        return y;
      }
    }
  }

  /** Algorithm 2: P[y] ∝ exp(−|y|/t). */
  private long laplace() {
    while (true) {
      long low = below(scale);
      if (!fractionalExponential(BigInteger.valueOf(low), BigInteger.valueOf(scale))) {
        continue;
      }
      long high = 0;
      while (fractionalExponential(BigInteger.ONE, BigInteger.ONE)) {
        high++;
      }
      long magnitude = Math.addExact(low, Math.multiplyExact(scale, high));
      boolean negative = bits.nextLong() < 0;
      if (!(negative && magnitude == 0)) {
        return negative ? -magnitude : magnitude;
      }
    }
  }

  /** True with probability exp(−n/d), for n ≥ 0 and d &gt; 0. */
  private boolean exponential(BigInteger n, BigInteger d) {
    BigInteger rest = n;
    while (rest.compareTo(d) > 0) {
      if (!fractionalExponential(BigInteger.ONE, BigInteger.ONE)) {
        return false;
      }
      rest = rest.subtract(d);
    }
    return fractionalExponential(rest, d);
  }

  /** Algorithm 1: true with probability exp(−n/d), for n/d in [0, 1]. */
  private boolean fractionalExponential(BigInteger n, BigInteger d) {
    BigInteger denominator = d;
    long k = 1;
    while (below(denominator).compareTo(n) < 0) {
      k++;
      denominator = denominator.add(d);
    }
    return k % 2 == 1;
  }

  /** Uniform in [0, bound), by rejection. */
  private long below(long bound) {
    int unused = Long.numberOfLeadingZeros(bound - 1 | 1);
    while (true) {
      long candidate = bits.nextLong() >>> unused;
      if (candidate < bound) {
        return candidate;
      }
    }
  }

  /** Uniform in [0, bound), by rejection. */
  private BigInteger below(BigInteger bound) {
    if (bound.bitLength() < Long.SIZE) {
      return BigInteger.valueOf(below(bound.longValueExact()));
    }
    int length = bound.bitLength();
    byte[] magnitude = new byte[(length + Long.SIZE - 1) / Long.SIZE * Long.BYTES];
    while (true) {
      for (int i = 0; i < magnitude.length; i += Long.BYTES) {
        long word = bits.nextLong();
        for (int b = 0; b < Long.BYTES; b++) {
          magnitude[i + b] = (byte) (word >>> (Byte.SIZE * b));
        }
      }
      BigInteger candidate =
          new BigInteger(1, magnitude).shiftRight(magnitude.length * Byte.SIZE - length);
      if (candidate.compareTo(bound) < 0) {
        return candidate;
      }
    }
  }
}
