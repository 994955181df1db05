package io.murmuration.training;

import java.util.Arrays;
import java.util.Iterator;
import java.util.stream.IntStream;

/**
 * A chunk of what one of the workers has added up of one round, in whole grid units, on its way to
 * {@code train}. Exact, so inside the trust boundary: it is neither logged nor measured, and what
 * carries it between machines must be encrypted.
 *
 * @param epoch of the round's grant
 * @param round that was granted
 * @param worker index of the worker, from 0
 * @param workers how many there are: as many partials make a round
 * @param chunk index of this chunk, from 0
 * @param chunks how many make this worker's partial; the same for all
 * @param clipNorm C of the grant that the worker had
 * @param modelDigest of the parameters at which gradients were taken, so that a sum over another
 *     model is noticed
 * @param size coordinates of the whole sum
 * @param values of this chunk's coordinates
 * @param counts what else the worker counted, in the first chunk; zeros in the others
 */
public record PartialSum(
    long epoch,
    long round,
    int worker,
    int workers,
    int chunk,
    int chunks,
    double clipNorm,
    String modelDigest,
    int size,
    long[] values,
    Counts counts) {

  /** Coordinates of a chunk, a MiB: barriers pass between two chunks. */
  static final int CHUNK = 1 << 17;

  /** What is added up beside the sum; see {@link ClippedSum}. */
  public record Counts(
      long slices, long clipped, long zeroed, long tokens, long centredBits, double lossSum) {

    static final Counts NONE = new Counts(0, 0, 0, 0, 0, 0);

    static Counts of(ClippedSum sum) {
      return new Counts(
          sum.slices(),
          sum.clipped(),
          sum.zeroed(),
          sum.tokens(),
          sum.centredBits(),
          sum.lossSum());
    }

    Counts plus(Counts other) {
      return new Counts(
          slices + other.slices,
          clipped + other.clipped,
          zeroed + other.zeroed,
          tokens + other.tokens,
          centredBits + other.centredBits,
          lossSum + other.lossSum);
    }
  }

  public PartialSum {
    if (workers < 1 || worker < 0 || worker >= workers || chunks < 1 || chunk < 0) {
      throw new IllegalArgumentException(
          "a partial sum must be of one of its workers but is of worker %d of %d, chunk %d of %d"
              .formatted(worker, workers, chunk, chunks));
    }
    if (chunk >= chunks || values.length != length(chunk, size) || chunks != chunks(size)) {
      throw new IllegalArgumentException(
          "chunk %d of %d of a sum of %d elements must have %d of them but has %d"
              .formatted(chunk, chunks, size, length(chunk, size), values.length));
    }
  }

  private static int length(int chunk, int size) {
    return (int) Math.max(0, Math.min(CHUNK, size - (long) chunk * CHUNK));
  }

  private static int chunks(int size) {
    return Math.max(1, (int) (((long) size + CHUNK - 1) / CHUNK));
  }

  /** The coordinate that the first value belongs to. */
  int offset() {
    return chunk * CHUNK;
  }

  /** A worker's sum in chunks, each made when it is asked for; at least one, even of nothing. */
  public static Iterator<PartialSum> of(
      long epoch, long round, int worker, int workers, String modelDigest, ClippedSum sum) {
    int size = sum.sum().length;
    int chunks = chunks(size);
    return IntStream.range(0, chunks)
        .mapToObj(
            chunk ->
                new PartialSum(
                    epoch,
                    round,
                    worker,
                    workers,
                    chunk,
                    chunks,
                    sum.grid().clipNorm(),
                    modelDigest,
                    size,
                    Arrays.copyOfRange(
                        sum.sum(), chunk * CHUNK, chunk * CHUNK + length(chunk, size)),
                    chunk == 0 ? Counts.of(sum) : Counts.NONE))
        .iterator();
  }
}
