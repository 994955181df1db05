package io.murmuration.planning;

import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.commons.math3.analysis.MultivariateFunction;
import org.apache.commons.math3.analysis.MultivariateVectorFunction;
import org.apache.commons.math3.optim.InitialGuess;
import org.apache.commons.math3.optim.MaxEval;
import org.apache.commons.math3.optim.SimpleValueChecker;
import org.apache.commons.math3.optim.nonlinear.scalar.GoalType;
import org.apache.commons.math3.optim.nonlinear.scalar.ObjectiveFunction;
import org.apache.commons.math3.optim.nonlinear.scalar.ObjectiveFunctionGradient;
import org.apache.commons.math3.optim.nonlinear.scalar.gradient.NonLinearConjugateGradientOptimizer;

/**
 * The coefficients by which noise is best correlated over b rounds (arXiv 2306.08153): those that
 * leave the least noise in the models of T rounds, each of which is the start less a rate times the
 * sum of all noisy updates so far.
 *
 * <p><b>What is minimised.</b> With C the banded Toeplitz matrix of c, round r adds (C⁻¹z)_r, so
 * that the noise in the model after round t is Σ_{s≤t} B_{t−s}·z_s, where B = C⁻¹·(1, 1, …) is what
 * one number of z comes to over the rounds. A norm ‖c‖ asks for as much more z. Hence the error of
 * a c, the root of the mean over t of the variances, in units of what one round of independent
 * noise adds:
 *
 * <pre>error(c)² = ‖c‖²·(1/T)·Σ_{s&lt;T} (T − s)·B_s².</pre>
 *
 * With b = 1 that is √((T + 1)/2). What decides is σ_b·error_b, for users who take turns are drawn
 * b times as likely ({@link BandChoice}). Rates that fall are left out: coefficients that know a
 * cosine to 2 % leave 0.3 % less noise at T 150, b 8. So the coefficients are a function of b and T
 * alone.
 *
 * <p><b>How.</b> By conjugate gradients from the c of infinitely many bands, c_k = Π (2i − 1)/(2i),
 * with the gradient from the adjoint of the recursion: O(T·b) a step. Brought to norm 1 and rounded
 * down to numerators over 2¹⁶, so that the norm is at most 1; the error that is stated is that of
 * the rounded ones. Beyond {@link #LONGEST} rounds the best c hardly depends on T, and that many
 * are looked at.
 */
public final class NoiseCorrelation {

  /** The most rounds that coefficients are made for; those of more rounds are the same. */
  private static final int LONGEST = 4_096;

  private static final double TOLERANCE = 1e-12;
  private static final int MOST_STEPS = 20_000;

  private final int rounds;

  private NoiseCorrelation(long rounds) {
    this.rounds = (int) Math.min(LONGEST, rounds);
  }

  /**
   * The coefficients for so many rounds.
   *
   * @param bands b, from 2 to the most that {@link CorrelatedNoise} accepts
   * @param rounds T ≥ 1
   * @param turnKey fingerprint of the key of turns
   */
  public static CorrelatedNoise of(int bands, long rounds, String turnKey) {
    return new CorrelatedNoise(numerators(bands, rounds), turnKey);
  }

  /** The numerators of coefficients for so many rounds; of one band, independent noise. */
  static List<Integer> numerators(int bands, long rounds) {
    return rounded(new NoiseCorrelation(rounds).best(bands));
  }

  /**
   * The error of coefficients after so many rounds, see above; at most so many are looked at.
   *
   * @param numerators over 2¹⁶, one for independent noise
   * @param rounds T ≥ 1
   */
  static double error(List<Integer> numerators, long rounds) {
    double[] c = new double[numerators.size()];
    for (int j = 0; j < c.length; j++) {
      c[j] = (double) numerators.get(j) / numerators.get(0);
    }
    // whatever the norm is, the noise multiplier is in units of the clip norm, as if it were 1
    double first = Math.scalb(numerators.get(0), -CorrelatedNoise.FRACTION_BITS);
    NoiseCorrelation terms = new NoiseCorrelation(rounds);
    return Math.sqrt(terms.variance(terms.response(c))) / first;
  }

