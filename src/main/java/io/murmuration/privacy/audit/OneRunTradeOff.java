package io.murmuration.privacy.audit;

/**
 * Whether the guesses of one run contradict a trade-off (Mahloujifar, Melis and Chaudhuri,
 * "Auditing f-Differential Privacy in One Run", arXiv 2410.22235, Algorithm 3 with abstention).
 *
 * <p><b>Formal guarantee.</b> If the run's trade-off is nowhere below the claimed one, {@link
 * #falsifies} is true in at most a share {@code significance} of runs. Canaries may depend on each
 * other through the run.
 *
 * <p>How much it sees depends on the number of guesses: of m canaries about 0.3·m should be
 * guessed.
 */
public final class OneRunTradeOff {

  private OneRunTradeOff() {}

  /**
   * Supposes that v or more right guesses have at least the probability {@code significance},
   * follows what the trade-off then demands of all smaller numbers of right guesses, and finds out
   * whether more probability is needed than there is.
   *
   * <p>With pⱼ the probability of j right guesses, R = Σ_{j>i} pⱼ·j/m and h = Σ_{j≥i} pⱼ·(r − j)/m,
   * the trade-off demands h ≥ f̄(R); at i = 0, R + h is r/m.
   *
   * @param claim the trade-off that is claimed
   * @param significance in (0, 1)
   */
  public static boolean falsifies(Guesses guesses, TradeOff claim, double significance) {
    Levels.significance(significance);
    int r = guesses.guesses();
    int v = guesses.correct();
    if (r == 0) {
      return false;
    }
    double m = guesses.canaries();
    double right = significance * v / m;
    double wrong = significance * (r - v) / m;
    for (int i = v - 1; i >= 0; i--) {
      double next = Math.max(wrong, claim.inverseBlowUp(Math.min(1, right)));
      right += (double) i / (r - i) * (next - wrong);
      wrong = next;
    }
    return right + wrong > r / m;
  }

  /**
   * The largest ε whose Gaussian trade-off the guesses falsify. That the mechanism's trade-off is
   * that of a Gaussian mechanism is an assumption; {@link #falsifies} with a {@link PrivacyProfile}
   * makes none.
   *
   * @param delta δ in (0, 1) for which ε is asked
   * @param significance the share of runs, at most, in which the answer exceeds the true ε
   * @return at least 0
   */
  public static double epsilon(Guesses guesses, double delta, double significance) {
    Levels.positiveDelta(delta);
    double mu =
        MonotoneSearch.largest(
            x -> falsifies(guesses, new GaussianTradeOff(x), significance),
            GaussianTradeOff.LARGEST_MU);
    return new GaussianTradeOff(mu).epsilon(delta);
  }
}
