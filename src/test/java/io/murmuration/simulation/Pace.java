package io.murmuration.simulation;

import java.util.SplittableRandom;

/**
 * How slow the parts of an attempt are: of so many chances to go on, a part takes one. Drawn anew
 * for each attempt (swarm testing: Groce et al., ISSTA 2012). At one pace for everybody, mistakes
 * that need a part to lag far behind another would hardly ever show.
 *
 * @param ledger an answer may come so late that others have got far meanwhile
 * @param clock pulses; time itself passes for the whole life
 * @param source events into the sampler
 * @param feedback what train says to the privacy budget
 * @param workers each of them
 * @param trainer rounds whose sums are whole, and their results
 * @param publisher releases and barriers that wait for it
 * @param checkpoints periodic ones; those that the gate asks for come sooner
 * @param notifications of completed checkpoints
 */
record Pace(
    int ledger,
    int clock,
    int source,
    int feedback,
    int workers,
    int trainer,
    int publisher,
    int checkpoints,
    int notifications) {

  /** When rounds wait for it, the job manager is asked for a checkpoint. */
  private static final int CHECKPOINTS_WHEN_ASKED_FOR = 4;

  static Pace draw(SplittableRandom random) {
    return new Pace(
        one(random, 1, 1, 8, 64),
        one(random, 2, 4, 8),
        one(random, 1, 4, 16),
        one(random, 1, 1, 4),
        one(random, 1, 1, 4),
        one(random, 1, 1, 8),
        one(random, 1, 1, 4, 32),
        one(random, 16, 64, 256),
        one(random, 1, 4, 16));
  }

  private static int one(SplittableRandom random, int... paces) {
    return paces[random.nextInt(paces.length)];
  }

  int checkpoints(boolean askedFor) {
    return askedFor ? Math.min(CHECKPOINTS_WHEN_ASKED_FOR, checkpoints) : checkpoints;
  }
}
