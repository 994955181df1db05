package io.murmuration.privacy.audit;

import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.MixtureOfGaussians;
import java.util.SplittableRandom;

/** One run of a mechanism with canaries, as its mathematics has it: no pipeline. */
final class SimulatedRun {

  private final SplittableRandom random;

  SimulatedRun(long seed) {
    random = new SplittableRandom(seed);
  }

  private boolean[] coins(int canaries) {
    boolean[] included = new boolean[canaries];
    for (int i = 0; i < canaries; i++) {
      included[i] = random.nextBoolean();
    }
    return included;
  }

  /** Each canary is shown as N(0, 1), or N(μ, 1) where included. */
  CanaryScores gaussian(int canaries, double mu) {
    boolean[] included = coins(canaries);
    double[] scores = new double[canaries];
    for (int i = 0; i < canaries; i++) {
      scores[i] = (included[i] ? mu : 0) + random.nextGaussian();
    }
    return new CanaryScores(scores, included);
  }

  /** Each coin is told truthfully with probability e^ε/(1 + e^ε). */
  CanaryScores randomisedResponse(int canaries, double epsilon) {
    boolean[] included = coins(canaries);
    double[] scores = new double[canaries];
    double truth = 1 / (1 + Math.exp(-epsilon));
    for (int i = 0; i < canaries; i++) {
      scores[i] = (random.nextDouble() < truth) == included[i] ? 1 : 0;
    }
    return new CanaryScores(scores, included);
  }

  /**
   * Rounds of a mechanism, scored by the likelihood that the claim implies.
   *
   * @param claimed what the score believes
   * @param factor the noise that is there, as a multiple of the claimed one
   */
  CanaryScores rounds(int canaries, int rounds, Mechanism claimed, double factor) {
    boolean[] included = coins(canaries);
    double[] scores = new double[canaries];
    LikelihoodScore score = LikelihoodScore.of(claimed);
    double noise = factor * claimed.noiseMultiplier();
    int most = claimed instanceof MixtureOfGaussians ? claimed.maxUnitsPerUser() : 1;
    for (int i = 0; i < canaries; i++) {
      for (int round = 0; round < rounds; round++) {
        int units = 0;
        for (int k = 0; included[i] && k < most; k++) {
          units += random.nextDouble() < claimed.samplingProbability() ? 1 : 0;
        }
        scores[i] += score.of(units + noise * random.nextGaussian());
      }
    }
    return new CanaryScores(scores, included);
  }
}
