package io.murmuration.privacy.accounting;

import java.util.Arrays;
import java.util.List;

/**
 * The composition of privacy loss distributions on one grid, by an exponentially tilted FFT.
 *
 * <p><b>Tilting.</b> With masses pᵢ at losses i·Δ, M = Σ pᵢ·exp(λiΔ) and qᵢ = pᵢ·exp(λiΔ)/M, the
 * T-fold convolutions satisfy p*ᵀ(k) = Mᵀ·exp(−λkΔ)·q*ᵀ(k). λ is chosen so that q*ᵀ has its mean
 * near the ε in question, however deep in the tail of p*ᵀ that is. So
 *
 * <p>δ(ε) = Mᵀ·exp(−λε)·Σ q*ᵀ(k)·g(k), with g(k) = exp(−λ(kΔ − ε))·(1 − exp(ε − kΔ))₊,
 *
 * <p>and an absolute error of q*ᵀ is small relative to δ. An untilted FFT has an absolute error
 * near 1e-15·T in δ itself.
 *
 * <p><b>What is added so that the result is an upper bound</b>, for a window of N grid points that
 * ends at h:
 *
 * <ul>
 *   <li><i>Aliasing.</i> The FFT convolves cyclically. Every k in the window gets its own mass plus
 *       that of its aliases, none of which is negative; so only mass above h can be missing. It is
 *       at most M(λ′)ᵀ·exp(−λ′(h + 1)Δ) for every λ′ ≥ 0 (Chernoff), and counts as infinite loss.
 *   <li><i>Rounding in the FFT.</i> {@link SpectralProduct} bounds the L2 norm E of the error of
 *       q*ᵀ. By Cauchy-Schwarz δ(ε) is off by at most Mᵀ·exp(−λε)·‖g‖₂·E. As g ≤ exp(−λy)·min(1, y)
 *       at distance y above ε, on a grid of spacing Δ ‖g‖₂² is at most the smaller of 1 + 1/(2λΔ)
 *       and 1/(4λ³Δ) + exp(−2)/λ².
 *   <li><i>Errors of losses</i>, once a round, and the roundings of the losses that are compared
 *       and returned, are added to ε.
 *   <li><i>Roundings in tilting and summing</i> are relative errors of non-negative terms; the
 *       result is multiplied by the product of one plus each. Negative values that the FFT returns
 *       are set to zero, which only raises δ.
 * </ul>
 */
final class TiltedComposition {

  /** exp(600) is in the range of doubles, exp(710) is not. */
  private static final double LARGEST_EXPONENT = 600;

  /**
   * One distribution and how often it is composed.
   *
   * @param pld the distribution
   * @param rounds at least 1
   */
  record Part(DiscretePld pld, long rounds) {}

  private final double interval;
  private final double order;
  private final double[] tilted;
  private final long high;
  private final double reference;
  private final double logScale;
  private final double tailMass;
  private final double infiniteMass;
  private final double fourierError;
  private final double relativeError;
  private final double lossError;

