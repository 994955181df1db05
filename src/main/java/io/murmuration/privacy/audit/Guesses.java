package io.murmuration.privacy.audit;

/**
 * How somebody fared who guessed which canaries took part.
 *
 * @param canaries m ≥ 1: each was in the run by the toss of a fair coin of its own
 * @param guesses r in [0, m]: for so many canaries a guess was made, a number that was fixed before
 *     any score was seen; on the others nothing was said
 * @param correct v in [0, r]: so many guesses were right
 */
public record Guesses(int canaries, int guesses, int correct) {

  public Guesses {
    if (canaries < 1) {
      throw new IllegalArgumentException("canaries must be at least 1 but are " + canaries);
    }
    if (guesses < 0 || guesses > canaries) {
      throw new IllegalArgumentException(
          "guesses must be between 0 and the %d canaries but are %d".formatted(canaries, guesses));
    }
    if (correct < 0 || correct > guesses) {
      throw new IllegalArgumentException(
          "correct guesses must be between 0 and the %d guesses but are %d"
              .formatted(guesses, correct));
    }
  }
}
