package io.murmuration.demo;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Asks whether a model has learned what many users talk about, by public sentences about the trend
 * and, for comparison, about the topics of before.
 *
 * <p>A model is given as a function from a text to its mean negative log likelihood in nats per
 * token.
 */
public final class TrendProbe {
  /** A gain counts when it is this many standard errors above zero. */
  private static final double STANDARD_ERRORS = 4;

  private final List<String> oldTopics;
  private final List<String> trend;

  /**
   * @param oldTopics two sentences or more of the time before the trend
   * @param trend two sentences or more about the trend
   */
  public TrendProbe(List<String> oldTopics, List<String> trend) {
    if (oldTopics.size() < 2 || trend.size() < 2) {
      throw new IllegalArgumentException(
          "two sentences of each kind are required, not %d of old topics and %d of the trend"
              .formatted(oldTopics.size(), trend.size()));
    }
    this.oldTopics = List.copyOf(oldTopics);
    this.trend = List.copyOf(trend);
  }

  /** The probe of the demo: {@code messages} public sentences of each kind. */
  public static TrendProbe ofDemo(long seed, int messages) {
    PublicChat text = new PublicChat();
    return new TrendProbe(
        text.heldOutBeforeTrend(seed, messages), text.heldOutTrend(seed, messages));
  }

  /**
   * Losses in nats per token, means over sentences.
   *
   * @param trendGainStandardError standard error of the mean gain on the trend's sentences
   */
  public record Finding(
      double oldTopicsBase,
      double oldTopicsAdapted,
      double trendBase,
      double trendAdapted,
      double trendGainStandardError) {

    /** Whether the trend became more likely beyond what chance explains. */
    public boolean learned() {
      return trendBase - trendAdapted > STANDARD_ERRORS * trendGainStandardError;
    }
  }

  /** Compares an adapted model with its base. */
  public Finding compare(ToDoubleFunction<String> base, ToDoubleFunction<String> adapted) {
    double[] trendBase = Scores.of(base, trend);
    double[] trendAdapted = Scores.of(adapted, trend);
    return new Finding(
        Scores.mean(Scores.of(base, oldTopics)),
        Scores.mean(Scores.of(adapted, oldTopics)),
        Scores.mean(trendBase),
        Scores.mean(trendAdapted),
        Scores.standardError(Scores.gains(trendBase, trendAdapted)));
  }
}
