package io.murmuration.privacy.accounting;

import java.util.function.DoublePredicate;
import java.util.function.DoubleUnaryOperator;

/**
 * What a budget (ε, δ) asks for: the smallest noise, or the most rounds.
 *
 * <p>Rounds are admitted by a {@link PhaseAccountant}, and both answers are its: the noise that is
 * calibrated for T rounds is noise at which it affords T rounds, whatever the grids of the two
 * searches, because nothing is returned that it has not been asked about.
 */
public final class NoiseCalibration {

  /** Noise multipliers are found to this relative precision, from above. */
  private static final double TOLERANCE = 1e-5;

  private final PldAccountant accountant;

  /** Calibrates by an accountant. */
  public NoiseCalibration(PldAccountant accountant) {
    this.accountant = accountant;
  }

  /** The accountant that admits the rounds of a phase, at this precision. */
  public PhaseAccountant phase(Mechanism mechanism, double epsilon, double delta) {
    return PldPhaseAccountant.forPhase(
        mechanism, epsilon, delta, Arguments.MAX_ROUNDS, accountant.precision());
  }

  /** The most rounds, at most 10⁹, that (ε, δ) affords; 0 if not even one. */
  public long rounds(Mechanism mechanism, double epsilon, double delta) {
    return phase(mechanism, epsilon, delta).affordableRounds();
  }

  /**
   * The smallest noise multiplier, within 1e-5 above, at which so many rounds stay within (ε, δ)
   * and a {@link #phase} affords them.
   *
   * @param mechanism all but its noise multiplier counts
   * @throws IllegalArgumentException if even the largest noise multiplier is not enough
   */
  public double noiseMultiplier(Mechanism mechanism, long rounds, double epsilon, double delta) {
    Arguments.rounds(rounds, 1);
    Arguments.positiveEpsilon(epsilon);
    Arguments.delta(delta);
    double sigma =
        smallestNoise(
            noise ->
                cost(
                    accountant.epsilon(mechanism.withNoiseMultiplier(noise), rounds, delta),
                    epsilon),
            mechanism.noiseMultiplier());
    return firstThat(
        noise -> rounds(mechanism.withNoiseMultiplier(noise), epsilon, delta) >= rounds, sigma);
  }

  /** An ε as a part of a budget: at most 1 if and only if it does not exceed it. */
  static double cost(double epsilon, double budget) {
    double share = epsilon / budget;
    return epsilon <= budget ? Math.min(1, share) : Math.max(Math.nextUp(1.0), share);
  }

  /**
   * The first noise multiplier that affords what it must, in small steps up from one that ought.
   */
  static double firstThat(DoublePredicate affords, double from) {
    double noise = from;
    while (!affords.test(noise)) {
      if (noise >= Mechanism.MAX_NOISE_MULTIPLIER) {
        throw notEnough(noise);
      }
      noise = Math.min(Mechanism.MAX_NOISE_MULTIPLIER, noise * (1 + 0.1 * TOLERANCE));
    }
    return noise;
  }

  static IllegalArgumentException notEnough(double noise) {
    return new IllegalArgumentException(
        "even a noise multiplier of "
            + noise
            + " does not stay within the budget: raise epsilon or delta, or run fewer rounds");
  }

  /**
   * The smallest noise multiplier, within 1e-5 above, at which a cost is at most 1.
   *
   * @param cost decreases with the noise multiplier
   * @param start where to begin
   */
  static double smallestNoise(DoubleUnaryOperator cost, double start) {
    double high = start;
    double highCost = cost.applyAsDouble(high);
    while (!(highCost <= 1)) {
      if (high >= Mechanism.MAX_NOISE_MULTIPLIER) {
        throw notEnough(high);
      }
      high = Math.min(Mechanism.MAX_NOISE_MULTIPLIER, 2 * high);
      highCost = cost.applyAsDouble(high);
    }
    double low = high;
    double lowCost = highCost;
    while (lowCost <= 1) {
      if (low <= Mechanism.MIN_NOISE_MULTIPLIER) {
        return low;
      }
      high = low;
      highCost = lowCost;
      low = Math.max(Mechanism.MIN_NOISE_MULTIPLIER, low / 2);
      lowCost = cost.applyAsDouble(low);
    }
    return closeIn(cost, low, lowCost, high, highCost);
  }

  /** Interpolates log cost over log noise, and halves the bracket where that is slow. */
  private static double closeIn(
      DoubleUnaryOperator cost, double low, double lowCost, double high, double highCost) {
    boolean halve = false;
    while (high > low * (1 + TOLERANCE)) {
      double width = Math.log(high / low);
      double share =
          lowCost < Double.POSITIVE_INFINITY && highCost > 0
              ? Math.log(lowCost) / Math.log(lowCost / highCost)
              : 0.5;
      // Aim alternately a little past the root from either side, so that both ends close in.
      double margin = 0.3 * TOLERANCE / width;
      double aim = halve ? 0.5 : Math.min(1 - margin, Math.max(margin, share + margin));
      double middle = low * Math.exp(aim * width);
      double middleCost = cost.applyAsDouble(middle);
      if (middleCost <= 1) {
        high = middle;
        highCost = middleCost;
        double below = middle / (1 + 0.9 * TOLERANCE);
        if (!halve && below > low && share + margin < 1) {
          double belowCost = cost.applyAsDouble(below);
          if (belowCost <= 1) {
            high = below;
            highCost = belowCost;
          } else {
            low = below;
            lowCost = belowCost;
          }
        }
      } else {
        low = middle;
        lowCost = middleCost;
      }
      halve = Math.log(high / low) > 0.5 * width;
    }
    return high;
  }
}
