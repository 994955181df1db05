package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.GrantGate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.state.StateInitializationContext;

/**
 * What one subtask keeps beside its users, as union list state: after a restore every subtask has
 * what all of them knew.
 *
 * <ul>
 *   <li>{@code last-epoch}: the last epoch that was seen; the largest counts;
 *   <li>{@code history}, where users have a lifetime: what is known of rounds and of the topic.
 * </ul>
 */
final class SamplerState {

  private final ListState<Long> epochs;

  /** Null where users have no lifetime. */
  private final ListState<SamplerHistory> histories;

  /**
   * @param counting whether users have a lifetime
   * @throws SuppressRestartsException if the state is of a job where they had one and now have
   *     none, or the other way round
   */
  SamplerState(StateInitializationContext context, boolean counting) throws Exception {
    OperatorStateStore store = context.getOperatorStateStore();
    epochs = store.getUnionListState(UserState.lastEpoch());
    if (!counting) {
      refuseCounts(store);
      histories = null;
      return;
    }
    histories = store.getUnionListState(UserState.history());
    if (context.isRestored() && history().isEmpty()) {
      throw new SuppressRestartsException(
          new IllegalArgumentException(
              "The restored state of the sampler counts no lifetimes, so that it cannot know how"
                  + " much of theirs users have spent: it is of a job without horizon.enabled, or"
                  + " of another uid. Start without it: another domain, or a new generation"
                  + " (--new-generation)"));
    }
  }

  /**
   * What counts nothing must not read on from a state that counts: whoever went on from there with
   * lifetimes would not know of the records in between.
   */
  private static void refuseCounts(OperatorStateStore store) {
    if (store.getRegisteredStateNames().contains(UserState.history().getName())) {
      throw new SuppressRestartsException(
          new IllegalArgumentException(
              "The restored state of the sampler counts users' lifetimes but this job would count"
                  + " none: start it with horizon.enabled: true, or without this state"));
    }
  }

  /** The last epoch that any subtask had seen; {@link GrantGate#UNKNOWN} if none had. */
  long lastEpoch() throws Exception {
    long last = GrantGate.UNKNOWN;
    for (long epoch : epochs.get()) {
      last = Math.max(last, epoch);
    }
    return last;
  }

  /** What all subtasks knew of rounds; empty at a start without state. */
  Optional<SamplerHistory> history() throws Exception {
    List<SamplerHistory> parts = new ArrayList<>();
    histories.get().forEach(parts::add);
    return parts.isEmpty() ? Optional.empty() : Optional.of(SamplerHistory.merge(parts));
  }

  /**
   * Writes what belongs into a snapshot.
   *
   * @param history empty where users have no lifetime
   */
  void update(long lastEpoch, Optional<SamplerHistory> history) throws Exception {
    epochs.update(List.of(lastEpoch));
    if (history.isPresent()) {
      histories.update(List.of(history.get()));
    }
  }
}
