package io.murmuration.training;

import io.murmuration.release.RoundRelease;
import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

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
   * Executes one round on the sum over its cohort. An empty cohort is executed like any other.
   * Nothing that a user sent makes it throw.
   *
   * @param stepped told, on the same thread, of the state after a round that changed the model, as
   *     soon as it is known: before the model is tried on public text and the release is written
   * @throws RoundInterruptedException if the thread is interrupted before the round is complete
   * @throws PublicFaultException if the noisy model fails, whoever took part
   */
  ExecutedRound execute(PartialSums.RoundSum sum, Consumer<TrainerState> stepped);

  /** The model as it is: after the last executed round, the restored one, or where it starts. */
  TrainerState state();

  @Override
  void close();

  /** Creates the trainer on the task manager. */
  interface Factory extends Serializable {

    /**
     * Loads the model, which may take seconds.
     *
     * @param restored the state to continue from; where training would begin without it need not
     *     exist any more
     * @throws IllegalArgumentException if what is configured, what is found and the restored state
     *     do not fit: no restart would mend it
     * @throws PublicFaultException if the model fails on public text
     * @throws RuntimeException naming file and fault if the model cannot be loaded now
     */
    RoundTrainer create(Optional<TrainerState> restored);
  }
}
