package io.murmuration.privacy.noise;

import java.util.Arrays;

/**
 * The noise of consecutive rounds, correlated so that much of what one round adds later ones take
 * away: x = C⁻¹z for a lower-triangular, banded Toeplitz matrix C with coefficients c₀ … c_{b−1}
 * (BandMF, Choquette-Choo et al., arXiv 2306.08153), computed as it runs from the last b − 1 of
 * what was added (Dvijotham et al., arXiv 2404.16706, for the recursion).
 *
 * <p>All of it is whole numbers. Coefficients are c_j = k_j/2¹⁶; sums S and noise x are in units of
 * a round's {@link NoiseGrid}, of which the clip norm is so many whatever it is in real numbers, so
 * that a clip norm that moves needs no conversion. A round adds
 *
 * <pre>x_t = ⌊(z′_t − Σ_{j≥1} k_j·x_{t−j})/k₀⌉,  z′ = 2¹⁶·z₁ + z₂,</pre>
 *
 * where z₁ and z₂ are two draws of the grid's own noise, ⌊·⌉ is ⌊· + ½⌋, and x of rounds before the
 * first is 0.
 *
 * <h2>Formal guarantee</h2>
 *
 * Let v_t = Σ_{j≥0} k_j·S_{t−j} + z′_t, on a fine grid of 2⁻¹⁶ units. <em>What is published, y_t =
 * S_t + x_t, is a function of v_t and of y_{t−1}, …, y_{t−b+1}.</em> For Σ_{j≥1} k_j·x_{t−j} =
 * Σ_{j≥1} k_j·(y_{t−j} − S_{t−j}), so that what is rounded is (v_t − Σ_{j≥1} k_j·y_{t−j})/k₀ − S_t,
 * and since S_t is whole and ⌊·⌉ commutes with adding whole numbers (which rounding half to even
 * does not), y_t = ⌊(v_t − Σ_{j≥1} k_j·y_{t−j})/k₀⌉. Rounding is of the sum of both, once, so that
 * it is post-processing; rounding the noise by itself before it is correlated would not be.
 *
 * <p>So it suffices that v is private. <em>z′ is a discrete Gaussian of all numbers of the fine
 * grid</em>, of parameter V′ = (2³² + 1)·V: completing the square, P[z′ = k] is exp(−k²/2V′) times
 * Σᵢ exp(−(i − μ)²·(2³² + 1)/2V) for a μ that depends on k, which Poisson's summation formula makes
 * constant up to a factor 1 ± exp(−10⁶), its width being 2⁸. Noise on the coarse grid alone would
 * leave v modulo 2¹⁶ without any: Σ k_j·S_{t−j} would show in it, an infinite loss. V′ − 9 is more
 * than 2⁸⁰, so by the proof of {@link NoiseGrid}, read on the fine grid, releasing v is
 * post-processing of the continuous Gaussian mechanism on Σ k_j·S_{t−j} with a deviation of 2⁴⁰
 * fine units, up to twice the truncation that is stated there, for two draws.
 *
 * <p><em>A user's rounds that are at least b apart are orthogonal.</em> A contribution s to round t
 * is k₀·s, …, k_{b−1}·s in rows t to t + b − 1 of v, whose norm is √Σk_j²·‖s‖. With Σk_j² ≤ 2³² and
 * ‖s‖² at most the grid's bound that is at most what one round of independent noise allows; and
 * rows of another contribution of the user are others. All that one participation changes is in b
 * rows in a row, of which those after the first depend on the user through what was published
 * alone: given that, z′ is fresh, so the pair that dominates the round dominates the b rows.
 *
 * <p><em>It may begin anew at any time that does not depend on data</em>: what follows has rows of
 * its own, to which earlier contributions add nothing, so that these only lose rows. It begins anew
 * unless the round is the successor of the one that was completed last: after a round that was
 * charged and not executed, and after one that failed. Whoever keeps it begins it anew (makes
 * another) with every attempt, phase and mechanism. It must never be part of a snapshot: noise that
 * two attempts go on from is one row more for every contribution that it holds.
 *
 * <h2>Nothing overflows</h2>
 *
 * Let w be the coefficients of 1/c. |z′| ≤ 2⁴⁴ + 2²⁸, and a rounding adds at most k₀/2, hence |x| ≤
 * Σ|w|·(2²⁸ + 2¹² + 1). Coefficients are refused unless Σ|w| ≤ 2⁷, which keeps |x| below 2³⁶; for
 * up to 2¹⁰ bands Σ|k_j| ≤ √b·2¹⁶ ≤ 2²¹, so Σ k_j·x_{t−j} stays below 2⁵⁷.
 *
 * <p>Memory: (b − 1)·8 bytes a parameter, taken when it is made. Used by one thread.
 */
