package io.murmuration.privacy.noise;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * What {@link TabledGaussianNoise} draws from: 2,048 cells of 2¹⁸ consecutive integers, from −2²⁸
 * to 2²⁸ − 1, each with an integer weight that bounds its density from above, as an alias table.
 *
 * <p>With f(k) = exp(−k²/2V), f(0) = 1, and a public integer scale S, the weight w of a cell is at
 * least S·f(k) for every k in it, and all weights add up to 2³³, so that a column of the alias
 * table holds exactly 2²² of them and no division rounds. A cell's sure share is a number a of 2⁻¹³
 * such that a·2⁻¹³·w ≤ S·f(k) for every k in it. The table is made of whole numbers; the doubles
 * that it is computed with only have to err on the safe side, which their margins see to.
 */
final class GaussianTable {

  /** Base-2 logarithm of the number of cells, and of the alias table's columns. */
  static final int CELL_BITS = 11;

  /** Base-2 logarithm of the integers in a cell. */
  static final int POINT_BITS = 18;

  /** Base-2 logarithm of a column's weight. */
  static final int COLUMN_BITS = 22;

  /** Bits of a sure share. */
  static final int SHARE_BITS = 13;

  static final int CELLS = 1 << CELL_BITS;

  /**
   * Relative error of a density in float64, generously: the exponent is at most 128 and carries two
   * roundings, so that it errs by less than 3·10⁻¹⁴, to which {@link StrictMath#exp} and three more
   * operations add less than 10⁻¹⁵.
   */
  static final double DENSITY_ERROR = 1e-12;

  /** The one table; the same in every process. */
  static final GaussianTable INSTANCE = new GaussianTable();

  private final long scale;
  private final long[] weights;

  /**
   * The threshold, of 2²², below which a column stands for its own cell; in the low bits, the cell
   * it else does.
   */
  private final int[] thresholds = new int[CELLS];

  private final int[] aliases = new int[CELLS];
  private final int[] sureShares = new int[CELLS];

  private GaussianTable() {
    long total = 1L << (CELL_BITS + COLUMN_BITS);
    scale = largestScale(total);
    weights = weights(scale);
    long left = total - Arrays.stream(weights).sum();
    // a weight may be larger than needed; those of the densest cells suffer least
    for (int ring = 0; left > 0; ring = (ring + 1) % (CELLS / 2)) {
      weights[CELLS / 2 + ring]++;
      weights[CELLS / 2 - 1 - ring]++;
      left -= 2;
    }
    for (int cell = 0; cell < CELLS; cell++) {
      double least = scale * density(farEnd(cell)) * (1 - DENSITY_ERROR) / weights[cell];
      sureShares[cell] = (int) (least * (1 << SHARE_BITS));
    }
    fillColumns();
  }

  private static long largestScale(long total) {
    long fits = 1;
    long tooLarge = total;
    while (tooLarge - fits > 1) {
      long middle = (fits + tooLarge) >>> 1;
      if (Arrays.stream(weights(middle)).sum() <= total) {
        fits = middle;
      } else {
        tooLarge = middle;
      }
    }
    return fits;
  }

  private static long[] weights(long scale) {
    long[] weights = new long[CELLS];
    Arrays.setAll(
        weights, cell -> (long) Math.ceil(scale * density(nearEnd(cell)) * (1 + DENSITY_ERROR)));
    return weights;
  }

  /** Distance from 0 that no point of a cell is nearer than. */
  private static long nearEnd(int cell) {
    return (long) ring(cell) << POINT_BITS;
  }

  /** Distance from 0 that no point of a cell is farther than. */
  private static long farEnd(int cell) {
    return (ring(cell) + 1L) << POINT_BITS;
  }

  private static int ring(int cell) {
    return cell >= CELLS / 2 ? cell - CELLS / 2 : CELLS / 2 - 1 - cell;
  }

  /** f at a distance of at most 2²⁸, with a relative error below {@link #DENSITY_ERROR}. */
  static double density(long distance) {
    return StrictMath.exp(-(double) (distance * distance) / (2.0 * NoiseGrid.NOISE_VARIANCE));
  }

  /** Vose's construction, in whole numbers. */
  private void fillColumns() {
    long full = 1L << COLUMN_BITS;
    long[] left = weights.clone();
    Deque<Integer> small = new ArrayDeque<>();
    Deque<Integer> large = new ArrayDeque<>();
    for (int cell = 0; cell < CELLS; cell++) {
      (left[cell] < full ? small : large).push(cell);
    }
    while (!small.isEmpty()) {
      int column = small.pop();
      int donor = large.pop();
      thresholds[column] = (int) left[column];
      aliases[column] = donor;
      left[donor] -= full - left[column];
      (left[donor] < full ? small : large).push(donor);
    }
    for (int column : large) {
      thresholds[column] = (int) full;
      aliases[column] = column;
    }
  }

  /** S. */
  long scale() {
    return scale;
  }

  /** w of a cell. */
  long weight(int cell) {
    return weights[cell];
  }

  /** Says how much of a column, of 2²², is its own cell. */
  int threshold(int column) {
    return thresholds[column];
  }

  /** The cell of the rest of a column. */
  int alias(int column) {
    return aliases[column];
  }

  /** a of a cell. */
  int sureShare(int cell) {
    return sureShares[cell];
  }

  /** The smallest integer of a cell. */
  static long firstPoint(int cell) {
    return (long) (cell - CELLS / 2) << POINT_BITS;
  }
}
