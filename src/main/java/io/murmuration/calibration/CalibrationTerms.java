package io.murmuration.calibration;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.NormHistograms;
import io.murmuration.privacy.mechanism.Sampler;
import java.io.Serializable;
import java.math.BigDecimal;

/**
 * What a deployer fixes before a calibration. All of it is public: none of it may be a count of the
 * data.
 *
 * @param sampler of training
 * @param budget ε and δ of the whole domain
 * @param calibrationShare in (0, 1): the part of ε that all measurements of the domain would cost
 *     if there were nothing else
 * @param attempts how often one measurement may be tried before it is given up, ≥ 1; all
 *     measurements of the domain together may be repeated one time less
 * @param population n ≥ 1: users to plan for
 * @param compute B &gt; 0: expected gradients of single examples a round
 * @param rounds T ≥ 1: rounds of training altogether
 * @param windowTicks W ≥ 1: length of a window
 * @param windows K ≥ 1: live windows; counts are per window, so that an ELS bound is K times theirs
 * @param warmUpWindows windows of the domain's life before the first calibration, ≥ 0
 * @param recalibration how training is interrupted by further calibrations
 * @param counts what is counted; null for ULS
 * @param norms what norms are measured; null for ELS with a clip norm that is given
 * @param normSampling q of the users whose norms are measured, in (0, 1]
 * @param normQuantile in (0, 1): the quantile of the norms that counts as typical
 * @param clipNorm C where no norms are measured, else not used
 * @param adaptive how training's clip norm moves; null if it stays
 */
public record CalibrationTerms(
    Sampler sampler,
    PrivacyLoss budget,
    double calibrationShare,
    int attempts,
    long population,
    double compute,
    long rounds,
    long windowTicks,
    int windows,
    long warmUpWindows,
    Recalibration recalibration,
    CountHistogram counts,
    NormHistograms norms,
    double normSampling,
    double normQuantile,
    double clipNorm,
    AdaptiveClipping.Options adaptive)
    implements Serializable {

  /**
   * Further calibrations.
   *
   * @param everyWindows windows between one and the next, ≥ 1
   * @param times how many at most, ≥ 0; their budget is set aside from the start
   */
  public record Recalibration(long everyWindows, int times) implements Serializable {

    /** One calibration and no more. */
    public static final Recalibration NEVER = new Recalibration(/* everyWindows= */ 1, 0);

    public Recalibration {
      if (everyWindows < 1 || times < 0) {
        throw new IllegalArgumentException(
            "recalibration must be every 1 window or more, 0 times or more, but is every %d, %d times"
                .formatted(everyWindows, times));
      }
    }
  }

  public CalibrationTerms {
    require(
        calibrationShare > 0 && calibrationShare < 1,
        "the share of calibrations must be in (0, 1)",
        calibrationShare);
    require(attempts >= 1, "attempts must be at least 1", attempts);
    require(population >= 1, "population must be at least 1", population);
    require(
        compute > 0 && compute < Double.POSITIVE_INFINITY,
        "compute must be positive and finite",
        compute);
    require(rounds >= 1, "rounds must be at least 1", rounds);
    require(windowTicks >= 1, "ticks of a window must be at least 1", windowTicks);
    require(windows >= 1, "live windows must be at least 1", windows);
    require(warmUpWindows >= 0, "windows to warm up must be at least 0", warmUpWindows);
    require(
        normSampling > 0 && normSampling <= 1,
        "the sampling probability of norms must be in (0, 1]",
        normSampling);
    require(
        normQuantile > 0 && normQuantile < 1,
        "the quantile of norms must be in (0, 1)",
        normQuantile);
    require(
        clipNorm > 0 && clipNorm < Double.POSITIVE_INFINITY,
        "the clip norm must be positive and finite",
        clipNorm);
    if ((sampler == Sampler.ULS) != (counts == null) || (sampler == Sampler.ULS && norms == null)) {
      throw new IllegalArgumentException(
          "ULS measures norms and no counts, ELS counts and maybe norms, but %s measures %s and %s"
              .formatted(sampler, counts, norms));
    }
  }

  /** The window in which a tick falls, from 0. */
  long windowOf(long tick) {
    return tick / windowTicks;
  }

  private static void require(boolean holds, String rule, Number given) {
    if (!holds) {
      throw new IllegalArgumentException(rule + " but is " + given);
    }
  }

  /** How many phases train, and how often it is calibrated: once before each. */
  public int cycles() {
    return recalibration.times() + 1;
  }

  /** The same for another budget. */
  public CalibrationTerms withBudget(PrivacyLoss other) {
    return new CalibrationTerms(
        sampler,
        other,
        calibrationShare,
        attempts,
        population,
        compute,
        rounds,
        windowTicks,
        windows,
        warmUpWindows,
        recalibration,
        counts,
        norms,
        normSampling,
        normQuantile,
        clipNorm,
        adaptive);
  }

  /** How many measurements may be repeated in the domain's life. */
  public int retries() {
    return attempts - 1;
  }

  /** What all measurements would cost if there were nothing else: it decides their noise. */
  public PrivacyLoss look() {
    return new PrivacyLoss(
        budget.part(BigDecimal.valueOf(calibrationShare), /* parts= */ 1).exactEpsilon(),
        budget.exactDelta());
  }

  /** What one measurement reserves for itself: an equal part of the calibrations' share. */
  public PrivacyLoss measurementShare() {
    int measurements = cycles() * (counts != null && norms != null ? 2 : 1);
    return budget.part(BigDecimal.valueOf(calibrationShare), measurements);
  }

  /** What one phase of training reserves for itself: an equal part of what calibrations leave. */
  public PrivacyLoss trainingShare() {
    return budget.part(BigDecimal.ONE.subtract(BigDecimal.valueOf(calibrationShare)), cycles());
  }

  /** T of one phase of training. */
  public long trainingRounds() {
    return (rounds + cycles() - 1) / cycles();
  }
}
