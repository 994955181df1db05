package io.murmuration.privacy.accounting;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleFunction;

/**
 * Noise multipliers of options that are composed jointly, so that a budget affords whatever is
 * chosen.
 *
 * <p><b>How options share.</b> A choice costs the maximum of its options' profiles, so options
 * whose profiles cross pay for each other. The leader is the option in which a user takes part most
 * often, whose profile falls fastest; it gets the noise at which the budget affords all its phases.
 * Each other option gets the noise at which <i>one phase</i> of it costs, at the budget's δ, what
 * one phase of the leader costs. That keeps its profile below the leader's where the composition
 * looks. Noise at which all of its phases alone cost the same would be a few percent less for it
 * and a few percent more for everybody: ε 8 would become 8.9 with four phases.
 *
 * <p><b>What is left</b> is one factor for all of them, close to 1, at which the whole is within
 * the budget. Nothing of this is needed for the guarantee: that compares the composition of what
 * came out with the budget.
 */
public final class JointNoise {

  /** The accountant of what only has to be about right: grids of a quarter of the points. */
  private static final PldAccountant COARSE = new PldAccountant(2e-3);

  /** Noise goes about with this power of 1/ε, from above. */
  private static final double SLOPE = 0.9;

  /** The share of ε that may be left over. */
  private static final double CLOSE = 2e-4;

  /** Far more than a search takes whose first step is nearly right. */
  private static final int MOST_STEPS = 40;

  private final PldAccountant accountant;

  /** Calibrates by an accountant. */
  public JointNoise(PldAccountant accountant) {
    this.accountant = accountant;
  }

  /**
   * Noise multipliers of the options of a choice, in their order, before the common factor.
   *
   * @param options all but their noise multipliers counts
   * @param rounds of a phase, whatever is chosen
   * @param times how often it is chosen
   */
  public List<Double> ofOptions(
      List<? extends Mechanism> options, long rounds, int times, PrivacyLoss budget) {
    Mechanism leader =
        options.stream()
            .max(
                Comparator.<Mechanism>comparingDouble(
                        option -> PldAccountant.participation(option, /* participations= */ 1))
                    .thenComparing(
                        Comparator.comparingDouble(Mechanism::samplingProbability).reversed()))
            .orElseThrow();
    double alone = ofAll(leader, rounds * times, budget);
    double phase = COARSE.epsilon(leader.withNoiseMultiplier(alone), rounds, budget.delta());
    List<Double> noise = new ArrayList<>();
    double start = alone;
    for (Mechanism option : options) {
      if (!option.equals(leader)) {
        start =
            phase > 0
                ? of(COARSE, option.withNoiseMultiplier(start), rounds, phase, budget.delta())
                // A user hardly ever takes part in one phase, and what it costs tells nothing.
                : ofAll(option, rounds * times, budget);
      }
      noise.add(option.equals(leader) ? alone : start);
    }
    return noise;
  }

  /** The noise multiplier at which a budget affords so many rounds of one mechanism. */
  public double ofAll(Mechanism mechanism, long rounds, PrivacyLoss budget) {
    return of(accountant, mechanism, rounds, budget.epsilon(), budget.delta());
  }

  /** Searches from the mechanism's own noise on. */
  private static double of(
      PldAccountant by, Mechanism mechanism, long rounds, double epsilon, double delta) {
    return NoiseCalibration.smallestNoise(
        noise ->
            NoiseCalibration.cost(
                by.epsilon(mechanism.withNoiseMultiplier(noise), rounds, delta), epsilon),
        mechanism.noiseMultiplier());
  }

  /**
   * The smallest factor of at least 1, nearly, at which a composition is within a budget: of ε
   * about {@link #CLOSE} at most is left over. Looked for on coarse grids, whose bounds are above,
   * and then improved on the accountant's own.
   *
   * @param atFactor the composition with all open noise multipliers times a factor; its ε falls
   *     with the factor
   * @throws IllegalArgumentException if no noise is enough
   */
  public double factor(DoubleFunction<JointComposition> atFactor, PrivacyLoss budget) {
    double rough = search(COARSE, atFactor, budget);
    double cost = cost(accountant, atFactor, rough, budget);
    if (cost > 1) {
      // Never seen: what a coarse grid allows a finer one does.
      return search(accountant, atFactor, budget);
    }
    double finer = Math.max(1, rough * Math.pow(cost / (1 - CLOSE / 2), SLOPE));
    return finer < rough && cost(accountant, atFactor, finer, budget) <= 1 ? finer : rough;
  }

  private static double search(
      PldAccountant by, DoubleFunction<JointComposition> atFactor, PrivacyLoss budget) {
    double low = 1;
    double lowCost = cost(by, atFactor, low, budget);
    if (lowCost <= 1) {
      return low;
    }
    double high = Double.NaN;
    double highCost = Double.NaN;
    for (int i = 0; i < MOST_STEPS; i++) {
      double next =
          Double.isNaN(high) ? beyond(low, lowCost) : between(low, lowCost, high, highCost);
      double cost = cost(by, atFactor, next, budget);
      if (cost > 1) {
        low = next;
        lowCost = cost;
      } else {
        high = next;
        highCost = cost;
        if (cost >= 1 - CLOSE) {
          return high;
        }
      }
    }
    if (Double.isNaN(high)) {
      throw NoiseCalibration.notEnough(low);
    }
    return high;
  }

  /** ε falls a little faster than noise grows. */
  private static double beyond(double low, double lowCost) {
    return low * Math.min(2, Math.pow(lowCost, SLOPE) * (1 + CLOSE / 2));
  }

  /** Guesses the factor at which the cost is about 1, if it is a power of the factor. */
  private static double between(double low, double lowCost, double high, double highCost) {
    double aim = Math.log(lowCost / (1 - CLOSE / 2)) / Math.log(lowCost / highCost);
    return low * Math.pow(high / low, Math.min(0.95, Math.max(0.05, aim)));
  }

  private static double cost(
      PldAccountant by,
      DoubleFunction<JointComposition> atFactor,
      double factor,
      PrivacyLoss budget) {
    return NoiseCalibration.cost(
        by.epsilon(atFactor.apply(factor), budget.delta()), budget.epsilon());
  }
}