  /**
   * Composes.
   *
   * @param parts at least one, all on grids of the same interval
   * @param tilt where the question is
   * @param window what to compute of the result
   */
  TiltedComposition(List<Part> parts, Tilt tilt, Window window) {
    this.interval = parts.get(0).pld().interval();
    this.order = tilt.order();
    this.reference = tilt.epsilon();
    long highest = parts.stream().mapToLong(p -> p.rounds() * p.pld().last()).sum();
    long lowest = parts.stream().mapToLong(p -> p.rounds() * p.pld().first()).sum();
    double end = Math.ceil(window.high() / interval);
    this.high = end < highest ? (long) end : highest;
    this.tailMass = end < highest ? chernoff(parts, window.tailOrder(), high + 1) : 0;
    double bottom = Math.min(Math.floor(window.low() / interval), high) - 1;
    int length = windowSize(high - Math.max(lowest, bottom));

    double logMoments = 0;
    double relative = 4.0 * length * GaussianTail.UNIT_ROUNDOFF;
    double infinite = 0;
    double loss = 0;
    SpectralProduct product = new SpectralProduct(length);
    double[] sequence = new double[length];
    for (Part part : parts) {
      DiscretePld pld = part.pld();
      double logMoment = pld.logMoment(order);
      double sum = fold(pld, logMoment, sequence);
      product.multiply(sequence, sum, part.rounds());
      logMoments += part.rounds() * logMoment;
      infinite += part.rounds() * pld.infiniteMass();
      loss += part.rounds() * pld.lossError();
      relative += part.rounds() * (pld.relativeError() + tiltError(pld, logMoment));
    }
    SpectralProduct.Convolution convolution = product.convolution();

    this.tilted = convolution.values();
    this.logScale = logMoments - order * reference;
    double exponents =
        Math.abs(logMoments) + order * interval * (Math.abs(high) + (double) tilted.length);
    this.relativeError = relative + 8 * GaussianTail.UNIT_ROUNDOFF * (1 + exponents);
    this.infiniteMass = infinite;
    this.lossError =
        loss * (1 + 0x1p-40)
            + 4 * GaussianTail.UNIT_ROUNDOFF * interval * (Math.abs(high) + (double) tilted.length);
    this.fourierError = convolution.errorNorm() * weightNorm(order, interval);
  }

  private int windowSize(double points) {
    LossGrid.requireAffordable(points, interval);
    return Math.max(16, Integer.highestOneBit((int) points) << 1);
  }

  /** A bound that is at least the mass of the composition at and above a grid point. */
  private static double chernoff(List<Part> parts, double order, long index) {
    double exponent = 0;
    double magnitude = 1;
    for (Part part : parts) {
      double logMoment = part.rounds() * part.pld().logMoment(order);
      exponent += logMoment;
      magnitude += Math.abs(logMoment);
    }
    double position = order * parts.get(0).pld().interval() * index;
    magnitude += Math.abs(position);
    return Math.min(1, Math.exp(exponent - position + 1e-10 * magnitude));
  }

  /**
   * Tilts a distribution and folds it into the window: cyclic convolution only sees it modulo N.
   *
   * @return at least the sum of the tilted masses
   */
  private double fold(DiscretePld pld, double logMoment, double[] into) {
    Arrays.fill(into, 0);
    double step = order * interval;
    double sum = 0;
    int mask = into.length - 1;
    for (int i = 0; i < pld.size(); i++) {
      long index = pld.first() + i;
      double mass = pld.mass(i) * Math.exp(step * index - logMoment);
      into[(int) (index & mask)] += mass;
      sum += mass;
    }
    return sum * (1 + pld.size() * GaussianTail.UNIT_ROUNDOFF);
  }

  private double tiltError(DiscretePld pld, double logMoment) {
    double largest = interval * Math.max(Math.abs(pld.first()), Math.abs(pld.last()));
    return GaussianTail.UNIT_ROUNDOFF * (8 + 3 * order * largest + Math.abs(logMoment));
  }

  private static double weightNorm(double order, double interval) {
    double byOne = 1 + 1 / (2 * order * interval);
    double byDistance = 1 / (4 * order * order * order * interval) + Math.exp(-2) / (order * order);
    return Math.sqrt(Math.min(byOne, byDistance));
  }

  /** An upper bound of the smallest ε ≥ 0 for which the composition is (ε, δ)-DP. */
  double epsilon(double delta) {
    Scan scan = new Scan();
    while (scan.canDescend()) {
      double excess = delta - deltaAt(scan.hockeyStick(), scan.loss() - interval);
      double below = scan.hockeyStickBelow();
      if (!(deltaAt(below, scan.loss() - interval) <= delta)) {
        // Within the cell only the hockey stick still grows: solve 1 − exp(−y) for y.
        double needed = excess / (Math.exp(logScale + relativeError) * scan.slope());
        double y = needed > 0 ? -Math.log1p(-Math.min(needed, -Math.expm1(-interval))) : 0;
        return Math.max(0, scan.loss() - y + lossError);
      }
      scan.descend();
      if (scan.loss() + lossError <= 0) {
        return 0;
      }
    }
    return Math.max(0, scan.loss() + lossError);
  }

