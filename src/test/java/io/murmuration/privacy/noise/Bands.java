package io.murmuration.privacy.noise;

/** Coefficients of correlated noise for tests. */
public final class Bands {

  private Bands() {}

  /** The first coefficients of (1 − z)^−½, scaled to a norm of at most one and cut to 2⁻¹⁶. */
  public static int[] of(int bands) {
    double[] c = new double[bands];
    double squares = 0;
    for (int j = 0; j < bands; j++) {
      c[j] = j == 0 ? 1 : c[j - 1] * (2 * j - 1) / (2 * j);
      squares += c[j] * c[j];
    }
    int[] numerators = new int[bands];
    for (int j = 0; j < bands; j++) {
      numerators[j] =
          (int) (c[j] / Math.sqrt(squares) * (1 << BandedToeplitzNoise.COEFFICIENT_BITS));
    }
    return numerators;
  }
}
