package io.murmuration.privacy.audit;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * One score for each canary, higher for those who seem to have taken part, and the coins that only
 * the auditor knows.
 */
public final class CanaryScores {

  private final double[] scores;
  private final boolean[] included;
  private final double[] sortedIn;
  private final double[] sortedOut;

  /**
   * Scores and coins in the same order.
   *
   * @param scores one a canary, none NaN
   * @param included whether the canary took part, by a fair coin that the scores' maker did not see
   * @throws IllegalArgumentException if lengths differ, nobody is there, or a score is NaN
   */
  public CanaryScores(double[] scores, boolean[] included) {
    if (scores.length == 0 || scores.length != included.length) {
      throw new IllegalArgumentException(
          "canaries need one score and one coin each but there are %d scores and %d coins"
              .formatted(scores.length, included.length));
    }
    for (int i = 0; i < scores.length; i++) {
      if (Double.isNaN(scores[i])) {
        throw new IllegalArgumentException("the score of canary " + i + " must not be NaN");
      }
    }
    this.scores = scores.clone();
    this.included = included.clone();
    this.sortedIn = sorted(true);
    this.sortedOut = sorted(false);
  }

  private double[] sorted(boolean in) {
    return IntStream.range(0, scores.length)
        .filter(i -> included[i] == in)
        .mapToDouble(i -> scores[i])
        .sorted()
        .toArray();
  }

  /** m: how many canaries there are. */
  public int canaries() {
    return scores.length;
  }

  /** How many of them took part. */
  public int in() {
    return sortedIn.length;
  }

  /** How many of them did not. */
  public int out() {
    return sortedOut.length;
  }

  /** Every threshold that tells canaries apart: the distinct scores, ascending. */
  public double[] thresholds() {
    return Arrays.stream(scores).sorted().distinct().toArray();
  }

  /** How many of those who took part score at least the threshold. */
  public int inAtLeast(double threshold) {
    return atLeast(sortedIn, threshold);
  }

  /** How many of those who did not take part score at least the threshold. */
  public int outAtLeast(double threshold) {
    return atLeast(sortedOut, threshold);
  }

  private static int atLeast(double[] sorted, double threshold) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] >= threshold) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return sorted.length - low;
  }

  /**
   * Guesses that the ⌈r/2⌉ canaries of the highest scores were in and the ⌊r/2⌋ of the lowest were
   * out. Equal scores are taken in the order of the canaries, which knows nothing of the coins.
   *
   * @param guesses r in [0, m], fixed before the scores were seen
   */
  public Guesses guess(int guesses) {
    if (guesses < 0 || guesses > scores.length) {
      throw new IllegalArgumentException(
          "guesses must be between 0 and the %d canaries but are %d"
              .formatted(scores.length, guesses));
    }
    Integer[] order = IntStream.range(0, scores.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble((Integer i) -> -scores[i]).thenComparing(i -> i));
    int in = (guesses + 1) / 2;
    int correct = 0;
    for (int i = 0; i < in; i++) {
      correct += included[order[i]] ? 1 : 0;
    }
    for (int i = scores.length - (guesses - in); i < scores.length; i++) {
      correct += included[order[i]] ? 0 : 1;
    }
    return new Guesses(scores.length, guesses, correct);
  }
}
