package io.murmuration.privacy.mechanism;

import java.io.Serializable;
import java.util.List;

/**
 * What a round sums over the units that it sampled. Part of its mechanism: public, and fixed before
 * the round's data is looked at.
 *
 * <p>Whatever is summed, one unit moves the sum by at most the mechanism's clip norm in L2, and the
 * noise has that many times the noise multiplier as its standard deviation. So a calibration is
 * accounted for like a round of training, and charged like one.
 */
public sealed interface RoundQuery extends Serializable {

  /** An update of the model, clipped to the mechanism's clip norm. */
  RoundQuery UPDATE = new ModelUpdate(/* adaptive= */ null);

  /** Whether the round measures something for the phases to come and leaves the model alone. */
  boolean isCalibration();

  /**
   * How many noised numbers come back to the privacy budget with the acknowledgement of the round.
   */
  int answerSize();

  /**
   * What one unit moves the sum by at most in L2. The accounting rests on it, and the noise that is
   * added has as many times the mechanism's noise multiplier as its standard deviation.
   *
   * @param clipNorm of the mechanism
   */
  double sensitivity(double clipNorm);

  /** What the round is for, in a few words for people. */
  String purpose();

  /**
   * Gradients of the model.
   *
   * @param adaptive how the clip norm follows the norms of the updates; null if it stays
   */
  record ModelUpdate(AdaptiveClipping adaptive) implements RoundQuery {

    @Override
    public boolean isCalibration() {
      return false;
    }

    /** The clip norm of the next round, where it is adaptive. */
    @Override
    public int answerSize() {
      return adaptive == null ? 0 : 1;
    }

    /** The clip norm: updates are clipped to it. */
    @Override
    public double sensitivity(double clipNorm) {
      return clipNorm;
    }

    @Override
    public String purpose() {
      return adaptive == null ? "training" : "training, clip norm adapts from C";
    }
  }

  /**
   * How many users sent how many events in the last complete window. Every user who sent any is
   * counted in one bin, so the clip norm is 1.
   *
   * @param upperBounds largest count of each bin, ascending, the first at least 1; the last bin
   *     holds whatever is above as well
   */
  record CountHistogram(List<Integer> upperBounds) implements RoundQuery {

    public CountHistogram {
      upperBounds = List.copyOf(upperBounds);
      requireAscending("upper bounds of count bins", upperBounds);
    }

    /** The bin of a user with so many events, which must be at least one. */
    public int binOf(long count) {
      for (int bin = 0; bin < upperBounds.size() - 1; bin++) {
        if (count <= upperBounds.get(bin)) {
          return bin;
        }
      }
      return upperBounds.size() - 1;
    }

    @Override
    public boolean isCalibration() {
      return true;
    }

    /** One number a bin. */
    @Override
    public int answerSize() {
      return upperBounds.size();
    }

    /** 1: a user is counted in one bin. */
    @Override
    public double sensitivity(double clipNorm) {
      return 1;
    }

    @Override
    public String purpose() {
      return "calibration: events a user";
    }
  }

  /**
   * Norms of sampled users' mean gradients at each candidate of the contribution bound, one
   * histogram a candidate. A user has weight one in each of the J histograms, so the clip norm is
   * √J.
   *
   * @param groupSizes the candidates, ascending, at least one
   * @param smallestNorm centre of the first bin; smaller norms count as it
   * @param ratio of neighbouring centres, above 1
   * @param bins number of bins of each histogram, at least 2; larger norms count as the last
   */
  record NormHistograms(List<Integer> groupSizes, double smallestNorm, double ratio, int bins)
      implements RoundQuery {

    public NormHistograms {
      groupSizes = List.copyOf(groupSizes);
      requireAscending("candidates of the group size", groupSizes);
      if (!(smallestNorm > 0 && smallestNorm < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "the smallest norm must be positive and finite but is " + smallestNorm);
      }
      if (!(ratio > 1 && ratio < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "the ratio of neighbouring norms must be above 1 and finite but is " + ratio);
      }
      Checks.atLeast("bins", bins, 2);
    }

    @Override
    public boolean isCalibration() {
      return true;
    }

    /** All histograms, one behind the other. */
    @Override
    public int answerSize() {
      return groupSizes.size() * bins;
    }

    /** √J: a user has weight one in each of J histograms. */
    @Override
    public double sensitivity(double clipNorm) {
      return Math.sqrt(groupSizes.size());
    }

    @Override
    public String purpose() {
      return "calibration: norms of updates";
    }
  }

  private static void requireAscending(String what, List<Integer> values) {
    if (values.isEmpty() || values.get(0) < 1) {
      throw new IllegalArgumentException(
          "the %s must be at least one number from 1 but are %s".formatted(what, values));
    }
    for (int i = 1; i < values.size(); i++) {
      if (values.get(i) <= values.get(i - 1)) {
        throw new IllegalArgumentException("the %s must ascend but are %s".formatted(what, values));
      }
    }
  }
}