  /** An upper bound of the smallest δ for which the composition is (ε, δ)-DP. */
  double delta(double epsilon) {
    double at = epsilon - lossError;
    Scan scan = new Scan();
    while (scan.canDescend() && scan.loss() - interval >= at) {
      scan.descend();
    }
    if (scan.loss() - interval >= at) {
      return 1; // the window ends above: it knows nothing of this ε
    }
    double inside = scan.loss() > at ? scan.slope() * -Math.expm1(at - scan.loss()) : 0;
    double delta = deltaAt(scan.hockeyStick() + inside, at);
    return delta < 1 ? delta : 1;
  }

  /**
   * Lowers upper bounds of δ at 0, s, 2s, … to what this composition says, wherever that is less.
   * It says nothing below its window: what is missing there comes back as aliases, but with the
   * tilt of the place where it comes back. Inside, any tilt gives upper bounds; near its own ε they
   * are tight.
   *
   * @param spacing s &gt; 0
   * @param deltas at position k an upper bound of δ(k·s)
   */
  void lowerDeltas(double spacing, double[] deltas) {
    Scan scan = new Scan();
    for (int k = deltas.length - 1; k >= 0; k--) {
      double at = k * spacing - lossError;
      while (scan.loss() - interval >= at && scan.canDescend()) {
        scan.descend();
      }
      if (scan.loss() - interval >= at) {
        return; // below the window, or where masses leave the range of double precision
      }
      double inside = scan.loss() > at ? scan.slope() * -Math.expm1(at - scan.loss()) : 0;
      double delta = deltaAt(scan.hockeyStick() + inside, at);
      if (delta < deltas[k]) {
        deltas[k] = delta;
      }
    }
  }

  private double deltaAt(double hockeyStick, double epsilon) {
    double error = fourierError * Math.exp(-order * (epsilon - reference));
    return Math.exp(logScale + relativeError) * (hockeyStick + error) + tailMass + infiniteMass;
  }

  /**
   * Walks the window from its upper end down, keeping Σ xⱼ·(1 − exp(ε − jΔ)) at ε = kΔ, in units of
   * the scale. Both recurrences add non-negative terms only, so nothing cancels.
   */
  private final class Scan {

    private final double decay = Math.exp(-interval);
    private final double width = -Math.expm1(-interval);
    private long index = high;
    private double hockeyStick;
    private double slope = mass(high);

    /** The loss of the current grid point. */
    double loss() {
      return index * interval;
    }

    /** The hockey stick sum at the current grid point. */
    double hockeyStick() {
      return hockeyStick;
    }

    /** The hockey stick sum one grid point lower. */
    double hockeyStickBelow() {
      return hockeyStick + width * slope;
    }

    /** Σ xⱼ·exp(kΔ − jΔ) over all j ≥ k. */
    double slope() {
      return slope;
    }

    /** Whether there is mass below that the window holds. */
    boolean isAboveWindowEnd() {
      return index > high - tilted.length + 1;
    }

    boolean canDescend() {
      return isAboveWindowEnd() && order * (reference - loss() + interval) < LARGEST_EXPONENT;
    }

    void descend() {
      hockeyStick = hockeyStickBelow();
      index--;
      slope = mass(index) + decay * slope;
    }

    private double mass(long k) {
      double value = tilted[(int) (k & (tilted.length - 1))];
      return value > 0 ? value * Math.exp(-order * (k * interval - reference)) : 0;
    }
  }
}
