package io.murmuration.audit;

import io.murmuration.event.UserPseudonyms;
import io.murmuration.privacy.accounting.Composition;
import io.murmuration.privacy.accounting.Mechanism;
import io.murmuration.privacy.accounting.NoiseCalibration;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.Bands;
import java.util.Arrays;

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
 * @param correlation of noise; null where it is independent
 */
record AuditSetting(
    Sampler sampler,
    double epsilon,
    double samplingProbability,
    int groupSize,
    int rounds,
    int lifetime,
    Canaries canaries,
    double noiseMultiplier,
    CorrelatedNoise correlation) {

  /** The key of turns. */
  static final UserPseudonyms TURNS = new UserPseudonyms(new byte[UserPseudonyms.MIN_KEY_BYTES]);

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
    return calibrated(
        sampler, epsilon, probability, rounds, lifetime, canaries, /* correlation= */ null);
  }

  /** Where noise is correlated over so many rounds, and users take turns. */
  static AuditSetting ofBands(
      Sampler sampler,
      double epsilon,
      double probability,
      int rounds,
      int bands,
      Canaries canaries) {
    return calibrated(
        sampler,
        epsilon,
        probability,
        rounds,
        /* lifetime= */ rounds,
        canaries,
        new CorrelatedNoise(Arrays.stream(Bands.of(bands)).boxed().toList(), TURNS.fingerprint()));
  }

  private static AuditSetting calibrated(
      Sampler sampler,
      double epsilon,
      double probability,
      int rounds,
      int lifetime,
      Canaries canaries,
      CorrelatedNoise correlation) {
    int groupSize = sampler == Sampler.ULS ? 2 : 4;
    AuditSetting unit =
        new AuditSetting(
            sampler,
            epsilon,
            probability,
            groupSize,
            rounds,
            lifetime,
            canaries,
            /* noiseMultiplier= */ 1,
            correlation);
    double noise =
        new NoiseCalibration(new PldAccountant(1e-3))
            .noiseMultiplier(unit.mechanism(1), lifetime, epsilon, DELTA);
    return new AuditSetting(
        sampler, epsilon, probability, groupSize, rounds, lifetime, canaries, noise, correlation);
  }

  int bands() {
    return correlation == null ? 1 : correlation.bands();
  }

  /** c_j, of which there is one where noise is independent. */
  double coefficient(int lag) {
    return correlation == null
        ? 1
        : Math.scalb((double) correlation.numerators().get(lag), -CorrelatedNoise.FRACTION_BITS);
  }

  /** The turn of a canary: by it the rounds are known that may be the canary's. */
  int turnOf(int canary) {
    return correlation == null ? 0 : correlation.turnOf(TURNS.hash(Canaries.idOf(canary)));
  }

  /** Whose turn a round of this number is: charges are of one phase, from 1. */
  int turnIn(long round) {
    return correlation == null ? 0 : correlation.turnIn(round - 1);
  }

  /** Whether a round of this number counts for the canaries, who are all there before the first. */
  boolean counts(long round) {
    return round <= lifetime;
  }

  /** Rounds as the accountant sees them, with some noise multiplier. */
  Mechanism mechanism(double noise) {
    return sampler.accounted(samplingProbability, groupSize, noise, bands());
  }

  /** A round for a user whose turn it is. */
  Mechanism inTurn(double noise) {
    return sampler.accounted(probabilityInTurn(), groupSize, noise);
  }

  /** p or q in a round of a user's turn. */
  double probabilityInTurn() {
    return samplingProbability * bands();
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
        new RoundQuery.ModelUpdate(clipping()),
        correlation);
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
    return unitsOfOne() / bands() * canaries.size() / 2.0;
  }

  /** How many units of one user a round of the user's turn expects. */
  double unitsOfOne() {
    return isUserLevel() ? probabilityInTurn() : probabilityInTurn() * groupSize;
  }

  /** The variance of the number of units of one user in such a round. */
  double unitVariance() {
    return unitsOfOne() * (1 - probabilityInTurn());
  }

  /** The probability that a user is in such a round at all. */
  double participation() {
    return isUserLevel() ? probabilityInTurn() : 1 - Math.pow(1 - probabilityInTurn(), groupSize);
  }
}
