package io.murmuration.training;

import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.GrantGate;
import io.murmuration.training.PartialSum.Counts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Adds the workers' partial sums of each granted round, as they arrive, until the round's watermark
 * says that all of them have.
 *
 * <p><b>Formal guarantee.</b> A round is handed over only as the sum of exactly one complete
 * partial of each of its workers, all of the grant's epoch, round and clip norm, and over one
 * model: a partial that is missing would drop its users from a sum that is accounted as theirs, one
 * that is added twice would double the sensitivity, and one of another model, clip norm or epoch is
 * not what was granted. Anything else ends the attempt: there is no partial release. How many
 * workers there are the partials say, since it may differ between attempts.
 *
 * <p>Partials and grants come over different channels, so either may be first. Which grants count
 * is {@link GrantGate}'s affair, as it is in sampler and workers. Nothing of it is ever part of a
 * snapshot: a round in flight when a job fails is void, while its charge stands.
 *
 * <p>Not thread-safe.
 */
public final class PartialSums {

  /**
   * A round that may be executed now.
   *
   * @param grant its permission
   * @param sum over all workers
   * @param modelDigest of the parameters at which it was taken
   */
  public record RoundSum(Grant grant, ClippedSum sum, String modelDigest) {}

  /** A round is known by its number, and by the epoch that was granted it. */
  private record Key(long epoch, long round) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      int byEpoch = Long.compare(epoch, other.epoch);
      return byEpoch != 0 ? byEpoch : Long.compare(round, other.round);
    }
  }

  private final GrantGate gate;
  private final Map<Key, Growing> growing = new TreeMap<>();
  private long lastRound;

  /**
   * @param lastEpoch the last epoch that a restored state saw, 0 at a first start; it and all
   *     before it are refused
   */
  public PartialSums(long lastEpoch) {
    this.gate = new GrantGate(lastEpoch);
  }

  /** The last epoch seen; it belongs into the snapshot. */
  public long lastEpoch() {
    return gate.lastEpoch();
  }

  /**
   * A new attempt begins: what earlier ones left here is void.
   *
   * @return whether it is a new one
   */
  public boolean onEpochStart(EpochStart start) {
    boolean begins = gate.startEpoch(start);
    if (begins) {
      lastRound = 0;
      growing.keySet().removeIf(key -> key.epoch() < start.epoch());
    }
    return begins;
  }

  /**
   * Takes a grant.
   *
   * @return whether it counts; false for a grant of an epoch that is over, or that never began here
   */
  public boolean onGrant(Grant grant) {
    boolean counts = gate.admits(grant);
    if (counts) {
      gate.add(grant);
    }
    return counts;
  }

  /**
   * Adds a chunk. One of an epoch that has not begun here yet is kept: its start may still be on
   * its way on the other channel.
   *
   * @return whether it was added; false for one of an epoch that is over
   * @throws IllegalStateException if it was added before, is of a round that is over, or
   *     contradicts another chunk of its round
   */
  public boolean onPartial(PartialSum part) {
    if (gate.isOver(part.epoch(), /* tick= */ Long.MAX_VALUE)) {
      return false;
    }
    if (part.epoch() == gate.lastEpoch() && part.round() <= lastRound) {
      throw new IllegalStateException(
          "a partial sum of round %d of worker %d came after the round was summed up"
              .formatted(part.round(), part.worker()));
    }
    growing
        .computeIfAbsent(new Key(part.epoch(), part.round()), key -> new Growing(part))
        .add(part);
    return true;
  }

  /**
   * All that comes before this tick has come: returns the sums of the rounds that were granted up
   * to it, in the order of their ticks.
   *
   * @throws IllegalStateException if the partials of one of them are not exactly one of each
   *     worker, or not what was granted
   */
  public List<RoundSum> onWatermark(long watermark) {
    List<RoundSum> complete = new ArrayList<>();
    for (Grant grant : gate.upTo(watermark)) {
      Growing sum = growing.remove(new Key(grant.epoch(), grant.round()));
      if (sum == null) {
        throw new IllegalStateException(
            "round %d must have a partial sum of each worker at its watermark but has none"
                .formatted(grant.round()));
      }
      complete.add(sum.whole(grant));
      lastRound = grant.round();
    }
    gate.forget(watermark);
    gate.close(watermark);
    forgetWhatNobodyGranted();
    return complete;
  }

  /** Forgets what was not granted by now: of an epoch that has begun, it never will be. */
  private void forgetWhatNobodyGranted() {
    for (Iterator<Key> keys = growing.keySet().iterator(); keys.hasNext(); ) {
      Key key = keys.next();
      boolean over = key.epoch() < gate.lastEpoch();
      boolean passed = key.epoch() == gate.lastEpoch() && key.round() <= lastRound;
      if (over || passed) {
        keys.remove();
      }
    }
  }

  /** One round's sum. */
  private static final class Growing {

    private final PartialSum first;
    private final long[] sum;
    private final BitSet[] chunksByWorker;
    private Counts counts = Counts.NONE;

    Growing(PartialSum first) {
      this.first = first;
      this.sum = new long[first.size()];
      this.chunksByWorker = new BitSet[first.workers()];
      Arrays.setAll(chunksByWorker, worker -> new BitSet(first.chunks()));
    }

    void add(PartialSum part) {
      if (part.workers() != first.workers()
          || part.size() != first.size()
          || part.clipNorm() != first.clipNorm()
          || !part.modelDigest().equals(first.modelDigest())) {
        throw new IllegalStateException(
            "partial sums of round %d must be of one number of workers, size, clip norm and model but one is of %d, %d, %s and %s, another of %d, %d, %s and %s"
                .formatted(
                    part.round(),
                    first.workers(),
                    first.size(),
                    first.clipNorm(),
                    first.modelDigest(),
                    part.workers(),
                    part.size(),
                    part.clipNorm(),
                    part.modelDigest()));
      }
      BitSet seen = chunksByWorker[part.worker()];
      if (seen.get(part.chunk())) {
        throw new IllegalStateException(
            "chunk %d of worker %d's partial sum of round %d came twice"
                .formatted(part.chunk(), part.worker(), part.round()));
      }
      seen.set(part.chunk());
      long[] values = part.values();
      int offset = part.offset();
      for (int i = 0; i < values.length; i++) {
        sum[offset + i] += values[i];
      }
      counts = counts.plus(part.counts());
    }

    RoundSum whole(Grant grant) {
      for (int worker = 0; worker < chunksByWorker.length; worker++) {
        if (chunksByWorker[worker].cardinality() != first.chunks()) {
          throw new IllegalStateException(
              "round %d must have %d chunks of worker %d of %d at its watermark but has %d"
                  .formatted(
                      grant.round(),
                      first.chunks(),
                      worker,
                      first.workers(),
                      chunksByWorker[worker].cardinality()));
        }
      }
      RoundGrid grid = RoundGrid.of(grant.mechanism());
      if (first.clipNorm() != grid.clipNorm()) {
        throw new IllegalStateException(
            "the partial sums of round %d must be clipped to the granted %s but are to %s"
                .formatted(grant.round(), grid.clipNorm(), first.clipNorm()));
      }
      return new RoundSum(
          grant,
          new ClippedSum(
              sum,
              grid,
              counts.slices(),
              counts.clipped(),
              counts.zeroed(),
              counts.tokens(),
              counts.centredBits(),
              counts.lossSum()),
          first.modelDigest());
    }
  }
}
