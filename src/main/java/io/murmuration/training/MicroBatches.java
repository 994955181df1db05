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

  /** Cuts slices sorted by number and length of sequences, so that little is padding. */
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
