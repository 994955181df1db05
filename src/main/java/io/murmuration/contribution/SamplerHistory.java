package io.murmuration.contribution;

import io.murmuration.privacy.mechanism.Horizon;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What a subtask of the sampler knows of rounds and of the topic when it is snapshot. Union list
 * state: after a restore every subtask has what all of them knew. It is a witness too: a sampler
 * without it must not go on where rounds were charged.
 *
 * @param identity what decides about records
 * @param clusterId the topic's cluster
 * @param topicId the topic
 * @param horizon the lifetime that was counted; null if none had begun
 * @param lastRound the last round that was known; 0 for none
 * @param nextRound the first round that a record may still have joined that was not read yet
 * @param gaps rounds that others charged, of which this state cannot know who was in them
 * @param partitions how far each partition was read, by its number
 */
record SamplerHistory(
    SamplerIdentity identity,
    String clusterId,
    String topicId,
    Horizon horizon,
    long lastRound,
    long nextRound,
    List<Gap> gaps,
    Map<Integer, Partition> partitions) {

  /** Rounds after {@code from} up to and including {@code to}. */
  record Gap(long from, long to) {}

  /**
   * One partition.
   *
   * @param first where it began when it was first looked at
   * @param seen one more than the largest offset that was read, {@code first} if none was
   * @param end records before it may have been in rounds of earlier attempts
   * @param floor the round from which such records count
   */
  record Partition(long first, long seen, long end, long floor) {

    /** A partition of which no attempt has read anything. */
    static Partition beginningAt(long first) {
      return new Partition(first, first, /* end= */ 0, /* floor= */ Long.MAX_VALUE);
    }

    Partition seen(long offset) {
      return offset < seen ? this : new Partition(first, offset + 1, end, floor);
    }

    /** Nothing that can be read again was in a round that counts. */
    Partition caughtUp() {
      return new Partition(first, seen, /* end= */ 0, /* floor= */ Long.MAX_VALUE);
    }

    /** What was written before {@code newEnd} may have joined rounds from {@code newFloor} on. */
    Partition caughtUpFrom(long newFloor, long newEnd) {
      return new Partition(
          first, seen, Math.max(end, newEnd), isPassed() ? newFloor : Math.min(floor, newFloor));
    }

    /** Whether every record that may have been in an earlier round has been read. */
    boolean isPassed() {
      return seen >= end;
    }
  }

  SamplerHistory {
    Objects.requireNonNull(identity, "identity");
    gaps = List.copyOf(gaps);
    partitions = Map.copyOf(partitions);
  }

  /**
   * What all subtasks knew. At a barrier, which is aligned, they know of the same rounds, and of
   * every record before the largest offset that any of them has seen, each in its own part of the
   * users.
   */
  static SamplerHistory merge(List<SamplerHistory> parts) {
    SamplerHistory first = parts.get(0);
    long lastRound = first.lastRound;
    long nextRound = first.nextRound;
    Map<Integer, Partition> partitions = new TreeMap<>();
    for (SamplerHistory part : parts) {
      lastRound = Math.min(lastRound, part.lastRound);
      nextRound = Math.min(nextRound, part.nextRound);
      part.partitions.forEach(
          (number, partition) ->
              partitions.merge(
                  number,
                  partition,
                  (a, b) ->
                      new Partition(
                          Math.min(a.first, b.first),
                          Math.max(a.seen, b.seen),
                          Math.max(a.end, b.end),
                          Math.min(a.floor, b.floor))));
    }
    return new SamplerHistory(
        first.identity,
        first.clusterId,
        first.topicId,
        first.horizon,
        lastRound,
        nextRound,
        new ArrayList<>(first.gaps),
        partitions);
  }
}
