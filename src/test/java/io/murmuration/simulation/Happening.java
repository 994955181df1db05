package io.murmuration.simulation;

import io.murmuration.privacy.budget.DurabilityGate;
import java.util.Optional;

/** What happened in a life, to show that it was eventful. */
enum Happening {
  GRANT,
  EXECUTED,
  DURABLE,
  MODEL_ANNOUNCED,
  MODEL_EVICTED,
  EMPTY_COHORT,
  ACKNOWLEDGEMENT_LOST,
  ACKNOWLEDGEMENT_REPEATED,
  PUBLISHED,
  PUBLISHED_BEFORE,
  COMMIT_RETRIED,
  CHECKPOINT,
  NOTIFICATION_LOST,
  NOTIFICATION_DISORDERED,
  BUDGET_SPENT,
  BUDGET_RAISED,
  OUTDATED_TERMS_REFUSED,
  FENCED,
  LOST_APPEND,
  UNACKNOWLEDGED_APPEND,
  BROKER_AWAY,
  CRASH,
  STOPPED_WITH_SAVEPOINT,
  WASTED_EPOCH,
  FRESH_START,
  RESTORE,
  FORK,
  ZOMBIE_STEP,
  WAITED_FOR_THE_FIRST_CHECKPOINT,
  WAITED_FOR_DURABILITY,
  WAITED_FOR_A_PAUSE,
  WAITED_FOR_A_PERSON;

  /** That a charge waited, if it did. */
  static Optional<Happening> of(DurabilityGate.Verdict verdict) {
    return switch (verdict) {
      case FIRST_CHECKPOINT -> Optional.of(WAITED_FOR_THE_FIRST_CHECKPOINT);
      case DURABILITY -> Optional.of(WAITED_FOR_DURABILITY);
      case PAUSE -> Optional.of(WAITED_FOR_A_PAUSE);
      case PERSON -> Optional.of(WAITED_FOR_A_PERSON);
      case OPEN, EPOCH, STOPPING -> Optional.empty();
    };
  }
}
