package io.murmuration.privacy.mechanism;

import java.util.List;

/**
 * A round has been executed; the next may be charged, unless the model failed on public text.
 *
 * @param epoch the epoch of its grant
 * @param round its number
 * @param answer the noised numbers that later rounds depend on: a calibration's histograms, or the
 *     next clip norm where it is adaptive; otherwise empty
 * @param modelFailed whether the noisy model, or what it is computed with, fails on public text: no
 *     round that is charged after that could train anything. Says nothing about any user
 */
public record RoundExecuted(long epoch, long round, List<Double> answer, boolean modelFailed) {
  public RoundExecuted {
    Checks.atLeast("epoch", epoch, 1);
    Checks.atLeast("round", round, 1);
    answer = List.copyOf(answer);
  }

  /** A round after which the model works. */
  public RoundExecuted(long epoch, long round, List<Double> answer) {
    this(epoch, round, answer, /* modelFailed= */ false);
  }

  /** A round on whose outcome no later mechanism depends. */
  public RoundExecuted(long epoch, long round) {
    this(epoch, round, List.of());
  }

  /** A round after which the model fails on public text. */
  public static RoundExecuted withFailedModel(long epoch, long round) {
    return new RoundExecuted(epoch, round, List.of(), /* modelFailed= */ true);
  }
}
