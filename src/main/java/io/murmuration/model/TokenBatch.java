package io.murmuration.model;

import java.util.List;

/**
 * A grid of slices × sequences × positions for one decoder pass, padded at the right, and the
 * positions whose next token is a target.
 *
 * <p>Ragged slices are welcome: shorter sequences are padded, missing ones are all padding, and
 * neither yields a target.
 */
public final class TokenBatch {

  private final int slices;
  private final int sequences;
  private final int positions;
  private final int[] lengths;
  private final long[] ids;
  private final long[] rows;
  private final long[] targets;
  private final int[] sliceOfTarget;
  private final float[] meanWeights;

  /**
   * @param slices at least one, each with at least one sequence, each sequence with a target
   */
  public TokenBatch(List<List<TokenSequence>> slices) {
    this.slices = slices.size();
    this.sequences = slices.stream().mapToInt(List::size).max().orElse(0);
    this.positions =
        slices.stream().flatMap(List::stream).mapToInt(TokenSequence::inputs).max().orElse(0);
    int count = slices.stream().flatMap(List::stream).mapToInt(TokenSequence::targets).sum();
    this.lengths = new int[this.slices * sequences];
    this.ids = new long[this.slices * sequences * positions];
    this.rows = new long[count];
    this.targets = new long[count];
    this.sliceOfTarget = new int[count];
    this.meanWeights = new float[count];
    int next = 0;
    for (int s = 0; s < this.slices; s++) {
      List<TokenSequence> slice = slices.get(s);
      int targetsOfSlice = slice.stream().mapToInt(TokenSequence::targets).sum();
      for (int e = 0; e < slice.size(); e++) {
        TokenSequence sequence = slice.get(e);
        int start = (s * sequences + e) * positions;
        lengths[s * sequences + e] = sequence.inputs();
        System.arraycopy(sequence.ids(), 0, ids, start, sequence.inputs());
        for (int t = sequence.firstTarget(); t < sequence.ids().length; t++) {
          rows[next] = start + t - 1;
          targets[next] = sequence.ids()[t];
          sliceOfTarget[next] = s;
          meanWeights[next] = (float) (1.0 / targetsOfSlice);
          next++;
        }
      }
    }
  }

  /** Number of slices. */
  public int slices() {
    return slices;
  }

  /** Number of predicted tokens. */
  public int targets() {
    return targets.length;
  }

  /** Sequences per slice in the grid, padding included. */
  public int sequences() {
    return sequences;
  }

  /** Positions per sequence in the grid, padding included. */
  public int positions() {
    return positions;
  }

  /** Positions of each sequence without padding, row-major; 0 of one that is all padding. */
  int[] lengths() {
    return lengths;
  }

  /** Input ids, row-major. */
  long[] ids() {
    return ids;
  }

  /** Flat grid index of the position that predicts each target. */
  long[] rows() {
    return rows;
  }

  /** The predicted ids. */
  long[] targetIds() {
    return targets;
  }

  /** Slice of each target. */
  public int sliceOfTarget(int target) {
    return sliceOfTarget[target];
  }

  /**
   * Weight of each target in its slice's loss: the mean over all targets of the slice. A mean of
   * each sequence's own mean would let a message of two words, whose gradient is long and points
   * anywhere, turn the direction of all that its user wrote.
   */
  public float[] meanWeights() {
    return meanWeights;
  }
}
