package io.murmuration.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts a cohort into micro-batches of similar shape that fit a memory budget. A slice is never
 * split, however large; it then makes a micro-batch of its own.
 *
 * @param bytesPerPosition of activations, for each position of the padded grid
 * @param bytesPerSlice of expanded parameters and gradients
 * @param budgetBytes of one micro-batch
 */
record MicroBatches(long bytesPerPosition, long bytesPerSlice, long budgetBytes) {

  /** Sorted by number and length of sequences, so that little is padding. */
  List<List<TokenizedSlice>> cut(List<TokenizedSlice> slices) {
    List<TokenizedSlice> sorted = new ArrayList<>(slices);
    sorted.sort(
        Comparator.comparingInt((TokenizedSlice slice) -> slice.sequences().size())
            .thenComparingInt(TokenizedSlice::longest));
    List<List<TokenizedSlice>> batches = new ArrayList<>();
    List<TokenizedSlice> current = new ArrayList<>();
    int sequences = 0;
    int positions = 0;
    for (TokenizedSlice slice : sorted) {
      int widerSequences = Math.max(sequences, slice.sequences().size());
      int widerPositions = Math.max(positions, slice.longest());
      if (!current.isEmpty()
          && bytes(current.size() + 1, widerSequences, widerPositions) > budgetBytes) {
        batches.add(current);
        current = new ArrayList<>();
        widerSequences = slice.sequences().size();
        widerPositions = slice.longest();
      }
      current.add(slice);
      sequences = widerSequences;
      positions = widerPositions;
    }
    if (!current.isEmpty()) {
      batches.add(current);
    }
    return batches;
  }

  private double bytes(int slices, int sequences, int positions) {
    return (double) slices * (bytesPerSlice + (double) bytesPerPosition * sequences * positions);
  }
}
