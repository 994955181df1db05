package io.murmuration.planning;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Over how many rounds noise is best correlated: the b of the least σ_b·error_b at the same (ε, δ),
 * q and T. Users who take turns are drawn b times as likely in a b-th of the rounds, which asks for
 * more noise; the correlation takes most of it away again ({@link NoiseCorrelation}). It pays where
 * q is small or ε large.
 */
public final class BandChoice {

  /** What is looked at; each as far as q·b ≤ 1 and b ≤ T. */
  private static final int[] CANDIDATES = {1, 2, 4, 8, 16, 32};

  private final NoiseCalibration calibration;

  /** Chooses by this accountant. */
  public BandChoice(PldAccountant accountant) {
    this.calibration = new NoiseCalibration(accountant);
  }

  /**
   * One number of bands.
   *
   * @param bands b; 1 for independent noise
   * @param probabilityInTurn q·b (or p·b)
   * @param noiseMultiplier σ_b, with which the budget affords the rounds
   * @param error of models by {@link NoiseCorrelation}
   * @param relative σ_b·error_b over that of independent noise
   */
  public record Candidate(
      int bands, double probabilityInTurn, double noiseMultiplier, double error, double relative) {

    /** Bytes that a trainer of so many parameters keeps of earlier rounds' noise. */
    public long bufferBytes(long parameters) {
      return CorrelatedNoise.memoryBytes(bands, parameters);
    }
  }

  /**
   * All that are possible, by bands.
   *
   * @param mechanism with independent noise, at which the budget affords the rounds
   * @param rounds T ≥ 1
   */
  public List<Candidate> candidates(
      RoundMechanism mechanism, long rounds, double epsilon, double delta) {
    double independent =
        mechanism.noiseMultiplier()
            * NoiseCorrelation.error(NoiseCorrelation.numerators(1, rounds), rounds);
    List<Candidate> candidates = new ArrayList<>();
    for (int bands : CANDIDATES) {
      double inTurn = mechanism.samplingProbability() * bands;
      if (inTurn > 1 || bands > rounds) {
        break;
      }
      double noise =
          bands == 1
              ? mechanism.noiseMultiplier()
              : noise(mechanism, bands, rounds, epsilon, delta);
      double error = NoiseCorrelation.error(NoiseCorrelation.numerators(bands, rounds), rounds);
      candidates.add(new Candidate(bands, inTurn, noise, error, noise * error / independent));
    }
    return candidates;
  }

  private double noise(
      RoundMechanism mechanism, int bands, long rounds, double epsilon, double delta) {
    Mechanism turns =
        mechanism
            .sampler()
            .accounted(
                mechanism.samplingProbability(),
                mechanism.groupSize(),
                mechanism.noiseMultiplier(),
                bands);
    return calibration.noiseMultiplier(turns, rounds, epsilon, delta);
  }

  /** The one that leaves the least noise, of equals that of fewer bands. */
  public static Candidate best(List<Candidate> candidates) {
    return candidates.stream()
        .min(Comparator.comparingDouble(Candidate::relative).thenComparingInt(Candidate::bands))
        .orElseThrow();
  }
}
