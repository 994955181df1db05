package io.murmuration.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts a cohort into micro-batches of similar shape that fit a memory budget. A slice that does not
 * fit by itself makes a micro-batch of its own, to be processed in pieces.
 *
 * @param bytesPerPosition of activations, for each position of the padded grid
 * @param bytesPerSlice of expanded parameters and gradients
 * @param budgetBytes of one micro-batch
 */
record MicroBatches(long bytesPerPosition, long bytesPerSlice, long budgetBytes) {

  /**
   * Positions of a grid beside which the fixed cost of a pass, some 10 ms of calls, is small even
   * on a model of a million parameters.
   */
  private static final int WORTH_A_PASS = 1024;

  /** The share of padding beyond which another pass is better. */
  private static final double MOST_PADDING = 0.1;

  /**
   * Cuts slices sorted by number and length of sequences, so that little is padding. Where the
   * budget holds slices of many lengths, a batch also ends before much of it would be padding, if
   * it is large enough that a pass of its own pays.
   */
  List<List<TokenizedSlice>> cut(List<TokenizedSlice> slices) {
    List<TokenizedSlice> sorted = new ArrayList<>(slices);
    sorted.sort(
        Comparator.comparingInt((TokenizedSlice slice) -> slice.sequences().size())
            .thenComparingInt(TokenizedSlice::longest));
    List<List<TokenizedSlice>> batches = new ArrayList<>();
    List<TokenizedSlice> current = new ArrayList<>();
    int sequences = 0;
    int positions = 0;
    long inputs = 0;
    for (TokenizedSlice slice : sorted) {
      int widerSequences = Math.max(sequences, slice.sequences().size());
      int widerPositions = Math.max(positions, slice.longest());
      long grid = (long) current.size() * sequences * positions;
      long widerGrid = (current.size() + 1L) * widerSequences * widerPositions;
      boolean wasteful =
          grid >= WORTH_A_PASS && inputs + slice.inputs() < (1 - MOST_PADDING) * widerGrid;
      if (!current.isEmpty()
          && (wasteful
              || bytes(current.size() + 1, widerSequences, widerPositions) > budgetBytes)) {
        batches.add(current);
        current = new ArrayList<>();
        inputs = 0;
        widerSequences = slice.sequences().size();
        widerPositions = slice.longest();
      }
      current.add(slice);
      sequences = widerSequences;
      positions = widerPositions;
      inputs += slice.inputs();
    }
    if (!current.isEmpty()) {
      batches.add(current);
    }
    return batches;
  }

  /** Whether a slice can be processed in one pass. */
  boolean fits(TokenizedSlice slice) {
    return bytes(1, slice.sequences().size(), slice.longest()) <= budgetBytes;
  }

  /** A slice as slices of a few of its sequences each, as many as fit, at least one. */
  List<TokenizedSlice> pieces(TokenizedSlice slice) {
    int each = 1;
    while (each < slice.sequences().size() && bytes(1, each + 1, slice.longest()) <= budgetBytes) {
      each++;
    }
    List<TokenizedSlice> pieces = new ArrayList<>();
    for (int from = 0; from < slice.sequences().size(); from += each) {
      int to = Math.min(from + each, slice.sequences().size());
      pieces.add(new TokenizedSlice(slice.sequences().subList(from, to)));
    }
    return pieces;
  }

  /** Estimates what one pass takes. */
  double bytes(int slices, int sequences, int positions) {
    return (double) slices * (bytesPerSlice + (double) bytesPerPosition * sequences * positions);
  }
}
