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
  void aSliceBeyondTheBudgetRunsAlone() {
    assertThat(new MicroBatches(10, 100, 1).cut(List.of(slice(4, 60), slice(1, 2)))).hasSize(2);
    assertThat(new MicroBatches(10, 100, 1).cut(List.of())).isEmpty();
  }

  private static TokenizedSlice slice(int sequences, int length) {
    return new TokenizedSlice(
        Collections.nCopies(sequences, new TokenSequence(new long[length], 1)));
  }
}
