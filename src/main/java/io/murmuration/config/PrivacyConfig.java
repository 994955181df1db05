package io.murmuration.config;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Sampler;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * The guarantee as configured. The noise multiplier may be left open; it is then calibrated from
 * the other numbers, all of them public.
 *
 * @param domain the privacy domain
 * @param epsilon budget, &gt; 0
 * @param delta in (0, 1)
 * @param sampler what is sampled
 * @param samplingProbability q or p in (0, 1]; empty where it is calibrated
 * @param groupSize G ≥ 1; not used where it is calibrated
 * @param clipNorm C &gt; 0
 * @param expectedUnits M or B, &gt; 0; empty where it is calibrated
 * @param adaptiveClipping how the clip norm moves; null if it stays
 * @param rounds rounds to plan for; may be empty only if the noise multiplier is given. Where users
 *     have lifetimes, how many of them a user may take part in at least: training has no end
 * @param noiseMultiplier σ &gt; 0, or empty to calibrate it
 * @param noiseBands b ≥ 1: over how many rounds noise is correlated; 1 where it is independent
 * @param roundInterval length of a tick
 * @param maxUndurableRounds the most granted rounds that one failure can lose, at least 1
 * @param raiseBudget whether a budget above the ledger's is a deliberate raise
 * @param horizon whose the budget is
 */
public record PrivacyConfig(
    String domain,
    double epsilon,
    double delta,
    Sampler sampler,
    OptionalDouble samplingProbability,
    int groupSize,
    double clipNorm,
    OptionalDouble expectedUnits,
    AdaptiveClipping.Options adaptiveClipping,
    OptionalLong rounds,
    OptionalDouble noiseMultiplier,
    int noiseBands,
    Duration roundInterval,
    int maxUndurableRounds,
    boolean raiseBudget,
    HorizonConfig horizon) {

  /** What topics, consumer groups, transactional ids and directories accept. */
  private static final Pattern DOMAIN = Pattern.compile("[A-Za-z0-9._-]{1,100}");

  static PrivacyConfig read(Faults faults) {
    faults.startPart();
    String domain = faults.required(PrivacyOptions.DOMAIN);
    if (domain != null && !DOMAIN.matcher(domain).matches()) {
      faults.add(
          PrivacyOptions.DOMAIN,
          "must be 1 to 100 letters, digits, dots, dashes and underscores but is \""
              + domain
              + "\"");
    }
    double epsilon = faults.positive(PrivacyOptions.EPSILON);
    double delta = faults.strictFraction(PrivacyOptions.DELTA);
    Sampler sampler = faults.required(PrivacyOptions.SAMPLER);
    boolean calibrated = Boolean.TRUE.equals(faults.optional(CalibrationOptions.ENABLED));
    if (calibrated) {
      refuseWhatIsChosen(faults);
    }
    double probability =
        calibrated ? Double.NaN : faults.probability(PrivacyOptions.SAMPLING_PROBABILITY);
    Integer groupSize = faults.atLeast(PrivacyOptions.GROUP_SIZE, 1);
    double clipNorm = faults.positive(PrivacyOptions.CLIP_NORM);
    double expectedUnits = calibrated ? Double.NaN : faults.positive(PrivacyOptions.EXPECTED_UNITS);
    AdaptiveClipping.Options adaptive = adaptiveClipping(faults);
    Long rounds = faults.optionalAtLeast(PrivacyOptions.ROUNDS, 1);
    Double noiseMultiplier = faults.optionalPositive(PrivacyOptions.NOISE_MULTIPLIER);
    if (noiseMultiplier == null && rounds == null) {
      faults.add(
          PrivacyOptions.NOISE_MULTIPLIER.key()
              + " or "
              + PrivacyOptions.ROUNDS.key()
              + " is required: noise is calibrated to a number of rounds where it is not given");
    }
    Integer noiseBands = faults.atLeast(PrivacyOptions.NOISE_BANDS, 1);
    if (noiseBands != null && noiseBands > 1) {
      checkBands(noiseBands, probability, calibrated, faults);
    }
    Duration interval = faults.required(PrivacyOptions.ROUND_INTERVAL);
    if (interval != null && interval.toMillis() < 1) {
      faults.add(
          PrivacyOptions.ROUND_INTERVAL, "must be at least one millisecond but is " + interval);
    }
    Integer maxUndurable = faults.atLeast(PrivacyOptions.MAX_UNDURABLE_ROUNDS, 1);
    Boolean raiseBudget = faults.required(PrivacyOptions.RAISE_BUDGET);
    HorizonConfig horizon = HorizonConfig.read(faults);
    return faults.build(
        () ->
            new PrivacyConfig(
                domain,
                epsilon,
                delta,
                sampler,
                given(probability),
                groupSize,
                clipNorm,
                given(expectedUnits),
                adaptive,
                rounds == null ? OptionalLong.empty() : OptionalLong.of(rounds),
                noiseMultiplier == null
                    ? OptionalDouble.empty()
                    : OptionalDouble.of(noiseMultiplier),
                noiseBands,
                interval,
                maxUndurable,
                raiseBudget,
                horizon));
  }

  /** Whether the mechanism of training is chosen from the stream. */
  public boolean calibrated() {
    return samplingProbability.isEmpty();
  }

  private static void checkBands(int bands, double probability, boolean calibrated, Faults faults) {
    if (bands > CorrelatedNoise.MAX_BANDS) {
      faults.add(
          PrivacyOptions.NOISE_BANDS,
          "must be at most %d but is %d".formatted(CorrelatedNoise.MAX_BANDS, bands));
    }
    if (probability * bands > 1) {
      faults.add(
          PrivacyOptions.NOISE_BANDS,
          "times %s, %s, must be at most 1 but is %s: a user has one turn in so many rounds"
              .formatted(
                  PrivacyOptions.SAMPLING_PROBABILITY.key(), probability, probability * bands));
    }
    String rule = "must be 1 where %s is true but is " + bands + ": ";
    if (HorizonConfig.isEnabled(faults)) {
      faults.add(
          PrivacyOptions.NOISE_BANDS,
          rule.formatted(HorizonOptions.ENABLED.key())
              + "what a lifetime counts is rounds, and users would take turns");
    }
    if (calibrated) {
      faults.add(
          PrivacyOptions.NOISE_BANDS,
          rule.formatted(CalibrationOptions.ENABLED.key())
              + "what is reserved for choices is independent noise");
    }
  }

  private static void refuseWhatIsChosen(Faults faults) {
    for (var chosen : PrivacyOptions.CHOSEN_BY_CALIBRATION) {
      if (faults.isGiven(chosen)) {
        faults.add(
            chosen,
            "must not be given where %s is true: it is chosen from the stream"
                .formatted(CalibrationOptions.ENABLED.key()));
      }
    }
  }

  private static AdaptiveClipping.Options adaptiveClipping(Faults faults) {
    Double quantile = faults.optionalStrictFraction(PrivacyOptions.CLIPPING_QUANTILE);
    double rate = faults.positive(PrivacyOptions.CLIPPING_RATE);
    double share = faults.positive(PrivacyOptions.CLIPPING_BIT_NOISE_SHARE);
    if (quantile == null) {
      return null;
    }
    return quantile > 0 && quantile < 1 && rate > 0 && share > 0
        ? new AdaptiveClipping.Options(quantile, rate, share)
        : null;
  }

  private static OptionalDouble given(double value) {
    return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
  }
}
