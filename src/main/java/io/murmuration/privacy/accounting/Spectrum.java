package io.murmuration.privacy.accounting;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jtransforms.fft.DoubleFFT_1D;
import pl.edu.icm.jlargearrays.ConcurrencyUtils;

/**
 * Real Fourier transforms whose length is a power of two, in the packed form of JTransforms: a[0]
 * and a[1] are the two real bins, a[2k] and a[2k + 1] the real and imaginary part of bin k.
 */
final class Spectrum {

  /** Plans of so many points hold a few megabytes and are kept; larger ones are made anew. */
  private static final int LARGEST_KEPT_PLAN = 1 << 18;

  private static final Map<Integer, DoubleFFT_1D> PLANS = new ConcurrentHashMap<>();

  static {
    // The library would otherwise start threads that outlive a Flink job.
    ConcurrencyUtils.setNumberOfThreads(1);
  }

  private Spectrum() {}

  /**
   * How far a transform of length n can be from the exact one, in the L2 norm relative to its
   * result. Higham, Accuracy and Stability of Numerical Algorithms, Theorem 24.2, gives log₂(n)
   * times less than 8 unit roundoffs for radix 2 with well-computed roots of unity; this is twice
   * that, with two more stages for the packing of a real transform.
   */
  static double relativeError(int n) {
    return 16 * GaussianTail.UNIT_ROUNDOFF * (Integer.numberOfTrailingZeros(n) + 2);
  }

  /** Transforms in place. */
  static void forward(double[] a) {
    plan(a.length).realForward(a);
  }

  /** Transforms back in place, scaled by 1/n. */
  static void inverse(double[] a) {
    plan(a.length).realInverse(a, true);
  }

  /** Multiplies every bin of a product by the bin of a factor raised to a power. */
  static void multiplyByPower(double[] product, double[] factor, long exponent) {
    product[0] *= power(factor[0], exponent);
    product[1] *= power(factor[1], exponent);
    for (int i = 2; i < factor.length; i += 2) {
      double baseRe = factor[i];
      double baseIm = factor[i + 1];
      double re = product[i];
      double im = product[i + 1];
      for (long e = exponent; e > 0; e >>= 1) {
        if ((e & 1) == 1) {
          double t = re * baseRe - im * baseIm;
          im = re * baseIm + im * baseRe;
          re = t;
        }
        double t = baseRe * baseRe - baseIm * baseIm;
        baseIm = 2 * baseRe * baseIm;
        baseRe = t;
      }
      product[i] = re;
      product[i + 1] = im;
    }
  }

  private static double power(double value, long exponent) {
    double base = value;
    double result = 1;
    for (long e = exponent; e > 0; e >>= 1) {
      if ((e & 1) == 1) {
        result *= base;
      }
      base *= base;
    }
    return result;
  }

  private static DoubleFFT_1D plan(int n) {
    return n <= LARGEST_KEPT_PLAN
        ? PLANS.computeIfAbsent(n, DoubleFFT_1D::new)
        : new DoubleFFT_1D(n);
  }
}
