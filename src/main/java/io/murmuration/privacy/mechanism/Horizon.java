package io.murmuration.privacy.mechanism;

import java.io.Serializable;

/**
 * How much of a phase one user may take part in: a lifetime that is counted in rounds, so that the
 * phase itself never ends. A round counts for a user if the user holds a live example at it,
 * sampled or not.
 *
 * @param generation which of the lifetimes that the domain reserved, from 1
 * @param rounds H: the most rounds of this generation that count for a user, at least 1
 * @param firstRound the first round of the generation's training, from 1: calibrations before it
 *     are paid for as if everybody took part
 */
public record Horizon(int generation, long rounds, long firstRound) implements Serializable {
  public Horizon {
    Checks.atLeast("generation", generation, 1);
    Checks.atLeast("rounds of a lifetime", rounds, 1);
    Checks.atLeast("first round of the generation", firstRound, 1);
  }

  /** Whether the generation has charges when this is the last round charged. */
  public boolean hasBegun(long lastRound) {
    return lastRound >= firstRound;
  }
}
