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
  /** Cohorts in flight are part of a snapshot and run after a restore. */
  GRANTS_IN_FLIGHT_SURVIVE_RESTORE("a round is executed twice"),
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
  /** The seed of the noise is part of a snapshot. */
  NOISE_FROM_RESTORED_SEED("noise is used twice");

  private final String violation;

  Bug(String violation) {
    this.violation = violation;
  }

  /** What the audit says of it. */
  String violation() {
    return violation;
  }
}
