package io.murmuration.privacy.mechanism;

import io.murmuration.privacy.accounting.Mechanism;
import java.io.Serializable;
import java.util.Optional;

/**
 * The mechanism of one round, all of it public and fixed before the round's data is looked at.
 * Sampler and trainer take it from the grant, never from their own configuration.
 *
 * @param sampler what is sampled
 * @param samplingProbability q (ULS, per user and round) or p (ELS, per example and round), in (0,
 *     1]. Where noise is correlated, over all rounds: in a round of the user's turn it is {@link
 *     #probabilityInTurn}
 * @param groupSize G ≥ 1. ULS: a sampled user contributes at most so many examples to a round. ELS:
 *     a user's pool holds at most so many examples
 * @param noiseMultiplier σ &gt; 0: the noise's standard deviation in units of the clip norm
 * @param clipNorm C &gt; 0: the L2 bound of one unit's update
 * @param expectedUnits what the noisy sum is divided by: the public expected cohort M (ULS) or the
 *     public expected batch B (ELS), &gt; 0; a calibration's sum is not divided
 * @param query what is summed
 * @param correlatedNoise how the noise of rounds is correlated; null where it is independent, and
 *     in calibrations
 */
public record RoundMechanism(
    Sampler sampler,
    double samplingProbability,
    int groupSize,
    double noiseMultiplier,
    double clipNorm,
    double expectedUnits,
    RoundQuery query,
    CorrelatedNoise correlatedNoise)
    implements Serializable {

  /**
   * What noise may differ by, relatively. Accountants so far calibrate to within 10⁻⁴ of each
   * other; a plan with so few rounds more or less that it makes no larger difference is the same
   * plan.
   */
  private static final double CALIBRATION_PRECISION = 5e-4;

  public RoundMechanism {
    if (sampler == null) {
      throw new IllegalArgumentException("sampler is required");
    }
    if (!(samplingProbability > 0 && samplingProbability <= 1)) {
      throw new IllegalArgumentException(
          "sampling probability must be in (0, 1] but is " + samplingProbability);
    }
    if (groupSize < 1) {
      throw new IllegalArgumentException("group size must be at least 1 but is " + groupSize);
    }
    requirePositive("noise multiplier", noiseMultiplier);
    requirePositive("clip norm", clipNorm);
    requirePositive("expected units", expectedUnits);
    if (query == null) {
      throw new IllegalArgumentException("query is required");
    }
    if (query instanceof RoundQuery.ModelUpdate update && update.adaptive() != null) {
      update.adaptive().updateNoiseMultiplier(noiseMultiplier);
    }
    if (correlatedNoise != null) {
      requireCanBeCorrelated(samplingProbability, query, correlatedNoise);
    }
  }

  private static void requireCanBeCorrelated(
      double samplingProbability, RoundQuery query, CorrelatedNoise noise) {
    if (query.isCalibration()) {
      throw new IllegalArgumentException(
          "a calibration must have independent noise but its noise is correlated over %d rounds"
              .formatted(noise.bands()));
    }
    if (!(samplingProbability * noise.bands() <= 1)) {
      throw new IllegalArgumentException(
          "noise correlated over %d rounds needs a sampling probability of at most %s, since each user has one turn in them, but it is %s"
              .formatted(noise.bands(), 1.0 / noise.bands(), samplingProbability));
    }
  }

  /** The mechanism of a round with independent noise. */
  public RoundMechanism(
      Sampler sampler,
      double samplingProbability,
      int groupSize,
      double noiseMultiplier,
      double clipNorm,
      double expectedUnits,
      RoundQuery query) {
    this(
        sampler,
        samplingProbability,
        groupSize,
        noiseMultiplier,
        clipNorm,
        expectedUnits,
        query,
        /* correlatedNoise= */ null);
  }

  /** The mechanism of a round of training with a clip norm that stays. */
  public RoundMechanism(
      Sampler sampler,
      double samplingProbability,
      int groupSize,
      double noiseMultiplier,
      double clipNorm,
      double expectedUnits) {
    this(
        sampler,
        samplingProbability,
        groupSize,
        noiseMultiplier,
        clipNorm,
        expectedUnits,
        RoundQuery.UPDATE);
  }

  /** How rounds are accounted for: what dominates them, in units of the clip norm. */
  public Mechanism accounted() {
    return sampler.accounted(samplingProbability, groupSize, noiseMultiplier, bands());
  }

  /** b: over how many rounds noise is correlated; 1 where it is independent. */
  public int bands() {
    return correlatedNoise == null ? 1 : correlatedNoise.bands();
  }

  /**
   * The chance of one coin (a user's, or an example's) in a round that is the user's turn, in (0,
   * 1]: with independent noise every round is.
   */
  public double probabilityInTurn() {
    return samplingProbability * bands();
  }

  /** The same with another clip norm. */
  public RoundMechanism withClipNorm(double newClipNorm) {
    return new RoundMechanism(
        sampler,
        samplingProbability,
        groupSize,
        noiseMultiplier,
        newClipNorm,
        expectedUnits,
        query,
        correlatedNoise);
  }

  /** The same with another correlation of noise; null for independent noise. */
  public RoundMechanism withCorrelatedNoise(CorrelatedNoise newCorrelatedNoise) {
    return new RoundMechanism(
        sampler,
        samplingProbability,
        groupSize,
        noiseMultiplier,
        clipNorm,
        expectedUnits,
        query,
        newCorrelatedNoise);
  }

  /**
   * Whether another mechanism is this one but for how precisely its noise was calibrated, and for
   * the coefficients by which it is correlated. A version with a tighter accountant, or another
   * processor's rounding, calibrates a little less noise or a little more from the same public
   * numbers; a domain whose phase is open goes on with what its ledger says.
   */
  public boolean differsInCalibrationOnly(RoundMechanism other) {
    return isClose(noiseMultiplier, other.noiseMultiplier)
        && hasBitNoiseLike(other)
        && equals(
            new RoundMechanism(
                other.sampler,
                other.samplingProbability,
                other.groupSize,
                noiseMultiplier,
                other.clipNorm,
                other.expectedUnits,
                other.withBitNoiseOf(this),
                hasTurnsLike(other) ? correlatedNoise : other.correlatedNoise));
  }

  /** What is summed, with the other's noise on its bits where both clip adaptively. */
  private RoundQuery withBitNoiseOf(RoundMechanism other) {
    Optional<AdaptiveClipping> own = adaptiveClipping();
    Optional<AdaptiveClipping> its = other.adaptiveClipping();
    return own.isPresent() && its.isPresent()
        ? new RoundQuery.ModelUpdate(own.get().withBitNoise(its.get().bitNoise()))
        : query;
  }

  /**
   * Whether another mechanism is this one but for the coefficients by which its noise is
   * correlated: they come out of a search, and cost the same whatever they are.
   */
  public boolean differsInCoefficientsOnly(RoundMechanism other) {
    return hasTurnsLike(other) && equals(other.withCorrelatedNoise(correlatedNoise));
  }

  /** Whether users take turns in both, the same ones. */
  private boolean hasTurnsLike(RoundMechanism other) {
    return bands() == other.bands()
        && (correlatedNoise == null
            || correlatedNoise.turnKey().equals(other.correlatedNoise.turnKey()));
  }

  private boolean hasBitNoiseLike(RoundMechanism other) {
    Optional<AdaptiveClipping> own = adaptiveClipping();
    Optional<AdaptiveClipping> its = other.adaptiveClipping();
    return own.isEmpty() || its.isEmpty() || isClose(own.get().bitNoise(), its.get().bitNoise());
  }

  /** The same with another noise multiplier. */
  public RoundMechanism withNoiseMultiplier(double newNoiseMultiplier) {
    return new RoundMechanism(
        sampler,
        samplingProbability,
        groupSize,
        newNoiseMultiplier,
        clipNorm,
        expectedUnits,
        query,
        correlatedNoise);
  }

  /** Whether two noise multipliers differ by no more than their calibration may. */
  public static boolean isClose(double one, double other) {
    return Math.abs(one - other) <= CALIBRATION_PRECISION * Math.min(one, other);
  }

  /** How the clip norm moves; empty if it stays. */
  public Optional<AdaptiveClipping> adaptiveClipping() {
    return query instanceof RoundQuery.ModelUpdate update
        ? Optional.ofNullable(update.adaptive())
        : Optional.empty();
  }

  private static void requirePositive(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(name + " must be positive and finite but is " + value);
    }
  }
}
