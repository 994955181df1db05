package io.murmuration.privacy.budget;

/**
 * A round has been executed; the next may be charged.
 *
 * @param epoch the epoch of its grant
 * @param round its number
 */
public record RoundExecuted(long epoch, long round) {
  public RoundExecuted {
    Checks.atLeast("epoch", epoch, 1);
    Checks.atLeast("round", round, 1);
  }
}
