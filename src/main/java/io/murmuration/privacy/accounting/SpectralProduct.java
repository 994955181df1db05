package io.murmuration.privacy.accounting;

/**
 * A product of powers of Fourier transforms of non-negative sequences, with a bound of its rounding
 * error.
 *
 * <p><b>Bound.</b> Every bin is a sum over paths of at most log₂(n) + 2 butterflies, so with κ =
 * {@link Spectrum#relativeError} the computed bin z differs from the exact one by at most κ·s, s
 * the sum of the sequence. So m = |z| + κ·s is at least both. Raising to the power T by repeated
 * squaring multiplies at most 2T factors, each with a relative error below 3u. A bin of Π zᵣ^Tᵣ is
 * hence off by at most Σᵣ Tᵣ·(κ·sᵣ/mᵣ + 6u)·Πm^T. Transforming back keeps the L2 norm but for the
 * factor 1/√n (Parseval) and adds κ times the norm of the result.
 */
final class SpectralProduct {

  private final double[] bins;
  private final double[] logMagnitude;
  private final double[] relativeError;
  private double roundings;

  /** The empty product, for sequences of a length that is a power of two. */
  SpectralProduct(int length) {
    this.bins = new double[length];
    this.logMagnitude = new double[length / 2 + 1];
    this.relativeError = new double[length / 2 + 1];
    for (int k = 0; k < length; k += 2) {
      bins[k] = 1;
    }
    bins[1] = 1;
  }

  /**
   * Multiplies by the transform of a sequence raised to a power.
   *
   * @param sequence non-negative; overwritten
   * @param sum at least the sum of the sequence
   * @param power at least 1
   */
  void multiply(double[] sequence, double sum, long power) {
    Spectrum.forward(sequence);
    roundings += 6 * GaussianTail.UNIT_ROUNDOFF * power;
    double error = Spectrum.relativeError(bins.length) * sum;
    int nyquist = bins.length / 2;
    record(0, Math.abs(sequence[0]), error, power);
    record(nyquist, Math.abs(sequence[1]), error, power);
    for (int k = 1; k < nyquist; k++) {
      double re = sequence[2 * k];
      double im = sequence[2 * k + 1];
      record(k, Math.sqrt(re * re + im * im), error, power);
    }
    Spectrum.multiplyByPower(bins, sequence, power);
  }

  private void record(int bin, double magnitude, double error, long power) {
    double largest = magnitude * (1 + 0x1p-50) + error;
    logMagnitude[bin] += power * Math.log(largest);
    relativeError[bin] += power * (error / largest + 6 * GaussianTail.UNIT_ROUNDOFF);
  }

  /**
   * The cyclic convolution that the product stands for, and how far it can be off. To be called
   * once.
   */
  Convolution convolution() {
    double errors = 0;
    double squares = 0;
    int nyquist = bins.length / 2;
    for (int k = 0; k <= nyquist; k++) {
      int copies = k == 0 || k == nyquist ? 1 : 2;
      double magnitude = Math.exp(logMagnitude[k] * (1 - 0x1p-50) + 0x1p-50);
      double error = magnitude * relativeError[k] * Math.exp(roundings);
      squares += copies * magnitude * magnitude;
      errors += copies * error * error;
    }
    Spectrum.inverse(bins);
    double inverseError = Spectrum.relativeError(bins.length) * Math.sqrt(squares);
    double error = (Math.sqrt(errors) + inverseError) / Math.sqrt(bins.length);
    return new Convolution(bins, error * (1 + bins.length * GaussianTail.UNIT_ROUNDOFF));
  }

  /**
   * A computed cyclic convolution.
   *
   * @param values the convolution, with errors of either sign
   * @param errorNorm at least the L2 norm of the errors
   */
  record Convolution(double[] values, double errorNorm) {}
}
