package io.murmuration.privacy.audit;

import java.util.OptionalInt;

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
 * @param guessesToFalsify so many right guesses, or more, would have falsified the claim: what the
 *     audit could have found at all. Empty where not even all would
 */
public record OneRunVerdict(
    Guesses guesses,
    double claimed,
    double delta,
    double byGuesses,
    double byTradeOff,
    boolean guessesFalsify,
    boolean profileFalsified,
    OptionalInt guessesToFalsify) {

  /** The significance of both estimates together. */
  public static final double SIGNIFICANCE = 0.05;

  private static final double EACH = SIGNIFICANCE / 2;

  /** The share of canaries that is guessed, fixed here before any score is seen. */
  public static final double GUESSED = 0.3;

  /**
   * Judges a run.
   *
   * @param profile the accountant's, for what was charged
   */
  public static OneRunVerdict of(
      CanaryScores scores, double claimed, double delta, TradeOff profile) {
    Guesses guesses = scores.guess(guessed(scores.canaries()));
    return new OneRunVerdict(
        guesses,
        claimed,
        delta,
        SteinkeBound.epsilon(guesses, delta, EACH),
        OneRunTradeOff.epsilon(guesses, delta, EACH),
        guessesFalsify(guesses, claimed, delta),
        profileFalsified(guesses, profile),
        guessesToFalsify(guesses.canaries(), claimed, delta, profile));
  }

  private static boolean guessesFalsify(Guesses guesses, double claimed, double delta) {
    return SteinkeBound.pValue(guesses, claimed, delta) < EACH;
  }

  private static boolean profileFalsified(Guesses guesses, TradeOff profile) {
    return OneRunTradeOff.falsifies(guesses, profile, EACH);
  }

  /**
   * What an audit of so many canaries can find before it has begun: the number of right guesses
   * from which on it falsifies a claim.
   *
   * @param canaries m ≥ 1
   * @param claimed ε of the claim
   * @param delta its δ
   * @param profile the accountant's
   * @return empty where not even all guesses right would falsify it
   */
  public static OptionalInt guessesToFalsify(
      int canaries, double claimed, double delta, TradeOff profile) {
    int all = guessed(canaries);
    // in (tooFew, enough]: one more right guess never weakens the evidence
    int tooFew = -1;
    int enough = all + 1;
    while (enough - tooFew > 1) {
      int right = (tooFew + enough) >>> 1;
      Guesses guesses = new Guesses(canaries, all, right);
      if (guessesFalsify(guesses, claimed, delta) || profileFalsified(guesses, profile)) {
        enough = right;
      } else {
        tooFew = right;
      }
    }
    return enough > all ? OptionalInt.empty() : OptionalInt.of(enough);
  }

  private static int guessed(int canaries) {
    return (int) Math.round(GUESSED * canaries);
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
