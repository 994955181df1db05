package io.murmuration.demo;

import java.util.List;
import java.util.function.ToDoubleFunction;

/** What an adapted model gained over its base, text by text. */
final class Scores {
  private Scores() {}

  /** Mean negative log likelihood per token of every text, in nats. */
  static double[] of(ToDoubleFunction<String> model, List<String> texts) {
    return texts.stream().mapToDouble(text -> finite(model.applyAsDouble(text))).toArray();
  }

  /** Says by how many nats per token every text became more likely. */
  static double[] gains(double[] base, double[] adapted) {
    double[] gains = new double[base.length];
    for (int i = 0; i < gains.length; i++) {
      gains[i] = base[i] - adapted[i];
    }
    return gains;
  }

  static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** Standard error of the mean; needs two values or more. */
  static double standardError(double[] values) {
    double mean = mean(values);
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / (values.length - 1) / values.length);
  }

  private static double finite(double score) {
    if (!Double.isFinite(score)) {
      throw new IllegalStateException(
          "the model gives a text the negative log likelihood %s; its weights cannot be sound"
              .formatted(score));
    }
    return score;
  }
}
