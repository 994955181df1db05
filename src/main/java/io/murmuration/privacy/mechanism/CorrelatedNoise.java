package io.murmuration.privacy.mechanism;

import io.murmuration.privacy.accounting.CyclicMechanism;
import io.murmuration.privacy.noise.BandedToeplitzNoise;
import java.io.Serializable;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Noise that is correlated over b rounds, so that what is added later takes back a part of what was
 * added before (BandMF: Choquette-Choo et al., "(Amplified) Banded Matrix Factorization", arXiv
 * 2306.08153, with its cyclic Poisson sampling).
 *
 * <p>Rounds of a phase are numbered in the order of their charges, 0, 1, 2, …, void ones included.
 * <b>Sampling:</b> users take turns. Each has a turn, a number in 0..b − 1 by a keyed hash of the
 * id ({@link #turnOf}), and is drawn in rounds r ≡ turn (mod b) only, with probability q·b. The
 * expected cohort of a round stays q·n. <b>Noise:</b> round r adds
 *
 * <pre>x_r = (z_r − Σ_{j=1}^{b−1} c_j·x_{r−j}) / c_0,  z_r ~ N(0, σ²C²I),</pre>
 *
 * that is C⁻¹z for the Toeplitz matrix C with c_0, …, c_{b−1} below its diagonal; x of what came
 * before a void round, a restore or the phase is 0. <b>Cost:</b> a user's part of a round moves Cx
 * by a column of C times it, ‖c‖₂ ≤ 1, and two rounds of a user's have disjoint columns: every b
 * rounds cost one Poisson-sampled Gaussian of (q·b, σ), see {@link CyclicMechanism} and {@code
 * docs/guarantee.md}, which has the proof.
 *
 * <p>The coefficients are dyadic, c_j = k_j/2¹⁶, so that trainers compute exactly. The proof asks
 * for k_0 &gt; 0 and Σk_j² ≤ 2³² in whole numbers, the arithmetic for an inverse that decays
 * ({@link BandedToeplitzNoise#requireStable}): asked for here, so that no round is charged whose
 * noise cannot be added. They do not rise, k_0 ≥ k_1 ≥ … ≥ 0: then C⁻¹ has entries of at most
 * 1/c_0, in absolute value, and so have its partial sums, for 1/c_0 times a renewal sequence they
 * are.
 *
 * @param numerators k_0, …, k_{b−1}, b from 2 to {@link #MAX_BANDS}
 * @param turnKey fingerprint of the key by which turns are drawn, 16 hexadecimal digits. Public;
 *     another key gives users other turns, and is another mechanism
 */
public record CorrelatedNoise(List<Integer> numerators, String turnKey) implements Serializable {

  /** Base-2 logarithm of the coefficients' common denominator. */
  public static final int FRACTION_BITS = BandedToeplitzNoise.COEFFICIENT_BITS;

  /** The most bands. */
  public static final int MAX_BANDS = CyclicMechanism.MAX_BANDS;

  private static final Pattern FINGERPRINT = Pattern.compile("[0-9a-f]{16}");

  public CorrelatedNoise {
    numerators = List.copyOf(numerators);
    int bands = numerators.size();
    if (bands < 2 || bands > MAX_BANDS) {
      throw new IllegalArgumentException(
          "correlated noise must have from 2 to %d coefficients but has %d"
              .formatted(MAX_BANDS, bands));
    }
    int before = 1 << FRACTION_BITS;
    for (int numerator : numerators) {
      if (numerator < 0 || numerator > before) {
        throw new IllegalArgumentException(
            "coefficients of correlated noise must be from 0 to 2^16 and never rise but are "
                + numerators);
      }
      before = numerator;
    }
    BandedToeplitzNoise.requireStable(array(numerators));
    if (turnKey == null || !FINGERPRINT.matcher(turnKey).matches()) {
      throw new IllegalArgumentException(
          "the fingerprint of the key of turns must be 16 hexadecimal digits but is " + turnKey);
    }
  }

  /**
   * Such noise, which remembers nothing yet.
   *
   * @param size how many numbers a sum has
   */
  public BandedToeplitzNoise over(int size) {
    return new BandedToeplitzNoise(array(numerators), size);
  }

  /**
   * The bytes in which the noise of earlier rounds is kept.
   *
   * @param bands b ≥ 1; nothing is kept of independent noise
   * @param parameters how many are trained
   * @throws ArithmeticException if a long does not hold it
   */
  public static long memoryBytes(int bands, long parameters) {
    return Math.multiplyExact(Math.multiplyExact(bands - 1L, parameters), Long.BYTES);
  }

  /** b: over how many rounds noise is correlated, and every how many a user's turn comes. */
  public int bands() {
    return numerators.size();
  }

  /**
   * The turn of a user, uniform over 0..b − 1 within 2⁻⁵⁷: the phase of cyclic Poisson sampling.
   *
   * @param userHash 64 bits of a hash of the user's id under the key of turns
   */
  public int turnOf(long userHash) {
    return (int) Long.remainderUnsigned(userHash, bands());
  }

  /**
   * Whose turn a round is.
   *
   * @param roundInPhase charges of the ledger's phase before it, at least 0
   */
  public int turnIn(long roundInPhase) {
    return (int) (roundInPhase % bands());
  }

  private static int[] array(List<Integer> numerators) {
    return numerators.stream().mapToInt(Integer::intValue).toArray();
  }
}
