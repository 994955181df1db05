package io.murmuration.contribution;

/** What samplers send to train: the parts of which a round's cohort is made. */
public sealed interface CohortRecord permits UserSample, UserCounts {

  /** Epoch of the grant that let it out. */
  long epoch();

  /** The granted round. */
  long round();

  /** The grant's tick. */
  long tick();
}
