package io.murmuration.privacy.audit;

/**
 * What guesses of one run say about a claim, where canaries may depend on each other, as they do in
 * one model: the two estimates that hold all the same, each at half of {@link #SIGNIFICANCE}.
 *
 * <p><b>Formal guarantee.</b> If the run keeps to the claimed profile, {@link #falsified} is true
 * in at most a share {@link #SIGNIFICANCE} of runs.
 *
 * @param guesses how the guesser fared
 * @param claimed ε of the claim
 * @param delta its δ
 * @param byGuesses the largest ε that {@link SteinkeBound} falsifies; assumes nothing
 * @param byTradeOff the largest ε that {@link OneRunTradeOff} falsifies, if the trade-off is that
 *     of a Gaussian mechanism
 * @param guessesFalsify whether {@link SteinkeBound} falsifies the claim
 * @param profileFalsified whether {@link OneRunTradeOff} contradicts the accountant's own profile;
 *     assumes nothing
 */
public record OneRunVerdict(
    Guesses guesses,
    double claimed,
    double delta,
    double byGuesses,
    double byTradeOff,
    boolean guessesFalsify,
    boolean profileFalsified) {

  /** The significance of both estimates together. */
  public static final double SIGNIFICANCE = 0.05;

  /** The share of canaries that is guessed, fixed here before any score is seen. */
  public static final double GUESSED = 0.3;

  /**
   * Judges a run.
   *
   * @param profile the accountant's, for what was charged
   */
  public static OneRunVerdict of(
      CanaryScores scores, double claimed, double delta, TradeOff profile) {
    Guesses guesses = scores.guess((int) Math.round(GUESSED * scores.canaries()));
    double each = SIGNIFICANCE / 2;
    return new OneRunVerdict(
        guesses,
        claimed,
        delta,
        SteinkeBound.epsilon(guesses, delta, each),
        OneRunTradeOff.epsilon(guesses, delta, each),
        SteinkeBound.pValue(guesses, claimed, delta) < each,
        OneRunTradeOff.falsifies(guesses, profile, each));
  }

  /** The lower bound on ε at confidence 95 %: the larger estimate. */
  public double epsilonLower() {
    return Math.max(byGuesses, byTradeOff);
  }

  /** Whether the claim is false, but for 5 % of honest runs. */
  public boolean falsified() {
    return guessesFalsify || profileFalsified;
  }
}
