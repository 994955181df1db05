package io.murmuration.training;

import io.murmuration.release.RoundRelease;
import java.io.Serializable;
import java.util.List;

/**
 * Executes granted rounds one after the other and keeps the model between them.
 *
 * <p>Used by one thread at a time, which need not be the one that created it.
 */
public interface RoundTrainer extends AutoCloseable {

  /**
   * What a round leaves behind.
   *
   * @param release the noisy model, on its way to the publisher
   * @param outcome the trainer's state after the round, and statistics for inside the trust
   *     boundary
   * @param answer the noised numbers that the privacy budget wants back; see {@link
   *     io.murmuration.privacy.mechanism.RoundExecuted}
   */
  record ExecutedRound(RoundRelease release, RoundOutcome outcome, List<Double> answer) {

    /** A round on whose outcome no later mechanism depends. */
    public ExecutedRound(RoundRelease release, RoundOutcome outcome) {
      this(release, outcome, List.of());
    }
  }

  /**
   * Executes one round. An empty cohort is executed like any other. Nothing that a user sent makes
   * it throw.
   *
   * @throws RoundInterruptedException if the thread is interrupted before the round is complete
   */
  ExecutedRound execute(CohortBuffer.Cohort cohort);

  /** Continues from a restored state; called before the first round. */
  void restore(TrainerState state);

  @Override
  void close();

  /** Creates the trainer on the task manager. */
  interface Factory extends Serializable {

    /**
     * Loads the model, which may take seconds.
     *
     * @throws RuntimeException naming file and fault if the model cannot be loaded
     */
    RoundTrainer create();
  }
}
