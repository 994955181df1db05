package io.murmuration.planning;

import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The same gradients in fewer rounds of more units, or in more rounds of fewer: what noise is left
 * at the same (ε, δ).
 *
 * <p>In the sum of T rounds what data agree on adds up like T and noise like √T, so s/√T is
 * compared, where s = σ·C/M is the noise of one averaged update. At T·M fixed it falls as T does,
 * because σ grows more slowly than q. What it leaves out is that a model needs steps: at a quarter
 * of a million parameters 75 rounds beat 150 of half the cohort by 0.04 nats a token, and fewer
 * were not compared (docs/utility.md).
 */
public final class RoundsComparison {

  /**
   * Rounds to plan for where nothing else is known: the fewest that were tried, and the best of
   * what was at the same gradients.
   */
  public static final long RECOMMENDED = 75;

  private final NoiseCalibration calibration;

  /** Compares by this accountant. */
  public RoundsComparison(PldAccountant accountant) {
    this.calibration = new NoiseCalibration(accountant);
  }

  /**
   * One number of rounds.
   *
   * @param rounds T ≥ 1
   * @param mechanism with the noise that the budget needs for so many
   * @param relative its s/√T over that of the plan
   */
  public record Candidate(long rounds, RoundMechanism mechanism, double relative) {}

  /**
   * A quarter, a half (both rounded up), all and twice of the plan's rounds, as far as the
   * population gives the units; by rounds.
   *
   * @param planned a round of the plan, at which the budget affords its rounds
   */
  public List<Candidate> candidates(RoundMechanism planned, PlanningTerms terms) {
    double ofPlan = overAllRounds(planned, terms.rounds());
    List<Candidate> candidates = new ArrayList<>();
    long all = terms.rounds();
    for (long rounds : new TreeSet<>(List.of(quotient(all, 4), quotient(all, 2), all, 2 * all))) {
      double more = (double) all / rounds;
      double probability = planned.samplingProbability() * more;
      if (probability > 1 || rounds > PlanningTerms.MAX_ROUNDS) {
        continue;
      }
      RoundMechanism mechanism =
          rounds == all ? planned : at(rounds, probability, more, planned, terms);
      candidates.add(new Candidate(rounds, mechanism, overAllRounds(mechanism, rounds) / ofPlan));
    }
    return candidates;
  }

  private static long quotient(long rounds, long divisor) {
    return (rounds + divisor - 1) / divisor;
  }

  private RoundMechanism at(
      long rounds, double probability, double more, RoundMechanism planned, PlanningTerms terms) {
    double noiseMultiplier =
        calibration.noiseMultiplier(
            planned
                .sampler()
                .accounted(probability, planned.groupSize(), planned.noiseMultiplier()),
            rounds,
            terms.epsilon(),
            terms.delta());
    return new RoundMechanism(
        planned.sampler(),
        probability,
        planned.groupSize(),
        noiseMultiplier,
        planned.clipNorm(),
        planned.expectedUnits() * more);
  }

  private static double overAllRounds(RoundMechanism mechanism, long rounds) {
    return BoundPrediction.of(mechanism).noise() / Math.sqrt(rounds);
  }
}
