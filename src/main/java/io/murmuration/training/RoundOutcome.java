package io.murmuration.training;

import java.util.List;

/**
 * One executed round.
 *
 * @param state the noisy model: safe to release
 * @param statistics exact functions of private data: inside the trust boundary, never released
 * @param answer noised numbers on which later mechanisms depend: safe to release
 * @param timing where the time went; it depends on the cohort, so it is never released either
 */
public record RoundOutcome(
    TrainerState state, Statistics statistics, Timing timing, List<Double> answer) {

  public RoundOutcome {
    answer = List.copyOf(answer);
  }

  /** A round on whose outcome no later mechanism depends. */
  public RoundOutcome(TrainerState state, Statistics statistics, Timing timing) {
    this(state, statistics, timing, List.of());
  }

  /** The same with what the sum took, where it was taken here. */
  RoundOutcome withGradientNanos(long gradientNanos) {
    return new RoundOutcome(
        state,
        statistics,
        new Timing(gradientNanos, timing.noiseNanos(), timing.updateNanos()),
        answer);
  }

  /**
   * Statistics of the cohort; see {@link ClippedSum}.
   *
   * @param lossSum sum over contributing slices of their mean loss in nats per token
   */
  public record Statistics(long slices, long clipped, long zeroed, long tokens, double lossSum) {

    /** The statistics of a round that does not train. */
    static final Statistics NONE = new Statistics(0, 0, 0, 0, 0);

    static Statistics of(ClippedSum sum) {
      return new Statistics(sum.slices(), sum.clipped(), sum.zeroed(), sum.tokens(), sum.lossSum());
    }
  }

  /** Parts of a round in nanoseconds; gradients 0 where their sum came from workers. */
  public record Timing(long gradientNanos, long noiseNanos, long updateNanos) {}
}
