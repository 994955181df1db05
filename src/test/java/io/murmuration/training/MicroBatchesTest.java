package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.model.TokenSequence;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class MicroBatchesTest {

  @Test
  void everySliceIsInOneBatchAndNoBatchExceedsTheBudget() {
    List<TokenizedSlice> slices = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      slices.add(slice(1 + i % 3, 2 + (i * 7) % 30));
    }
    List<List<TokenizedSlice>> batches = new MicroBatches(10, 100, 2_000).cut(slices);
    assertThat(batches.stream().flatMap(List::stream).toList())
        .containsExactlyInAnyOrderElementsOf(slices);
    assertThat(batches).hasSizeGreaterThan(5);
    for (List<TokenizedSlice> batch : batches) {
      int sequences = batch.stream().mapToInt(s -> s.sequences().size()).max().orElseThrow();
      int longest = batch.stream().mapToInt(TokenizedSlice::longest).max().orElseThrow();
      assertThat(batch.size() * (100 + 10 * sequences * longest)).isLessThanOrEqualTo(2_000);
    }
  }

  @Test
  void whereMemoryIsPlentyABatchEndsBeforeMuchOfItIsPadding() {
    List<TokenizedSlice> slices = new ArrayList<>();
    long inputs = 0;
    for (int i = 0; i < 512; i++) {
      slices.add(slice(1, 12 + (i * 7) % 53));
      inputs += slices.get(i).inputs();
    }
    List<List<TokenizedSlice>> batches = new MicroBatches(10, 100, 1L << 40).cut(slices);
    long grids = 0;
    for (List<TokenizedSlice> batch : batches) {
      grids += (long) batch.size() * batch.get(batch.size() - 1).longest();
    }
    // in one batch 0.41 would be
    assertThat(1 - (double) inputs / grids).isLessThan(0.1);
    // each but the last of a thousand positions
    assertThat(batches).hasSizeLessThan((int) (grids / 1024) + 2);
  }

  @Test
  void aSliceBeyondTheBudgetRunsAlone() {
    assertThat(new MicroBatches(10, 100, 1).cut(List.of(slice(4, 60), slice(1, 2)))).hasSize(2);
    assertThat(new MicroBatches(10, 100, 1).cut(List.of())).isEmpty();
  }

  @Test
  void aSliceThatDoesNotFitComesInPiecesThatDo() {
    MicroBatches batches = new MicroBatches(10, 100, 2_000);
    TokenizedSlice small = slice(2, 60);
    TokenizedSlice large = slice(8, 60);

    assertThat(batches.fits(small)).isTrue();
    assertThat(batches.fits(large)).isFalse();
    List<TokenizedSlice> pieces = batches.pieces(large);
    assertThat(pieces).allMatch(batches::fits);
    assertThat(pieces).extracting(piece -> piece.sequences().size()).containsExactly(3, 3, 2);
    assertThat(pieces.stream().flatMap(piece -> piece.sequences().stream()).toList())
        .isEqualTo(large.sequences());
    // at least one sequence a piece, whatever it takes
    assertThat(new MicroBatches(10, 100, 1).pieces(large)).hasSize(8);
  }

  private static TokenizedSlice slice(int sequences, int length) {
    return new TokenizedSlice(
        Collections.nCopies(sequences, new TokenSequence(new long[length], 1)));
  }
}