public final class BandedToeplitzNoise {

  /** Base-2 logarithm of what coefficients are numerators over. */
  public static final int COEFFICIENT_BITS = 16;

  /** The most coefficients. */
  public static final int MAX_BANDS = 1 << 10;

  /** The largest Σ|w|. */
  private static final double MAX_GAIN = 1 << 7;

  /** How many coefficients of 1/c are looked at, in bands, before it is taken not to decay. */
  private static final int GAIN_BANDS = 1_000;

  /** Elements at a time: what is worked on stays in the first-level cache. */
  private static final int BLOCK = 1_024;

  /** No round is completed that the next could go on from. */
  private static final long NONE = Long.MIN_VALUE;

  private final int[] numerators;
  private final int size;

  /** What was added, a ring of rounds. */
  private final long[][] added;

  private final long[] fine = new long[BLOCK];
  private final long[] drawn = new long[BLOCK];

  /** How many of the ring count, and which of it is next, the oldest. */
  private int filled;

  private int next;

  /** The last round whose noise is out. */
  private long completed = NONE;

  /** The round that noise was added to and that is not completed; what it left is nobody's. */
  private long underWay = NONE;

  /**
   * Noise that begins at zero.
   *
   * @param numerators k₀, …, k_{b−1}, 2 to {@link #MAX_BANDS} of them, k₀ &gt; 0, Σk_j² ≤ 2³²
   * @param size how many numbers a sum has
   * @throws IllegalArgumentException if the coefficients are not such, or see {@link
   *     #requireStable}
   */
  public BandedToeplitzNoise(int[] numerators, int size) {
    requireStable(numerators);
    this.numerators = numerators.clone();
    this.size = size;
    this.added = new long[numerators.length - 1][size];
  }

  /**
   * Refuses coefficients with which the noise of a round could grow without end, or beyond what a
   * long holds.
   *
   * @param numerators as for {@link #BandedToeplitzNoise}
   */
  public static void requireStable(int[] numerators) {
    if (numerators.length < 2 || numerators.length > MAX_BANDS) {
      throw new IllegalArgumentException(
          "correlated noise must have 2 to %d coefficients but has %d; noise of one band is independent and needs none"
              .formatted(MAX_BANDS, numerators.length));
    }
    long squares = 0;
    for (int k : numerators) {
      squares = Math.addExact(squares, (long) k * k);
    }
    if (numerators[0] < 1 || squares > 1L << 2 * COEFFICIENT_BITS) {
      throw new IllegalArgumentException(
          "coefficients must be numerators over 2^16, the first positive and their squares at most 2^32 in sum, but the first is %d and the sum %d"
              .formatted(numerators[0], squares));
    }
    double gain = gain(numerators);
    if (!(gain <= MAX_GAIN)) {
      throw new IllegalArgumentException(
          "noise must not grow from round to round: the coefficients of 1/c must add up to at most %s in absolute value but do to %s; take coefficients that fall, or fewer bands"
              .formatted(MAX_GAIN, gain));
    }
  }

