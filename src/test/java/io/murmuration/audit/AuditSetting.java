package io.murmuration.audit;

import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;

/**
 * What is claimed of a run, and how large the run is.
 *
 * @param sampler ULS or ELS
 * @param epsilon the claim, at {@link #DELTA}
 * @param samplingProbability q or p
 * @param groupSize G
 * @param rounds T, charged
 * @param lifetime H, the rounds that count for a user, who then retires; T where nobody does
 * @param canaries who may take part
 * @param noiseMultiplier z, which makes T rounds cost ε
 */
record AuditSetting(
    Sampler sampler,
    double epsilon,
    double samplingProbability,
    int groupSize,
    int rounds,
    int lifetime,
    Canaries canaries,
    double noiseMultiplier) {

  static final double DELTA = 1e-5;

  /** The share of units that adaptive clipping wants unclipped: the share that never is. */
  static final double QUANTILE = 0.25;

  private static final double RATE = 0.2;
  private static final double BIT_NOISE_SHARE = 0.05;

  static AuditSetting of(
      Sampler sampler, double epsilon, double probability, int rounds, Canaries canaries) {
    return ofLifetimes(sampler, epsilon, probability, rounds, /* lifetime= */ rounds, canaries);
  }

  /** Where users retire after so many rounds, which is what the noise is calibrated to. */
  static AuditSetting ofLifetimes(
      Sampler sampler,
      double epsilon,
      double probability,
      int rounds,
      int lifetime,
      Canaries canaries) {
    int groupSize = sampler == Sampler.ULS ? 2 : 4;
    AuditSetting unit =
        new AuditSetting(sampler, epsilon, probability, groupSize, rounds, lifetime, canaries, 1);
    double noise =
        new NoiseCalibration(new PldAccountant(1e-3))
            .noiseMultiplier(unit.mechanism(1), lifetime, epsilon, DELTA);
    return new AuditSetting(
        sampler, epsilon, probability, groupSize, rounds, lifetime, canaries, noise);
  }

  /** Whether a round of this number counts for the canaries, who are all there before the first. */
  boolean counts(long round) {
    return round <= lifetime;
  }

  /** One round as the accountant sees it, with some noise multiplier. */
  Mechanism mechanism(double noise) {
    return isUserLevel()
        ? Mechanism.uls(samplingProbability, noise)
        : Mechanism.els(samplingProbability, groupSize, noise);
  }

  boolean isUserLevel() {
    return sampler == Sampler.ULS;
  }

  /** What is claimed of each user, for the whole run. */
  Composition charged() {
    return Composition.of(mechanism(noiseMultiplier), lifetime);
  }

  /** What each round is granted, at the first clip norm. */
  RoundMechanism granted() {
    return new RoundMechanism(
        sampler,
        samplingProbability,
        groupSize,
        noiseMultiplier,
        /* clipNorm= */ 1,
        expectedUnits(),
        new RoundQuery.ModelUpdate(clipping()));
  }

  AdaptiveClipping clipping() {
    return new AdaptiveClipping.Options(QUANTILE, RATE, BIT_NOISE_SHARE)
        .in(noiseMultiplier, expectedUnits());
  }

  /** z_Δ: the noise on the update in units of the clip norm, somewhat above z. */
  double updateNoise() {
    return clipping().updateNoiseMultiplier(noiseMultiplier);
  }

  /** The units that half of the canaries would send: a public constant. */
  double expectedUnits() {
    return unitsOfOne() * canaries.size() / 2.0;
  }

  /** How many units of one user a round expects. */
  double unitsOfOne() {
    return isUserLevel() ? samplingProbability : samplingProbability * groupSize;
  }

  /** The variance of the number of units of one user in a round. */
  double unitVariance() {
    return unitsOfOne() * (1 - samplingProbability);
  }

  /** The probability that a user is in a round at all. */
  double participation() {
    return isUserLevel() ? samplingProbability : 1 - Math.pow(1 - samplingProbability, groupSize);
  }
}
