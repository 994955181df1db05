package io.murmuration.simulation;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PldPhaseAccountant;
import io.murmuration.privacy.accounting.PoissonSubsampledGaussian;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The real accountant, remembered across lives: all have one mechanism. */
final class Accountants {

  static final double DELTA = 1e-6;

  static final RoundMechanism MECHANISM =
      new RoundMechanism(
          Sampler.ULS,
          /* samplingProbability= */ 0.4,
          /* groupSize= */ 3,
          /* noiseMultiplier= */ 2,
          /* clipNorm= */ 0.5,
          /* expectedUnits= */ 4);

  private static final Map<Phase, PhaseAccountant> KNOWN = new ConcurrentHashMap<>();
  private static final Map<Integer, Double> BUDGETS = new ConcurrentHashMap<>();

  private record Phase(RoundMechanism mechanism, double epsilon, double delta) {}

  private Accountants() {}

  static PhaseAccountant of(RoundMechanism mechanism, double epsilon, double delta) {
    return KNOWN.computeIfAbsent(
        new Phase(mechanism, epsilon, delta),
        phase -> PldPhaseAccountant.forPhase(pld(mechanism), epsilon, delta));
  }

  private static PoissonSubsampledGaussian pld(RoundMechanism mechanism) {
    return new PoissonSubsampledGaussian(
        mechanism.samplingProbability(), mechanism.noiseMultiplier());
  }

  /** A budget that affords so many rounds and not one more. */
  static double budgetFor(int rounds) {
    return BUDGETS.computeIfAbsent(rounds, Accountants::betweenThisAndOneMore);
  }

  private static double betweenThisAndOneMore(int rounds) {
    PldAccountant accountant = new PldAccountant();
    return (accountant.epsilon(pld(MECHANISM), rounds, DELTA)
            + accountant.epsilon(pld(MECHANISM), rounds + 1, DELTA))
        / 2;
  }
}