  /**
   * Σ|w| from above. With W the sum of the first so many, and s that of the last b − 1 of them,
   * what follows is w convolved with at most b − 1 numbers that add up to no more than ‖c‖₁·s, so
   * that Σ|w| ≤ W/(1 − ‖c‖₁·s) once that is positive.
   *
   * @return infinity if it does not become so
   */
  private static double gain(int[] numerators) {
    int bands = numerators.length;
    double unit = 1 << COEFFICIENT_BITS;
    double absolute = Arrays.stream(numerators).mapToDouble(k -> Math.abs(k) / unit).sum();
    double[] w = new double[GAIN_BANDS * bands];
    double sum = 0;
    for (int n = 0; n < w.length && sum <= MAX_GAIN; n++) {
      double value = n == 0 ? unit : 0;
      for (int j = 1; j < bands && j <= n; j++) {
        value -= numerators[j] * w[n - j];
      }
      w[n] = value / numerators[0];
      sum += Math.abs(w[n]);
      if (n % bands == bands - 1) {
        double rest = 0;
        for (int j = 0; j < bands - 1; j++) {
          rest += Math.abs(w[n - j]);
        }
        // half of what would be enough: this is float64
        if (absolute * rest < 0.5) {
          return sum / (1 - absolute * rest);
        }
      }
    }
    return Double.POSITIVE_INFINITY;
  }

  /**
   * Adds a round's noise to its sum. Until {@link #completed}, the round does not count as one that
   * later noise may go on from.
   *
   * @param sums in grid units, far enough from the ends of a long; modified in place
   * @param round the number of its charge: later than all that were completed
   * @param white independent noise for this attempt at this round alone
   * @throws IllegalArgumentException if the round is not later, or the sum of another size
   */
  public void addTo(long[] sums, long round, GridNoise white) {
    if (sums.length != size) {
      throw new IllegalArgumentException(
          "a sum must have %d elements but has %d".formatted(size, sums.length));
    }
    if (round <= completed) {
      throw new IllegalArgumentException(
          "rounds must come in their order, but %d comes after %d".formatted(round, completed));
    }
    if (underWay != NONE || round != completed + 1) {
      filled = 0;
    }
    // until it is completed: what is written over the oldest is no round's
    underWay = round;
    for (int from = 0; from < size; from += BLOCK) {
      addBlock(sums, from, Math.min(BLOCK, size - from), white);
    }
  }

  private void addBlock(long[] sums, int from, int length, GridNoise white) {
    drawFine(length, white);
    for (int lag = 1; lag <= filled; lag++) {
      long coefficient = numerators[lag];
      long[] before = added[Math.floorMod(next - lag, added.length)];
      for (int i = 0; i < length; i++) {
        fine[i] -= coefficient * before[from + i];
      }
    }
    long divisor = numerators[0];
    long half = divisor / 2;
    long[] now = added[next];
    for (int i = 0; i < length; i++) {
      long x = Math.floorDiv(fine[i] + half, divisor);
      now[from + i] = x;
      sums[from + i] += x;
    }
  }

  /** z′: a noise of its own for the places that the coarse one leaves empty. */
  private void drawFine(int length, GridNoise white) {
    long[] coarse = length == BLOCK ? drawn : new long[length];
    long[] between = length == BLOCK ? fine : new long[length];
    Arrays.fill(coarse, 0);
    Arrays.fill(between, 0);
    white.addTo(coarse);
    white.addTo(between);
    for (int i = 0; i < length; i++) {
      fine[i] = (coarse[i] << COEFFICIENT_BITS) + between[i];
    }
  }

  /**
   * The round that noise was added to last is executed: the next one goes on from it.
   *
   * @throws IllegalArgumentException if it is another one
   */
  public void completed(long round) {
    if (round == NONE || round != underWay) {
      throw new IllegalArgumentException(
          "round %d must be the one that noise was added to last, once".formatted(round));
    }
    underWay = NONE;
    completed = round;
    next = (next + 1) % added.length;
    filled = Math.min(filled + 1, added.length);
  }
}
