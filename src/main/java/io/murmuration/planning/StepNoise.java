package io.murmuration.planning;

import java.math.BigDecimal;
import java.util.Locale;

/**
 * The noise of a step against what data can move it by; arithmetic on public numbers.
 *
 * <p>The averaged update of a round is Σ clip_C(v)/M + N(0, (σC/M)²I). If all of an expected cohort
 * agree and are clipped, the sum moves it by C; the noise has norm about σ·√P·C/M. So the ratio
 * σ·√P/M says how far a step is noise, whatever C is. Over T rounds what data agree on adds up like
 * T and noise like √T: the whole of training sees ratio/√T.
 *
 * <p>Where that lay, and what came of it, on public chat logs with a model of 260,032 parameters:
 * 0.01 to 0.09 learns to within a quarter of training without noise; 0.4 to 0.5 (predicted noise
 * 0.18 in docs/bounds.md, 60 rounds) still learns half of it; a channel of 315 people with M 60, G
 * 8 at ε 8, at 0.7 to 1.6, had its loss rise over 20 rounds. Hence {@link #HOPELESS}.
 *
 * @param noiseMultiplier σ &gt; 0; of correlated noise that of the independent noise that leaves as
 *     much in the models ({@link NoiseCorrelation})
 * @param parameters P ≥ 1: how many numbers are trained
 * @param expectedUnits M or B &gt; 0
 * @param rounds T ≥ 1
 */
public record StepNoise(
    double noiseMultiplier, long parameters, double expectedUnits, long rounds) {

  /** The ratio over all rounds from which on what was tried got worse by training. */
  public static final double HOPELESS = 0.6;

  /**
   * The largest ratio over all rounds at which training all parameters was tried, on the yardstick
   * of docs/utility.md, and beat adapters: by 0.22 nats a token at 0.04 and by 0.15 at 0.09.
   */
  public static final double BEST_WITH_ALL = 0.1;

  public StepNoise {
    require(noiseMultiplier > 0, "noise multiplier must be positive", noiseMultiplier);
    require(parameters >= 1, "parameters must be at least 1", parameters);
    require(expectedUnits > 0, "expected units must be positive", expectedUnits);
    require(rounds >= 1, "rounds must be at least 1", rounds);
  }

  private static void require(boolean holds, String rule, Number given) {
    if (!holds) {
      throw new IllegalArgumentException(rule + " but is " + given);
    }
  }

  /** σ·√P/M: the norm of a step's noise over the largest update that a full cohort could make. */
  public double ratio() {
    return noiseMultiplier * Math.sqrt(parameters) / expectedUnits;
  }

  /** The same for all rounds together. */
  public double ratioOverAllRounds() {
    return ratio() / Math.sqrt(rounds);
  }

  /** Whether training will hardly learn anything. */
  public boolean isHopeless() {
    return !(ratioOverAllRounds() < HOPELESS);
  }

  /** Whether, where these are all parameters of a model, to train them all is known to be best. */
  public boolean isBestWithAll() {
    return ratioOverAllRounds() <= BEST_WITH_ALL;
  }

  /** What it is, and where it is hopeless what to do, in a sentence or two. */
  @Override
  public String toString() {
    String said =
        String.format(
            Locale.ROOT,
            "The noise of a step is %.3g times the largest update that a full cohort could make"
                + " (noise multiplier %.4g, %,d parameters trained, %s units expected); over %,d"
                + " rounds %.3g times.",
            ratio(),
            noiseMultiplier,
            parameters,
            BigDecimal.valueOf(expectedUnits).stripTrailingZeros().toPlainString(),
            rounds,
            ratioOverAllRounds());
    return isHopeless()
        ? said
            + String.format(
                Locale.ROOT,
                " From %.1f on training does not learn, and the budget is spent all the same:"
                    + " expect more units a round, train fewer parameters, plan for other rounds,"
                    + " or give it more epsilon.",
                HOPELESS)
        : said;
  }
}