  /**
   * The noise multiplier of independent noise that leaves as much in the models of so many rounds.
   */
  public static double asIndependent(RoundMechanism mechanism, long rounds) {
    CorrelatedNoise noise = mechanism.correlatedNoise();
    return noise == null
        ? mechanism.noiseMultiplier()
        : mechanism.noiseMultiplier()
            * error(noise.numerators(), rounds)
            / error(numerators(1, rounds), rounds);
  }

  /** c with c_0 = 1. */
  private double[] best(int bands) {
    if (bands == 1) {
      return new double[] {1};
    }
    double[] start = new double[bands - 1];
    double last = 1;
    for (int k = 1; k < bands; k++) {
      last *= (2.0 * k - 1) / (2.0 * k);
      start[k - 1] = last;
    }
    MultivariateFunction objective = point -> logError(withOne(point));
    MultivariateVectorFunction gradient = point -> gradient(withOne(point));
    double[] found =
        new NonLinearConjugateGradientOptimizer(
                NonLinearConjugateGradientOptimizer.Formula.POLAK_RIBIERE,
                new SimpleValueChecker(TOLERANCE, TOLERANCE))
            .optimize(
                new MaxEval(MOST_STEPS),
                GoalType.MINIMIZE,
                new ObjectiveFunction(objective),
                new ObjectiveFunctionGradient(gradient),
                new InitialGuess(start))
            .getPoint();
    return withOne(found);
  }

  private static double[] withOne(double[] point) {
    double[] c = new double[point.length + 1];
    c[0] = 1;
    System.arraycopy(point, 0, c, 1, point.length);
    return c;
  }

  /** B: what one number of noise comes to in the models of its round and those after it. */
  private double[] response(double[] c) {
    double[] response = new double[rounds];
    for (int t = 0; t < rounds; t++) {
      double sum = 1;
      for (int j = 1; j < c.length && j <= t; j++) {
        sum -= c[j] * response[t - j];
      }
      response[t] = sum;
    }
    return response;
  }

  private double weight(int s) {
    return (double) (rounds - s) / rounds;
  }

  private double variance(double[] response) {
    double sum = 0;
    for (int s = 0; s < rounds; s++) {
      sum += weight(s) * response[s] * response[s];
    }
    return sum;
  }

  private double logError(double[] c) {
    return Math.log(variance(response(c))) + Math.log(squares(c));
  }

  /** Of the logarithm of the squared error, by c_1, c_2, …. */
  private double[] gradient(double[] c) {
    double[] response = response(c);
    double variance = variance(response);
    double squares = squares(c);
    double[] adjoint = new double[rounds];
    double[] gradient = new double[c.length - 1];
    for (int t = rounds - 1; t >= 0; t--) {
      double sum = 2 * weight(t) * response[t];
      for (int j = 1; j < c.length && t + j < rounds; j++) {
        sum -= c[j] * adjoint[t + j];
      }
      adjoint[t] = sum;
      for (int j = 1; j < c.length && j <= t; j++) {
        gradient[j - 1] -= sum * response[t - j] / variance;
      }
    }
    for (int j = 1; j < c.length; j++) {
      gradient[j - 1] += 2 * c[j] / squares;
    }
    return gradient;
  }

  private static double squares(double[] c) {
    double sum = 0;
    for (double one : c) {
      sum += one * one;
    }
    return sum;
  }

  /** Numerators of c/‖c‖, none above it, none above the one before. */
  private static List<Integer> rounded(double[] c) {
    double norm = Math.sqrt(squares(c));
    List<Integer> numerators = new ArrayList<>();
    int before = 1 << CorrelatedNoise.FRACTION_BITS;
    for (double one : c) {
      int numerator = (int) Math.floor(Math.scalb(one / norm, CorrelatedNoise.FRACTION_BITS));
      before = Math.max(0, Math.min(before, numerator));
      numerators.add(before);
    }
    return Collections.unmodifiableList(numerators);
  }
}
