package io.murmuration.planning;

import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.Sampler;

/**
 * What one bound costs: the round it means and the noise it adds.
 *
 * @param mechanism sampler, q or p, G, σ, C and M or B of every round
 * @param noise s: the standard deviation of the noise on each coordinate of the averaged update,
 *     σ·C / M (ULS) or σ·C / B (ELS)
 */
public record BoundPrediction(RoundMechanism mechanism, double noise) {

  /** A prediction of a round's noise, which the round itself determines. */
  public static BoundPrediction of(RoundMechanism mechanism) {
    return new BoundPrediction(
        mechanism, mechanism.noiseMultiplier() * mechanism.clipNorm() / mechanism.expectedUnits());
  }

  /** What is sampled. */
  public Sampler sampler() {
    return mechanism.sampler();
  }

  /** The contribution bound G. */
  public int groupSize() {
    return mechanism.groupSize();
  }
}
