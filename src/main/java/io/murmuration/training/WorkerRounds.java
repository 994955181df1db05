package io.murmuration.training;

import io.murmuration.contribution.CohortRecord;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.privacy.mechanism.ModelVersion;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;

/**
 * Which rounds a worker sums up, at which model, and how far its time may go.
 *
 * <p>Rules:
 *
 * <ul>
 *   <li>which grants count is {@link GrantGate}'s affair, as it is in the sampler,
 *   <li>a round's gradients are taken at the model that was announced last before its grant, in the
 *       same epoch; a grant before any model breaks the protocol,
 *   <li>the watermark of a granted tick leaves only after the worker's partial sum of that round,
 *       so that whoever sees it from all workers has all partials; later watermarks wait behind it.
 * </ul>
 *
 * <p>Only {@link #lastEpoch} belongs into a snapshot. Not thread-safe.
 */
public final class WorkerRounds {

  /** A round that may be summed up as its records come. */
  public record Begun(Grant grant, ModelVersion model) {}

  private final GrantGate gate;
  private final TreeSet<Long> unfinished = new TreeSet<>();
  private ModelVersion model;
  private long arrived = Long.MIN_VALUE;
  private long sent = Long.MIN_VALUE;

  /**
   * @param lastEpoch the last epoch that a restored state saw, 0 at a first start; it and all
   *     before it are refused
   */
  public WorkerRounds(long lastEpoch) {
    gate = new GrantGate(lastEpoch);
  }

  /** The last epoch seen; it belongs into the snapshot. */
  public long lastEpoch() {
    return gate.lastEpoch();
  }

  /** A new attempt begins: what earlier ones left here is void. */
  public void onEpochStart(EpochStart start) {
    if (gate.startEpoch(start)) {
      model = null;
    }
  }

  /**
   * A model of the current epoch counts from here on; one of another is passed over.
   *
   * @return whether it counts
   */
  public boolean onModel(ModelVersion version) {
    boolean counts = gate.epochStarted() && version.epoch() == gate.lastEpoch();
    if (counts) {
      model = version;
    }
    return counts;
  }

  /**
   * Takes a grant.
   *
   * @return the round, to be summed up from now on; empty for a grant that does not count
   * @throws IllegalStateException if it counts and no model of its epoch was announced
   */
  public Optional<Begun> onGrant(Grant grant) {
    if (!gate.admits(grant)) {
      return Optional.empty();
    }
    if (model == null) {
      throw new IllegalStateException(
          "round %d was granted before a model of epoch %d was announced"
              .formatted(grant.round(), grant.epoch()));
    }
    gate.add(grant);
    unfinished.add(grant.tick());
    return Optional.of(new Begun(grant, model));
  }

  /** Whether no round can need this record any more. */
  public boolean isStale(CohortRecord record) {
    return gate.isOver(record.epoch(), record.tick());
  }

  /**
   * A watermark has arrived: no more records of these ticks will.
   *
   * @return the granted rounds whose records are complete with it
   */
  public List<Grant> onWatermark(long watermark) {
    arrived = Math.max(arrived, watermark);
    List<Grant> complete = gate.upTo(watermark);
    gate.forget(watermark);
    gate.close(watermark);
    return complete;
  }

  /** The worker's partial sum of a round has left. */
  public void left(Grant grant) {
    unfinished.remove(grant.tick());
  }

  /** The watermark that may leave now; empty if it did already, or none may. */
  public OptionalLong watermark() {
    long may = unfinished.isEmpty() ? arrived : Math.min(arrived, unfinished.first() - 1);
    if (may <= sent) {
      return OptionalLong.empty();
    }
    sent = may;
    return OptionalLong.of(may);
  }
}
