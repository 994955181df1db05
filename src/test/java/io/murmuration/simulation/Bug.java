package io.murmuration.simulation;

/** A mistake planted to see that the invariants catch it. */
enum Bug {
  /** None: the code as it is. */
  NONE(""),
  /** A grant leaves although nobody knows whether its charge is durable. */
  GRANT_BEFORE_ACKNOWLEDGEMENT("a grant without a charge"),
  /** The ledger is read first and fenced afterwards. */
  READ_BEFORE_FENCING("the ledger broke"),
  /** What is spent is taken from the restored state. */
  ROUNDS_FROM_STATE("the ledger broke"),
  /** Time goes on from the restored state, so that a rollback meets its ticks again. */
  TICK_CHARGED_TWICE_AFTER_ROLLBACK("an entry was due that cannot follow"),
  /** Rounds in flight are part of a snapshot and run after a restore. */
  ROUNDS_IN_FLIGHT_SURVIVE_RESTORE("a round is executed twice"),
  /** A release becomes visible when it is written. */
  COMMIT_BEFORE_CHECKPOINT("visible before a checkpoint that holds it completed"),
  /** Charging waits for no round to be durable. */
  GATE_OFF("a failure would lose more rounds than the terms allow"),
  /** A checkpoint counts although its barrier passed before the epoch's start. */
  ANY_CHECKPOINT_OPENS_THE_GATE("a grant before a checkpoint of its epoch completed"),
  /** A notification settles all that is acknowledged by then. */
  SETTLE_WHAT_IS_ACKNOWLEDGED("a failure would lose more rounds than the terms allow"),
  /** What is acknowledged is noted when the snapshot is complete, not before its barrier. */
  NOTE_AFTER_THE_BARRIER("a failure would lose more rounds than the terms allow"),
  /** Charging goes on after the snapshot that the job ends with. */
  CHARGE_WHILE_STOPPING("a charge that no checkpoint will follow"),
  /** The seed of the noise is part of a snapshot. */
  NOISE_FROM_RESTORED_SEED("noise is used twice"),
  /** A worker's partial sum is added again. */
  PARTIAL_ADDED_TWICE("a sum is not that of its cohort"),
  /** A worker's partial sum is left out. */
  PARTIAL_MISSING("a sum is not that of its cohort"),
  /** What a dead attempt had added up is part of the next round's sum. */
  PARTIAL_OF_A_DEAD_EPOCH("a sum is not that of its cohort"),
  /** A worker goes on with the parameters that it has, whatever is announced. */
  STALE_MODEL("a sum is not that of its cohort"),
  /** Whoever puts parameters into the store deletes those of everybody else. */
  PARAMETERS_OF_OTHERS_DELETED("the model of a live attempt is gone"),
  /** Every worker adds noise to its part. */
  NOISE_BY_EVERY_WORKER("a sum is not that of its cohort"),
  /** The noise is divided by the number of workers. */
  NOISE_DIVIDED_BY_WORKERS("noise is not that of its draws"),
  /** Correlated noise has none below the unit of sums. */
  NOISE_ON_THE_COARSE_GRID("a mixture of sums has no noise below the unit"),
  /** What noise goes on from is part of a snapshot. */
  NOISE_GOES_ON_AFTER_A_RESTORE("a contribution is larger than its bound"),
  /** Noise goes on from the round that was executed last, whatever was charged since. */
  NOISE_GOES_ON_AFTER_A_VOID_ROUND("rounds of a user are not orthogonal"),
  /** Users' turns follow public time. */
  TURNS_BY_TICK("rounds of a user are closer than turns are"),
  /** Users' turns follow what this attempt has executed. */
  TURNS_BY_GRANTS_SEEN("rounds of a user are closer than turns are"),
  /** Each attempt draws users' turns by a key of its own. */
  TURNS_OF_ANOTHER_KEY("rounds of a user are closer than turns are"),
  /** Examples take turns, not users. */
  TURNS_OF_EXAMPLES("rounds of a user are closer than turns are");

  private final String violation;

  Bug(String violation) {
    this.violation = violation;
  }

  /** What the audit says of it. */
  String violation() {
    return violation;
  }
}
