package io.murmuration.training;

import io.murmuration.privacy.noise.NoiseGrid;
import java.util.List;

/**
 * Adds up clipped slices on the grid of their round, into a {@link ClippedSum}.
 *
 * <p><b>Formal guarantee.</b> Whatever gradients, factors and losses it is given, one slice moves
 * the sum by an integer vector k with Σk² ≤ {@link NoiseGrid#squaredBound}, and the bits by at most
 * {@link NoiseGrid#largestCoordinate}: k is the scaled gradient rounded towards zero coordinate by
 * coordinate, its squares are added up in integers, and a slice that exceeds the bound is taken out
 * again to the last unit and counts as zeroed. Clipping sees to it that none does; this sees to it
 * that a fault in clipping costs accuracy and not privacy.
 *
 * <p>Sums are sums of integers and so the same in any order, and of accumulators as well.
 */
public final class ClippedAccumulator {

  /** Coordinates looked at in one go, so that what is added to stays in the first-level cache. */
  private static final int BLOCK = 1024;

  private final RoundGrid grid;
  private final long[] sum;
  private long slices;
  private long clipped;
  private long zeroed;
  private long tokens;
  private long centredBits;
  private double lossSum;

  /**
   * The zero vector.
   *
   * @param size coordinates of the sum
   */
  public ClippedAccumulator(int size, RoundGrid grid) {
    this.sum = new long[size];
    this.grid = grid;
  }

  /** What slices are clipped and rounded to. */
  public RoundGrid grid() {
    return grid;
  }

  /** Counts a slice that contributes zero. */
  void addZero() {
    slices++;
    zeroed++;
  }

  /**
   * Adds slices.
   *
   * @param gradients unclipped, as long as the sum
   * @param squaredNorms of each gradient, in float64
   * @param trained what else is known of each slice; one whose loss is not finite contributes zero
   */
  void add(SliceGradients gradients, double[] squaredNorms, List<Trained> trained) {
    int count = gradients.slices();
    double[] factors = new double[count];
    for (int s = 0; s < count; s++) {
      factors[s] =
          Double.isFinite(trained.get(s).loss())
              ? SliceClipping.factor(squaredNorms[s], grid.clipNorm())
              : 0;
    }
    boolean[] excessive = addScaled(gradients, factors);
    for (int s = 0; s < count; s++) {
      if (excessive[s]) {
        subtract(gradients, s, factors[s]);
      }
      if (excessive[s] || factors[s] == 0) {
        addZero();
      } else {
        count(factors[s], trained.get(s));
      }
    }
  }

  private void count(double factor, Trained trained) {
    slices++;
    clipped += factor < 1 ? 1 : 0;
    tokens += trained.tokens();
    lossSum += trained.loss();
    if (grid.bits() != null) {
      long largest = grid.bits().largestCoordinate();
      long bit = grid.bits().towardsZero(SliceClipping.unclippedBit(factor) - 0.5);
      centredBits += Math.max(-largest, Math.min(largest, bit));
    }
  }

  /**
   * Adds every slice whose factor is not 0.
   *
   * @return which of them are beyond the bound, and stand in the sum all the same
   */
  private boolean[] addScaled(SliceGradients gradients, double[] factors) {
    long[] squares = new long[factors.length];
    boolean[] excessive = new boolean[factors.length];
    double[] block = new double[BLOCK];
    for (int offset = 0; offset < sum.length; offset += BLOCK) {
      int length = Math.min(BLOCK, sum.length - offset);
      for (int s = 0; s < factors.length; s++) {
        // zero times NaN is NaN, so that a slice without a factor is not looked at
        if (factors[s] != 0) {
          gradients.read(s, offset, length, block);
          squares[s] = addBlock(block, offset, length, factors[s], squares[s]);
          excessive[s] |= squares[s] > grid.sum().squaredBound();
        }
      }
    }
    return excessive;
  }

  /**
   * Adds one slice's block to the sum.
   *
   * @param squaresBefore Σk² of the blocks before
   * @return Σk² up to here, or some number above the bound if that or more
   */
  private long addBlock(double[] block, int offset, int length, double factor, long squaresBefore) {
    double scale = factor / grid.sum().unit();
    long bound = grid.sum().squaredBound();
    long largest = grid.sum().largestCoordinate();
    long squares = squaresBefore;
    for (int i = 0; i < length; i++) {
      long k = (long) (block[i] * scale);
      sum[offset + i] += k;
      // both terms are at most the bound, or this slice is beyond it and stays there: no overflow
      squares = k > largest || k < -largest || squares > bound ? bound + 1 : squares + k * k;
    }
    return squares;
  }

  private void subtract(SliceGradients gradients, int slice, double factor) {
    double scale = factor / grid.sum().unit();
    double[] block = new double[BLOCK];
    for (int offset = 0; offset < sum.length; offset += BLOCK) {
      int length = Math.min(BLOCK, sum.length - offset);
      gradients.read(slice, offset, length, block);
      for (int i = 0; i < length; i++) {
        sum[offset + i] -= (long) (block[i] * scale);
      }
    }
  }

  /** Adds a sum of the same grid and size. */
  public void add(ClippedSum other) {
    if (!grid.equals(other.grid()) || sum.length != other.sum().length) {
      throw new IllegalArgumentException(
          "sums must be of one grid and length to be added but are of %s, %d and %s, %d"
              .formatted(grid, sum.length, other.grid(), other.sum().length));
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other.sum()[i];
    }
    slices += other.slices();
    clipped += other.clipped();
    zeroed += other.zeroed();
    tokens += other.tokens();
    centredBits += other.centredBits();
    lossSum += other.lossSum();
  }

  /** What was added so far. The sum is this accumulator's own: nothing may be added afterwards. */
  public ClippedSum result() {
    return new ClippedSum(sum, grid, slices, clipped, zeroed, tokens, centredBits, lossSum);
  }
}
