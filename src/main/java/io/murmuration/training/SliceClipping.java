package io.murmuration.training;

/**
 * The factor by which a slice's gradient enters the sum.
 *
 * <p>Formal guarantee: with the squared norm computed in float64, a factor times its gradient has
 * an L2 norm of at most C.
 *
 * <table>
 * <caption>Edge cases</caption>
 * <tr><th>squared norm</th><th>factor</th></tr>
 * <tr><td>NaN or infinite</td><td>0</td></tr>
 * <tr><td>0</td><td>1</td></tr>
 * <tr><td>at most (C(1 − m))²</td><td>1</td></tr>
 * <tr><td>larger</td><td>C(1 − m) / norm</td></tr>
 * </table>
 *
 * where m is {@link #ROUNDING_MARGIN}.
 */
final class SliceClipping {

  /**
   * Relative margin below C. Rounding of a float64 sum of n squares is at most n·2⁻⁵³ relative even
   * in the worst order, and half of that in the norm: 3e-8 for the 5·10⁸ parameters that a release
   * can hold.
   */
  static final double ROUNDING_MARGIN = 1e-7;

  /** The distance at which b has fallen to 0, relative to the clip norm. */
  static final double RAMP = 0.1;

  private SliceClipping() {}

  /**
   * b of adaptive clipping: 1 for a gradient that is not clipped, 0 for one beyond (1 + 0.1)·C, and
   * linear in the norm in between. A step at C would let the rounding that one user causes in
   * others' norms flip their bits, which no accounting covers; on a slope they move by 10 times
   * that rounding, a few 10⁻⁶.
   *
   * @param factor of {@link #factor}, in (0, 1]
   */
  static double unclippedBit(double factor) {
    return Math.max(0, 1 - (1 / factor - 1) / RAMP);
  }

  static double factor(double squaredNorm, double clipNorm) {
    if (!Double.isFinite(squaredNorm)) {
      return 0;
    }
    double norm = Math.sqrt(squaredNorm);
    double bound = clipNorm * (1 - ROUNDING_MARGIN);
    return norm > bound ? bound / norm : 1;
  }
}
