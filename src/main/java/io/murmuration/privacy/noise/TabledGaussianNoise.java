package io.murmuration.privacy.noise;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * A discrete Gaussian from a table, a few nanoseconds a sample: for updates of millions of
 * parameters.
 *
 * <p>Rejection sampling (von Neumann) from the cells of {@link GaussianTable}: a cell is drawn with
 * probability w/Σw, by an alias table of whole numbers; a point k of it uniformly; and k is kept
 * with probability p = S·f(k)/w ≤ 1. So P[k] ∝ (w/Σw)·2⁻¹⁸·S·f(k)/w ∝ f(k): exactly the discrete
 * Gaussian on −2²⁸ … 2²⁸ − 1.
 *
 * <p>The coin of p is exact as well. It is a number U, uniform in [0, 1), of which bits are drawn
 * until it is known on which side of p it lies: 13 bits come with the word that chose cell and
 * point, and decide, unless they are above the cell's sure share; 40 more are compared with p in
 * float64, unless they are nearer to p than its error; then p is computed to as many digits as it
 * takes. One word of 64 bits is enough for 99 of 100 samples. How long a sample takes depends on
 * the noise alone.
 *
 * <p>Left out is what lies beyond 16 deviations, see {@link NoiseGrid} for what that costs.
 */
final class TabledGaussianNoise implements GridNoise {

  private static final int POINT_SHIFT = GaussianTable.SHARE_BITS;
  private static final int TOSS_SHIFT = POINT_SHIFT + GaussianTable.POINT_BITS;
  private static final int COLUMN_SHIFT = TOSS_SHIFT + GaussianTable.COLUMN_BITS;

  /** Bits of U that are compared in float64, all of them exact in a double. */
  private static final int DOUBLE_BITS = 53;

  /** Columns as one number: threshold, then alias. */
  private static final long[] COLUMNS = new long[GaussianTable.CELLS];

  private static final int[] SURE_SHARES = new int[GaussianTable.CELLS];

  static {
    GaussianTable table = GaussianTable.INSTANCE;
    for (int i = 0; i < GaussianTable.CELLS; i++) {
      COLUMNS[i] = (long) table.threshold(i) << Integer.SIZE | table.alias(i);
      SURE_SHARES[i] = table.sureShare(i);
    }
  }

  private final UniformRandomProvider bits;

  /** Noise under a key of its own, drawn now. */
  TabledGaussianNoise() {
    this(new SecureRandomSource());
  }

  /** Draws from a source that a test chose; everything else uses {@link #TabledGaussianNoise()}. */
  TabledGaussianNoise(UniformRandomProvider bits) {
    this.bits = bits;
  }

  @Override
  public void addTo(long[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += sample();
    }
  }

  long sample() {
    while (true) {
      // 64 bits: 11 of a column, 22 of a toss, 18 of a point, 13 of U
      long word = bits.nextLong();
      int ownCell = (int) (word >>> COLUMN_SHIFT);
      long column = COLUMNS[ownCell];
      int toss = (int) (word >>> TOSS_SHIFT) & ((1 << GaussianTable.COLUMN_BITS) - 1);
      int cell = toss < (int) (column >>> Integer.SIZE) ? ownCell : (int) column;
      int offset = (int) (word >>> POINT_SHIFT) & ((1 << GaussianTable.POINT_BITS) - 1);
      int firstBits = (int) word & ((1 << GaussianTable.SHARE_BITS) - 1);
      long point = GaussianTable.firstPoint(cell) + offset;
      if (firstBits < SURE_SHARES[cell] || isKept(cell, point, firstBits)) {
        return point;
      }
    }
  }

  /** Whether U &lt; p, for a U that begins with these bits. */
  private boolean isKept(int cell, long point, int firstBits) {
    int moreBits = DOUBLE_BITS - GaussianTable.SHARE_BITS;
    long drawn = (long) firstBits << moreBits | bits.nextLong() >>> (Long.SIZE - moreBits);
    GaussianTable table = GaussianTable.INSTANCE;
    double keep = table.scale() * GaussianTable.density(point) / table.weight(cell);
    double scaled = keep * (1L << DOUBLE_BITS);
    if (drawn + 1 <= scaled * (1 - GaussianTable.DENSITY_ERROR)) {
      return true;
    }
    if (drawn >= scaled * (1 + GaussianTable.DENSITY_ERROR)) {
      return false;
    }
    return isKept(table.scale(), table.weight(cell), point, BigInteger.valueOf(drawn));
  }

  /** The same, in decimals: about one sample in 10¹² comes here. */
  private boolean isKept(long scale, long weight, long point, BigInteger firstBits) {
    BigInteger drawn = firstBits;
    int drawnBits = DOUBLE_BITS;
    for (int digits = 50; ; digits *= 2) {
      while (drawnBits < 4 * digits) {
        drawn =
            drawn.shiftLeft(Long.SIZE).or(new BigInteger(Long.toUnsignedString(bits.nextLong())));
        drawnBits += Long.SIZE;
      }
      // U·w against S·f(k): both in units of 2^-drawnBits
      BigDecimal above =
          new BigDecimal(drawn.add(BigInteger.ONE)).multiply(BigDecimal.valueOf(weight));
      BigDecimal below = new BigDecimal(drawn).multiply(BigDecimal.valueOf(weight));
      BigDecimal wanted =
          density(point, digits)
              .multiply(BigDecimal.valueOf(scale))
              .multiply(new BigDecimal(BigInteger.ONE.shiftLeft(drawnBits)));
      BigDecimal error = wanted.movePointLeft(digits);
      if (above.compareTo(wanted.subtract(error)) <= 0) {
        return true;
      }
      if (below.compareTo(wanted.add(error)) >= 0) {
        return false;
      }
    }
  }

  /**
   * f(k) for |k| ≤ 2²⁸, with a relative error below 10^−digits: 1 / Σ xʲ/j! with x = k²/2V ≤ 128.
   * All terms are positive, so that the sum's relative error is at most that of a term, 4 roundings
   * for each of at most a few thousand of them, for which there are ten digits more.
   */
  static BigDecimal density(long point, int digits) {
    MathContext context = new MathContext(digits + 10);
    BigDecimal x =
        BigDecimal.valueOf(point)
            .pow(2)
            .divide(BigDecimal.valueOf(2 * NoiseGrid.NOISE_VARIANCE), context);
    BigDecimal sum = BigDecimal.ONE;
    BigDecimal term = BigDecimal.ONE;
    // from j ≥ 2x on a term is at most half of the one before, so that the rest is less than a term
    int halving = x.intValue() * 2 + 2;
    for (int j = 1; j <= halving || term.compareTo(sum.movePointLeft(digits + 8)) > 0; j++) {
      term = term.multiply(x, context).divide(BigDecimal.valueOf(j), context);
      sum = sum.add(term, context);
    }
    return BigDecimal.ONE.divide(sum, context);
  }
}
