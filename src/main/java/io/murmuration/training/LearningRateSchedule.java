package io.murmuration.training;

import java.io.Serializable;

/**
 * The learning rate by executed round: a linear warm-up from peak / warmupRounds to the peak, then
 * a decay to peak · floorFraction at totalRounds, and the floor from then on. A function of the
 * number of executed rounds alone, which is public.
 *
 * @param peak the highest rate, positive and finite
 * @param decay how it falls after the warm-up
 * @param warmupRounds at least 0
 * @param totalRounds where the decay ends; more than {@code warmupRounds}; unused without decay
 * @param floorFraction the last rate as a fraction of the peak, in [0, 1]; unused without decay
 */
public record LearningRateSchedule(
    double peak, Decay decay, long warmupRounds, long totalRounds, double floorFraction)
    implements Serializable {

  /** How the rate falls. */
  public enum Decay {
    /** The rate does not fall at all. */
    NONE,
    /** The rate falls in a straight line. */
    LINEAR,
    /**
     * The rate falls along half a cosine (Loshchilov and Hutter, arXiv 1608.03983, without
     * restarts).
     */
    COSINE
  }

  public LearningRateSchedule {
    if (!(peak > 0 && peak < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "learning rate must be positive and finite but is " + peak);
    }
    if (decay == null) {
      throw new IllegalArgumentException("learning rate decay is required: none, linear or cosine");
    }
    if (warmupRounds < 0) {
      throw new IllegalArgumentException(
          "learning rate warm-up must be at least 0 rounds but is " + warmupRounds);
    }
    if (decay != Decay.NONE) {
      if (totalRounds <= warmupRounds) {
        throw new IllegalArgumentException(
            "learning rate decay must end after the warm-up of %d rounds but ends at round %d"
                .formatted(warmupRounds, totalRounds));
      }
      if (!(floorFraction >= 0 && floorFraction <= 1)) {
        throw new IllegalArgumentException(
            "learning rate floor must be a fraction in [0, 1] but is " + floorFraction);
      }
    }
  }

  /** The same rate in every round. */
  public static LearningRateSchedule constant(double rate) {
    return new LearningRateSchedule(
        rate, Decay.NONE, /* warmupRounds= */ 0, /* totalRounds= */ 0, /* floorFraction= */ 1);
  }

  /**
   * The rate of one round.
   *
   * @param executedRounds rounds executed before it, at least 0
   */
  public double at(long executedRounds) {
    if (executedRounds < warmupRounds) {
      return peak * (executedRounds + 1) / warmupRounds;
    }
    if (decay == Decay.NONE) {
      return peak;
    }
    double progress =
        Math.min(1, (double) (executedRounds - warmupRounds) / (totalRounds - warmupRounds));
    double left = decay == Decay.LINEAR ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
    return peak * (floorFraction + (1 - floorFraction) * left);
  }
}
