package io.murmuration.contribution;

import io.murmuration.contribution.SamplerHistory.Gap;
import io.murmuration.contribution.SamplerHistory.Partition;
import io.murmuration.contribution.SamplerHistory.Topic;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What one attempt of the sampler knows of rounds, where users have a lifetime: from which round a
 * record counts, and how many rounds count for a user. docs/horizons.md proves that a user is never
 * in more rounds than these rules count, whatever was restored, and by whom.
 *
 * <p>A round <em>touches</em> a user if in the attempt that charged it something live was kept of
 * the user at its tick, and the record that began the user's stretch was written before the round
 * was charged. Guarantee: when a round is granted in this attempt and touches the user, the user's
 * {@link #count} is at least the number of rounds up to it that touch the user, in whatever
 * attempt.
 *
 * <table>
 *   <caption>Edge cases</caption>
 *   <tr><td>a record arrives between the grant of a round and its watermark</td><td>it counts from
 *       that round</td></tr>
 *   <tr><td>a record is read again after a restore</td><td>it counts from the first round that it
 *       can have joined before</td></tr>
 *   <tr><td>another restore before all of these are read</td><td>the earliest such round and the
 *       latest end of the topic stay</td></tr>
 *   <tr><td>the attempt that this state is from charged rounds after it</td><td>they count for
 *       whoever had something live then: it goes on from here</td></tr>
 *   <tr><td>other attempts charged rounds that this state does not know</td><td>they may go back to
 *       an older state: they count for everybody whom this one knows</td></tr>
 *   <tr><td>a stretch ended a while ago</td><td>rounds after its end do not count, if their ticks
 *       are still known</td></tr>
 *   <tr><td>the source begins afresh although this state knows records</td><td>refused: what it
 *       leaves out may have been in rounds, and what it reads again may have been read under other
 *       rules</td></tr>
 *   <tr><td>a round is charged and never run</td><td>it counts</td></tr>
 *   <tr><td>a new generation</td><td>counts are those of its own rounds</td></tr>
 * </table>
 *
 * <p>Mutable and not thread-safe. {@link #snapshot} belongs into the state.
 *
 * <p>Long because the rules are one argument, and each of them rests on what the others leave.
 */
final class RoundBook {

  /** No fingerprint: records were read under rules that nothing has compared with these yet. */
  private static final String MIXED = "mixed";

  private final SamplerIdentity identity;
  private final Optional<SamplerHistory> restored;
  private final List<Gap> gaps = new ArrayList<>();

  // of the topic; null until an epoch has started, in this attempt or before
  private Topic topic;
  private Partition[] partitions;

  /** One more than the largest offset that this attempt or the state has read, by partition. */
  private long[] seen;

  /** What the state says; empty where it says nothing. */
  private List<Partition> knownByState = List.of();

  /** The budget's epoch, once it was compared with the state and this sampler may go on in it. */
  private long acceptedEpoch;

  /** See {@link SamplerHistory#endsEarly}. */
  private boolean endsEarly;

  private Horizon horizon;
  private IntakeLimit limit;
  private RecentRounds recent;
  private long lastRound;
  private long nextRound = 1;

  /**
   * Opens the book, before any record is read.
   *
   * @param restored what the state knew; empty at a start without state
   * @throws IllegalArgumentException if the state is keyed under another key
   */
  RoundBook(SamplerIdentity identity, Optional<SamplerHistory> restored) {
    this.identity = identity;
    this.restored = restored;
    seen = new long[identity.partitions()];
    restored.ifPresent(this::goOn);
    recent = new RecentRounds(lastRound, /* knownFrom= */ Long.MAX_VALUE);
  }

  private void goOn(SamplerHistory before) {
    if (!before.identity().idKey().equals(identity.idKey())) {
      refuse(
          List.of(
              "the state is keyed under another id key (fingerprint %s) than the configured one (%s); configure that key, or begin a new generation without this state"
                  .formatted(before.identity().idKey(), identity.idKey())));
    }
    horizon = before.horizon();
    endsEarly = before.endsEarly();
    lastRound = before.lastRound();
    nextRound = before.nextRound();
    gaps.addAll(before.gaps());
    topic = before.topic();
    if (topic != null && before.partitions().size() == identity.partitions()) {
      partitions = before.partitions().toArray(Partition[]::new);
      for (int i = 0; i < partitions.length; i++) {
        seen[i] = partitions[i].seen();
      }
      knownByState = before.partitions();
    }
  }

  private static void refuse(List<String> faults) {
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "Users' lifetimes cannot be counted on: " + String.join("; ", faults));
    }
  }

  // ---- what the budget says ----

  /**
   * An epoch starts; at most once in an attempt.
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
    refuse(faultsOf(input));
    if (partitions == null) {
      partitions = new Partition[identity.partitions()];
      for (int i = 0; i < partitions.length; i++) {
        partitions[i] = Partition.beginningAt(input.begins().get(i));
        seen[i] = Math.max(seen[i], partitions[i].seen());
      }
    }
    refuse(faultsOf(start));
    if (!hasBegun(start)) {
      // no round counts that any record read so far can have been in
      for (int i = 0; i < partitions.length; i++) {
        partitions[i] = partitions[i].caughtUp();
        partitions[i] = isReadUnderOtherRules() ? partitions[i].ofOtherRules() : partitions[i];
      }
    } else if (isChargedSince(start)) {
      boolean areOfOthers = !isOfLastCharge(start);
      if (start.lastRound() > lastRound && (areOfOthers || endsEarly)) {
        gaps.add(new Gap(lastRound, start.lastRound(), areOfOthers));
      }
      for (int i = 0; i < partitions.length; i++) {
        partitions[i] = partitions[i].caughtUpFrom(nextRound, input.end(i));
      }
    }
    if (hasBegun(start)) {
      forgetGaps(start.horizon());
    }
    acceptedEpoch = start.epoch();
    endsEarly = false;
    topic = topicOf(input);
    horizon = start.horizon();
    lastRound = start.lastRound();
    nextRound = lastRound + 1;
    recent = new RecentRounds(lastRound, start.firstTick());
  }

  /**
   * Forgets gaps of earlier generations, and those before others whose rounds add up to a lifetime:
   * they count only for people whom the later ones retire. So there are never more than a lifetime
   * has rounds.
   */
  private void forgetGaps(Horizon current) {
    gaps.removeIf(gap -> gap.to() < current.firstRound());
    long rounds = 0;
    for (int i = gaps.size() - 1; i >= 0; i--) {
      Gap gap = gaps.get(i);
      if (gap.forEverybody()) {
        rounds += gap.to() - Math.max(gap.from(), current.firstRound() - 1);
      }
      if (rounds >= current.rounds()) {
        gaps.subList(0, i).clear();
        return;
      }
    }
  }

  private boolean isReadUnderOtherRules() {
    return restored.filter(before -> !before.identity().equals(identity)).isPresent();
  }

  private static Topic topicOf(InputOffsets input) {
    return new Topic(input.clusterId(), input.topicId());
  }

  private List<String> faultsOf(InputOffsets input) {
    List<String> faults = new ArrayList<>();
    if (input.partitions() != identity.partitions()) {
      faults.add(
          "the topic of events has %d partitions but %d are configured; a user's events must stay in one partition, so the number stays for the life of a generation"
              .formatted(input.partitions(), identity.partitions()));
    }
    if (topic != null && !topic.equals(topicOf(input))) {
      faults.add(
          "the state was read from topic %s of cluster %s but this is topic %s of cluster %s, where the same records cannot be read again; go back to that topic, or begin a new generation without this state"
              .formatted(topic.topicId(), topic.clusterId(), input.topicId(), input.clusterId()));
    }
    return faults;
  }

  private List<String> faultsOf(EpochStart start) {
    List<String> faults = new ArrayList<>();
    if (!hasBegun(start)) {
      // whatever the state is, nobody has spent anything of this generation
      return faults;
    }
    if (restored.isEmpty()) {
      faults.add(
          "the sampler has no state but round %d is charged in generation %d, so that it cannot know how much of their lifetimes users have spent; start from a savepoint or checkpoint that holds it, or begin a new generation (--new-generation)"
              .formatted(start.lastRound(), start.horizon().generation()));
      return faults;
    }
    if (lastRound < start.horizon().firstRound() && !isOfLastCharge(start)) {
      faults.add(
          "the state knows no round of generation %d, of which round %d is charged, so that it cannot know which records these were taken from; start from a savepoint or checkpoint of that generation, or begin a new one (--new-generation)"
              .formatted(start.horizon().generation(), start.lastRound()));
    }
    if (isReadUnderOtherRules()) {
      faults.add(
          "the state was read under other rules for events than are configured, so that a record that counted then may not count when it is read again; start with the rules as they were, or begin a new generation (--new-generation)");
    }
    return faults;
  }

  private static boolean hasBegun(EpochStart start) {
    return start.horizon() != null && start.horizon().hasBegun(start.lastRound());
  }

  /** Whether records that this state has not read may have been in a round. */
  private boolean isChargedSince(EpochStart start) {
    return start.lastRound() > lastRound || nextRound <= lastRound;
  }

  /**
   * Whether all that was charged after this state was charged by the attempt that it goes back to:
   * epochs of the ledger follow each other, so that the last one tells.
   */
  private boolean isOfLastCharge(EpochStart start) {
    return restored
        .filter(before -> before.lineage() != 0)
        .filter(before -> before.lineage() == start.lastChargingEpoch())
        .isPresent();
  }

  /**
   * How far the topic was written before the round was charged whose grant comes next.
   *
   * @throws IllegalArgumentException if it is not the topic that is read
   */
  void limit(IntakeLimit before) {
    refuse(faultsOf(before.input()));
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
   * This attempt begins to read a partition, of which the source has no state.
   *
   * @throws IllegalArgumentException if others than those behind this state may be read
   */
  void beginsAfresh(int partition, long offset) {
    requireKnown(partition);
    if (!knownByState.isEmpty() && !knownByState.get(partition).mayBeginAfresh(offset)) {
      refuse(
          List.of(
              "the sampler's state goes on in partition %d behind offset %d but the source has no state and begins at offset %d; start with the state of both (without --allowNonRestoredState), or begin a new generation without it (--new-generation)"
                  .formatted(partition, knownByState.get(partition).seen() - 1, offset)));
    }
  }

  /**
   * A record was read.
   *
   * @throws IllegalArgumentException if it is of a partition that the topic did not have
   */
  void saw(int partition, long offset) {
    requireKnown(partition);
    seen[partition] = Math.max(seen[partition], offset + 1);
  }

  private void requireKnown(int partition) {
    if (partition >= seen.length) {
      refuse(
          List.of(
              "the topic of events had %d partitions but now there is partition %d, and users' events no longer stay in one; begin a new generation (--new-generation)"
                  .formatted(seen.length, partition)));
    }
  }

  /** The first round that counts for a user by this record. */
  long firstRoundOf(int partition, long offset) {
    if (partitions == null) {
      return nextRound;
    }
    Partition known = partitions[partition];
    return offset < known.end() ? Math.min(known.floor(), nextRound) : nextRound;
  }

  // ---- users ----

  /**
   * A stretch that begins with a record.
   *
   * @param past empty of a user of whom nothing was ever kept
   */
  Stretch begin(Optional<Lifetime> past, int partition, long offset) {
    int before = past.map(Lifetime::generation).orElse(0);
    return new Stretch(
        horizon == null ? before : horizon.generation(),
        past.map(this::usedBefore).orElse(0L),
        firstRoundOf(partition, offset),
        partition,
        offset);
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
      if (gap.forEverybody() || past.end() >= gap.from()) {
        used += rounds(Math.max(past.end(), gap.from()) + 1, gap.to());
      }
    }
    return used;
  }

  /** Whether the user may take part no more. */
  boolean isRetired(Lifetime past) {
    return horizon != null && usedBefore(past) >= horizon.rounds();
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

  /** Rounds of this generation from one to another, both included; 0 if there are none. */
  private long rounds(long from, long to) {
    long first = horizon == null ? from : Math.max(from, horizon.firstRound());
    return Math.max(0, to - first + 1);
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
    boolean accepted = acceptedEpoch != 0;
    SamplerIdentity ruled =
        accepted || restored.map(before -> before.identity().equals(identity)).orElse(true)
            ? identity
            : new SamplerIdentity(identity.idKey(), MIXED, restored.get().identity().partitions());
    List<Partition> read = new ArrayList<>();
    for (int i = 0; partitions != null && i < partitions.length; i++) {
      Partition known = partitions[i];
      read.add(new Partition(known.first(), seen[i], known.end(), known.floor()));
    }
    return new SamplerHistory(
        ruled,
        topic,
        accepted ? acceptedEpoch : restored.map(SamplerHistory::lineage).orElse(0L),
        horizon,
        endsEarly,
        lastRound,
        nextRound,
        gaps,
        read);
  }
}
