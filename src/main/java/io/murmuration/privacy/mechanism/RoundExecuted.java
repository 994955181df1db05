package io.murmuration.privacy.mechanism;

import java.util.List;

/**
 * A round has been executed; the next may be charged.
 *
 * @param epoch the epoch of its grant
 * @param round its number
 * @param answer the noised numbers that later rounds depend on: a calibration's histograms, or the
 *     next clip norm where it is adaptive; otherwise empty
 */
public record RoundExecuted(long epoch, long round, List<Double> answer) {
  public RoundExecuted {
    Checks.atLeast("epoch", epoch, 1);
    Checks.atLeast("round", round, 1);
    answer = List.copyOf(answer);
  }

  /** A round on whose outcome no later mechanism depends. */
  public RoundExecuted(long epoch, long round) {
    this(epoch, round, List.of());
  }
}
