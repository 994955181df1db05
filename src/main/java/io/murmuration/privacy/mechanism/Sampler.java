package io.murmuration.privacy.mechanism;

import io.murmuration.privacy.accounting.Mechanism;

/** How a round chooses its data, and thereby what its unit of clipping is (arXiv 2407.07737). */
public enum Sampler {
  /** User-level sampling: each user takes part independently with probability q. */
  ULS {
    @Override
    public Mechanism accounted(double probability, int groupSize, double noiseMultiplier) {
      return Mechanism.uls(probability, noiseMultiplier);
    }
  },
  /** Example-level sampling: each pooled example takes part independently with probability p. */
  ELS {
    @Override
    public Mechanism accounted(double probability, int groupSize, double noiseMultiplier) {
      return Mechanism.els(probability, groupSize, noiseMultiplier);
    }
  };

  /**
   * How a round is accounted for: the one place where samplers meet mechanisms.
   *
   * @param probability q or p, in (0, 1]
   * @param groupSize G ≥ 1; ULS costs the same at any
   * @param noiseMultiplier σ
   */
  public abstract Mechanism accounted(double probability, int groupSize, double noiseMultiplier);

  /**
   * The same where users take turns.
   *
   * @param probability q or p over all rounds; in rounds of a user's turn it is b times as high
   * @param bands b ≥ 1: every how many rounds a user's turn comes; with b·probability ≤ 1
   */
  public Mechanism accounted(double probability, int groupSize, double noiseMultiplier, int bands) {
    return Mechanism.inTurns(accounted(probability * bands, groupSize, noiseMultiplier), bands);
  }
}
