package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Horizon;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a subtask of the sampler knows of rounds and of the topic when it is snapshot. Union list
 * state: after a restore every subtask has what all of them knew. It is a witness too: a sampler
 * without it must not go on where rounds were charged.
 *
 * @param identity what decides about records
 * @param topic the topic that was read; null before the first epoch that this state knows
 * @param lineage the last epoch in which this state, or one that it goes back to, was counted; 0
 *     for none
 * @param horizon the lifetime that was counted; null if none had begun
 * @param endsEarly whether stretches of users who were erased before an epoch started may have
 *     ended without rounds that were charged meanwhile; only in states of the first version
 * @param lastRound the last round that was known; 0 for none
 * @param nextRound the first round that a record may still have joined that was not read yet
 * @param gaps rounds that others charged, of which this state cannot know who was in them
 * @param partitions how far each partition was read, in their order; empty without a topic
 */
record SamplerHistory(
    SamplerIdentity identity,
    Topic topic,
    long lineage,
    Horizon horizon,
    boolean endsEarly,
    long lastRound,
    long nextRound,
    List<Gap> gaps,
    List<Partition> partitions) {

  /** A topic, which neither one of the same name elsewhere nor one created anew is. */
  record Topic(String clusterId, String topicId) {}

  /**
   * Rounds after {@code from} up to and including {@code to}.
   *
   * @param forEverybody whether they count for everybody whom the state knew; else for those alone
   *     whose last stretch ended when {@code from} was the last round known, which only states of
   *     the first version need
   */
  record Gap(long from, long to, boolean forEverybody) {}

  /**
   * One partition.
   *
   * @param first where it began when it was first looked at; {@link #OTHER_RULES} if it was read
   *     under other rules, before a round was charged
   * @param seen one more than the largest offset that was read, {@code first} if none was
   * @param end records before it may have been in rounds of earlier attempts
   * @param floor the round from which such records count
   */
  record Partition(long first, long seen, long end, long floor) {

    private static final long OTHER_RULES = -1;

    /** A partition of which no attempt has read anything. */
    static Partition beginningAt(long first) {
      return new Partition(first, first, /* end= */ 0, /* floor= */ Long.MAX_VALUE);
    }

    /** Nothing that can be read again was in a round that counts. */
    Partition caughtUp() {
      return new Partition(first, seen, /* end= */ 0, /* floor= */ Long.MAX_VALUE);
    }

    /** What the same records were is no longer known. */
    Partition ofOtherRules() {
      return new Partition(OTHER_RULES, seen, end, floor);
    }

    /**
     * Whether a source without state reads what one with the state that belongs to this would:
     * nothing valid was ever read, and nothing is left out.
     */
    boolean mayBeginAfresh(long offset) {
      return seen == first && offset >= 0 && offset <= first;
    }

    /** What was written before {@code newEnd} may have joined rounds from {@code newFloor} on. */
    Partition caughtUpFrom(long newFloor, long newEnd) {
      return new Partition(
          first, seen, Math.max(end, newEnd), isPassed() ? newFloor : Math.min(floor, newFloor));
    }

    /** Whether every record that may have been in an earlier round has been read. */
    private boolean isPassed() {
      return seen >= end;
    }

    private Partition and(Partition other) {
      return new Partition(
          Math.min(first, other.first),
          Math.max(seen, other.seen),
          Math.max(end, other.end),
          Math.min(floor, other.floor));
    }
  }

  SamplerHistory {
    Objects.requireNonNull(identity, "identity");
    gaps = List.copyOf(gaps);
    partitions = List.copyOf(partitions);
  }

  /**
   * What all subtasks knew. At a barrier, which is aligned, they know of the same rounds, and of
   * every record before the largest offset that any of them has seen, each in its own part of the
   * users; only how far the timers of the last tick have fired differs.
   */
  static SamplerHistory merge(List<SamplerHistory> parts) {
    SamplerHistory first = parts.get(0);
    long nextRound = first.nextRound;
    List<Partition> partitions = new ArrayList<>(first.partitions);
    for (SamplerHistory part : parts) {
      if (!part.knowsTheSameAs(first)) {
        throw new IllegalArgumentException(
            "The subtasks of the sampler must know of the same rounds at a barrier but know %s and %s; is the checkpoint unaligned, or its state put together from two?"
                .formatted(first, part));
      }
      nextRound = Math.min(nextRound, part.nextRound);
      for (int i = 0; i < partitions.size(); i++) {
        partitions.set(i, partitions.get(i).and(part.partitions.get(i)));
      }
    }
    return new SamplerHistory(
        first.identity,
        first.topic,
        first.lineage,
        first.horizon,
        first.endsEarly,
        first.lastRound,
        nextRound,
        first.gaps,
        partitions);
  }

  private boolean knowsTheSameAs(SamplerHistory other) {
    return identity.equals(other.identity)
        && Objects.equals(topic, other.topic)
        && lineage == other.lineage
        && Objects.equals(horizon, other.horizon)
        && endsEarly == other.endsEarly
        && lastRound == other.lastRound
        && gaps.equals(other.gaps)
        && partitions.size() == other.partitions.size();
  }
}
