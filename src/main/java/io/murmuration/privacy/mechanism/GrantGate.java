package io.murmuration.privacy.mechanism;

import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Which grants one attempt of the sampler or of the trainer may act on, and where its public time
 * stands.
 *
 * <p>Rules:
 *
 * <ul>
 *   <li>Nothing is granted before the start of an epoch. Epochs only rise; the start of one voids
 *       what is pending.
 *   <li>A grant counts only in the epoch that is current, only if no restored state had seen that
 *       epoch, and only until the watermark of its tick has arrived. What an earlier attempt was
 *       granted is void, so a round that was in flight at a failure never runs.
 *   <li>A tick is granted once.
 *   <li>An attempt that was fenced before it began is told the epoch of the job that took over,
 *       which a restored state may have seen: time goes on, and nothing is granted.
 * </ul>
 *
 * <p>Only {@link #lastEpoch} belongs into a snapshot. Not thread-safe.
 */
public final class GrantGate {

  /** No tick is known, or no epoch: both count from 0. */
  public static final long UNKNOWN = -1;

  private final long restoredEpoch;
  private final NavigableMap<Long, Grant> pending = new TreeMap<>();
  private long lastEpoch;
  private boolean epochStarted;
  private long firstTick = UNKNOWN;
  private long closedTick = UNKNOWN;

  /**
   * @param restoredEpoch the last epoch that the restored state saw, {@link #UNKNOWN} at a first
   *     start; what it and those before it granted is void
   */
  public GrantGate(long restoredEpoch) {
    this.restoredEpoch = restoredEpoch;
    this.lastEpoch = restoredEpoch;
  }

  /**
   * An epoch starts, if it is a new one.
   *
   * @return whether it is; false leaves everything as it was
   */
  public boolean startEpoch(EpochStart start) {
    if (epochStarted ? start.epoch() <= lastEpoch : start.epoch() < lastEpoch) {
      return false;
    }
    epochStarted = true;
    lastEpoch = start.epoch();
    pending.clear();
    firstTick = start.firstTick();
    closedTick = Math.max(closedTick, firstTick - 1);
    return true;
  }

  /** Whether a grant counts. */
  public boolean admits(Grant grant) {
    return epochStarted
        && grant.epoch() == lastEpoch
        && grant.epoch() > restoredEpoch
        && grant.tick() > closedTick
        && !pending.containsKey(grant.tick());
  }

  /**
   * Whether nothing of this epoch and tick can be acted on any more. What belongs to an epoch that
   * has not begun here yet is not over: its start may be on its way on another channel.
   */
  public boolean isOver(long epoch, long tick) {
    return epoch <= restoredEpoch
        || epoch < lastEpoch
        || (epoch == lastEpoch && epochStarted && tick <= closedTick);
  }

  /**
   * Keeps a grant until its tick has passed.
   *
   * @throws IllegalArgumentException unless it is admitted
   */
  public void add(Grant grant) {
    if (!admits(grant)) {
      throw new IllegalArgumentException("a grant must count to be kept but does not: " + grant);
    }
    pending.put(grant.tick(), grant);
  }

  /** The watermark of a tick has arrived: nothing can be granted for it any more. */
  public void close(long tick) {
    closedTick = Math.max(closedTick, tick);
  }

  /** The grants up to this tick that were not acted on yet, in the order of their ticks. */
  public List<Grant> upTo(long tick) {
    return List.copyOf(pending.headMap(tick, true).values());
  }

  /** The grants up to this tick have been acted on. */
  public void forget(long tick) {
    pending.headMap(tick, true).clear();
  }

  /** The grant of a tick; empty for a tick without one. */
  public Optional<Grant> at(long tick) {
    return Optional.ofNullable(pending.get(tick));
  }

  /** The latest grant that was not acted on yet. */
  public Optional<Grant> latest() {
    return Optional.ofNullable(pending.lastEntry()).map(entry -> entry.getValue());
  }

  /** The last epoch seen, {@link #UNKNOWN} for none; it belongs into the snapshot. */
  public long lastEpoch() {
    return lastEpoch;
  }

  /** Whether an epoch has started in this attempt, so that ticks are known. */
  public boolean epochStarted() {
    return epochStarted;
  }

  /** The first tick of the epoch that is current; {@link #UNKNOWN} before. */
  public long firstTick() {
    return firstTick;
  }

  /** The last tick whose watermark has arrived; {@link #UNKNOWN} before the first epoch. */
  public long closedTick() {
    return closedTick;
  }
}
