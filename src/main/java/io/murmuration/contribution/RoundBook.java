package io.murmuration.contribution;

import io.murmuration.contribution.SamplerHistory.Gap;
import io.murmuration.contribution.SamplerHistory.Partition;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one attempt of the sampler knows of rounds, where users have a lifetime: from which round a
 * record counts, and how many rounds count for a user. docs/horizons.md proves that a user is never
 * in more rounds than these rules count, whatever was restored, and by whom.
 *
 * <p>A round <em>touches</em> a user if in the attempt that charged it something live was kept of
 * the user at its tick, and the record that began the user's stretch was written before the round
 * was charged. Guarantee: when a round is granted in this attempt, the user's {@link #count} is at
 * least the number of rounds up to it that touch the user, in whatever attempt.
 *
 * <table>
 *   <caption>Edge cases</caption>
 *   <tr><td>a record arrives between the grant of a round and its watermark</td><td>it counts from
 *       that round</td></tr>
 *   <tr><td>a record is read again after a restore</td><td>it counts from the first round that it
 *       can have joined before</td></tr>
 *   <tr><td>another restore before all of these are read</td><td>the earliest such round and the
 *       latest end of the topic stay</td></tr>
 *   <tr><td>another attempt charged rounds that this state does not know</td><td>they count for
 *       everybody of whom something was kept after the last round that it does know</td></tr>
 *   <tr><td>a stretch ended a while ago</td><td>rounds after its end do not count, if their ticks
 *       are still known</td></tr>
 *   <tr><td>a round is charged and never run</td><td>it counts</td></tr>
 *   <tr><td>a new generation</td><td>counts are those of its own rounds</td></tr>
 * </table>
 *
 * <p>Mutable and not thread-safe. {@link #snapshot} belongs into the state.
 */
public final class RoundBook {

  /** No fingerprint: records were read under other rules before these were found to differ. */
  private static final String MIXED = "mixed";

  private final SamplerIdentity identity;
  private final Optional<SamplerHistory> restored;
  private final String clusterId;
  private final String topicId;
  private final List<Gap> gaps = new ArrayList<>();
  private final Map<Integer, Partition> partitions = new HashMap<>();

  /** Whether the budget's epoch was compared with the state and may go on with it. */
  private boolean accepted;

  private Horizon horizon;
  private IntakeLimit limit;
  private RecentRounds recent;
  private long lastRound;
  private long nextRound = 1;

  /**
   * Opens the book, before any record is read.
   *
   * @param input the topic as it is now
   * @throws IllegalArgumentException if the state is not one that may go on with this topic, with
   *     the reasons
   */
  RoundBook(SamplerIdentity identity, Optional<SamplerHistory> restored, InputOffsets input) {
    this.identity = identity;
    this.restored = restored;
    clusterId = input.clusterId();
    topicId = input.topicId();
    restored.ifPresent(
        before -> {
          horizon = before.horizon();
          lastRound = before.lastRound();
          nextRound = before.nextRound();
          gaps.addAll(before.gaps());
          partitions.putAll(before.partitions());
        });
    recent = new RecentRounds(lastRound, /* knownFrom= */ Long.MAX_VALUE);
    for (int i = 0; i < input.partitions(); i++) {
      partitions.putIfAbsent(i, Partition.beginningAt(input.begins().get(i)));
    }
    refuse(faults(input));
  }

  private List<String> faults(InputOffsets input) {
    List<String> faults = new ArrayList<>();
    if (input.partitions() != identity.partitions()) {
      faults.add(
          "the topic of events has %d partitions but %d are configured; a user's events must stay in one partition, so the number stays for the life of a generation"
              .formatted(input.partitions(), identity.partitions()));
    }
    if (restored.isEmpty()) {
      return faults;
    }
    SamplerHistory before = restored.get();
    if (!before.identity().idKey().equals(identity.idKey())) {
      faults.add(
          "the state is keyed under another id key (fingerprint %s) than the configured one (%s); configure that key, or begin a new generation without this state"
              .formatted(before.identity().idKey(), identity.idKey()));
    }
    if (!before.clusterId().equals(clusterId) || !before.topicId().equals(topicId)) {
      faults.add(
          "the state was read from topic %s of cluster %s but this is topic %s of cluster %s, where the same records cannot be read again; go back to that topic, or begin a new generation without this state"
              .formatted(before.topicId(), before.clusterId(), topicId, clusterId));
    }
    return faults;
  }

  private static void refuse(List<String> faults) {
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "Users' lifetimes cannot be counted on: " + String.join("; ", faults));
    }
  }

  // ---- what the budget says ----

  /**
   * An epoch starts.
   *
   * @throws IllegalArgumentException if this sampler must not go on in it, with the reasons
   */
  void startEpoch(EpochStart start) {
    InputOffsets input = start.input();
    if (input == null) {
      // fenced before it began: nothing is granted here, and no round becomes known
      recent = new RecentRounds(lastRound, start.firstTick());
      return;
    }
    List<String> faults = faults(input);
    addFaults(start, input, faults);
    refuse(faults);
    if (!hasBegun(start)) {
      // no round counts that any record read so far can have been in
      partitions.replaceAll((number, partition) -> partition.caughtUp());
    } else if (chargedSince(start)) {
      if (start.lastRound() > lastRound) {
        gaps.add(new Gap(lastRound, start.lastRound()));
      }
      partitions.replaceAll(
          (number, partition) -> partition.caughtUpFrom(nextRound, input.end(number)));
    }
    accepted = true;
    horizon = start.horizon();
    lastRound = start.lastRound();
    nextRound = lastRound + 1;
    recent = new RecentRounds(lastRound, start.firstTick());
  }

  private void addFaults(EpochStart start, InputOffsets input, List<String> faults) {
    if (!hasBegun(start)) {
      // whatever the state is, nobody has spent anything of this generation
      return;
    }
    if (restored.isEmpty() && !accepted) {
      faults.add(
          "the sampler has no state but round %d is charged in generation %d, so that it cannot know how much of their lifetimes users have spent; start from a savepoint or checkpoint that holds it, or begin a new generation"
              .formatted(start.lastRound(), start.horizon().generation()));
      return;
    }
    if (!chargedSince(start)) {
      // what is read again was in no round
      return;
    }
    if (!ruledAsNow()) {
      faults.add(
          "rounds were charged after this state was taken, and records that were valid then may not"
              + " be under the rules for events as they are configured now; start with the rules as"
              + " they were, or from the savepoint that the job was stopped with");
    }
    partitions.forEach(
        (number, partition) -> {
          long begin = input.begins().get(number);
          if (partition.seen() == partition.first() && begin > partition.first()) {
            faults.add(
                "partition %d begins at offset %d now but at %d when nothing of it was read yet; what was read of it since cannot be read again; begin a new generation"
                    .formatted(number, begin, partition.first()));
          }
        });
  }

  private static boolean hasBegun(EpochStart start) {
    return start.horizon() != null && start.horizon().hasBegun(start.lastRound());
  }

  /** Whether records that this state has not read may have been in a round. */
  private boolean chargedSince(EpochStart start) {
    return start.lastRound() > lastRound || nextRound <= lastRound;
  }

  private boolean ruledAsNow() {
    return restored.map(before -> before.identity().equals(identity)).orElse(true);
  }

  /** How far the topic was written before the round was charged whose grant comes next. */
  void limit(IntakeLimit before) {
    limit = before;
  }

  /** A round was granted; records may join it until its timers have fired. */
  void granted(Grant grant) {
    horizon = grant.horizon() == null ? horizon : grant.horizon();
    nextRound = nextRound > lastRound ? grant.round() : nextRound;
    lastRound = grant.round();
    recent.charged(grant.tick(), grant.round());
  }

  /** The timers of every granted round have fired. */
  void fired() {
    nextRound = lastRound + 1;
  }

  // ---- records ----

  /**
   * A record was read.
   *
   * @throws IllegalArgumentException if it is of a partition that the topic did not have
   */
  void saw(int partition, long offset) {
    if (!partitions.containsKey(partition)) {
      throw new IllegalArgumentException(
          "Users' lifetimes cannot be counted on: the topic of events had %d partitions but now there is partition %d, and users' events no longer stay in one; begin a new generation"
              .formatted(identity.partitions(), partition));
    }
    partitions.computeIfPresent(partition, (number, before) -> before.seen(offset));
  }

  /** The first round that counts for a user by this record. */
  long firstRoundOf(int partition, long offset) {
    Partition known = partitions.get(partition);
    return offset < known.end() ? Math.min(known.floor(), nextRound) : nextRound;
  }

  // ---- users ----

  /** A stretch that begins with a record. */
  Stretch begin(Lifetime past, int partition, long offset) {
    int generation = horizon == null ? past.generation() : horizon.generation();
    return new Stretch(
        generation, usedBefore(past), firstRoundOf(partition, offset), partition, offset);
  }

  /** What a stretch becomes with one more record of it. */
  Stretch extend(Stretch stretch, int partition, long offset) {
    Stretch earlier = stretch.from(firstRoundOf(partition, offset));
    return isWithinLimit(earlier) ? earlier.confirmed() : earlier;
  }

  /** Rounds that have counted so far, those that others charged meanwhile included. */
  private long usedBefore(Lifetime past) {
    boolean other = horizon != null && past.generation() != horizon.generation();
    long used = other ? 0 : past.used();
    for (Gap gap : gaps) {
      if (gap.from() <= past.end() && past.end() < gap.to()) {
        used += rounds(past.end() + 1, gap.to());
      }
    }
    return used;
  }

  /** Whether the user may take part no more. */
  boolean isRetired(Lifetime past) {
    return horizon != null
        && past.generation() == horizon.generation()
        && usedBefore(past) >= horizon.rounds();
  }

  /** Whether the user may take part in no round any more, not in one that is in flight either. */
  boolean isRetired(Stretch stretch) {
    return horizon != null && count(stretch, nextRound) > horizon.rounds();
  }

  /** Whether the user may take part in no round after this one. */
  boolean isRetiredAfter(Stretch stretch, long round) {
    return horizon != null && count(stretch, round + 1) > horizon.rounds();
  }

  /** Rounds that count for a user up to and including a round. */
  long count(Stretch stretch, long round) {
    boolean other = horizon != null && stretch.generation() != horizon.generation();
    return (other ? 0 : stretch.used()) + rounds(stretch.start(), round);
  }

  private long rounds(long from, long to) {
    return RoundSpan.count(horizon == null ? from : Math.max(from, horizon.firstRound()), to);
  }

  /** Whether a user may take part in a granted round. */
  boolean mayTakePart(Stretch stretch, Grant grant) {
    return grant.horizon() == null
        || (isWithinLimit(stretch)
            && limitIsOf(grant)
            && count(stretch, grant.round()) <= grant.horizon().rounds());
  }

  private boolean limitIsOf(Grant grant) {
    return limit != null && limit.epoch() == grant.epoch() && limit.round() == grant.round();
  }

  private boolean isWithinLimit(Stretch stretch) {
    return stretch.offset() == Stretch.CONFIRMED
        || (limit != null && stretch.offset() < limit.input().end(stretch.partition()));
  }

  /** What stays of a user whose last live example was gone from a tick on. */
  Lifetime endedAt(Stretch stretch, long tick) {
    return ended(stretch, recent.lastBefore(tick));
  }

  /** What stays of a user of whom nothing is kept from now on. */
  Lifetime endedNow(Stretch stretch) {
    return ended(stretch, lastRound);
  }

  private Lifetime ended(Stretch stretch, long end) {
    int generation = horizon == null ? stretch.generation() : horizon.generation();
    long used = count(stretch, end);
    return new Lifetime(generation, used, end, horizon != null && used >= horizon.rounds());
  }

  /** What belongs into the state. */
  SamplerHistory snapshot() {
    return new SamplerHistory(
        accepted || ruledAsNow() ? identity : mixed(restored.get().identity()),
        clusterId,
        topicId,
        horizon,
        lastRound,
        nextRound,
        gaps,
        partitions);
  }

  private static SamplerIdentity mixed(SamplerIdentity before) {
    return new SamplerIdentity(before.idKey(), MIXED, before.partitions());
  }
}
