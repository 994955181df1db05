package io.murmuration.privacy.accounting;

import java.util.function.DoubleUnaryOperator;

/** What a budget (ε, δ) asks for: the smallest noise, or the most rounds. */
public final class Calibration {

  /** Noise multipliers are found to this relative precision, from above. */
  private static final double TOLERANCE = 1e-5;

  private final PldAccountant accountant;

  /** Calibrates by an accountant. */
  public Calibration(PldAccountant accountant) {
    this.accountant = accountant;
  }

  /** The most rounds, at most 10⁹, that (ε, δ) affords; 0 if not even one. */
  public long rounds(Mechanism mechanism, double epsilon, double delta) {
    return PldPhaseAccountant.forPhase(
            mechanism, epsilon, delta, Arguments.MAX_ROUNDS, accountant.precision())
        .affordableRounds();
  }

  /**
   * The smallest noise multiplier, within 1e-5 above, at which so many rounds stay within (ε, δ).
   *
   * @param mechanism all but its noise multiplier counts
   * @throws IllegalArgumentException if even the largest noise multiplier is not enough
   */
  public double noiseMultiplier(Mechanism mechanism, long rounds, double epsilon, double delta) {
    Arguments.rounds(rounds, 1);
    Arguments.positiveEpsilon(epsilon);
    Arguments.delta(delta);
    return smallestNoise(
        sigma -> accountant.epsilon(mechanism.withNoiseMultiplier(sigma), rounds, delta) / epsilon,
        mechanism.noiseMultiplier());
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
        throw new IllegalArgumentException(
            "even a noise multiplier of "
                + high
                + " does not stay within the budget: raise epsilon or delta, or run fewer rounds");
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
