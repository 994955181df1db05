package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ParameterLayoutTest {

  private static final ParameterLayout LAYOUT = layout("q.A", new long[] {8, 4}, "q.B");

  private static ParameterLayout layout(String first, long[] shape, String second) {
    return ParameterLayout.of(List.of(first, second), List.of(shape, new long[] {4, 8}));
  }

  @Test
  void theDigestIsThatOfNamesAndShapesInOrder() {
    assertThat(LAYOUT.digest())
        .hasSize(64)
        .isEqualTo(layout("q.A", new long[] {8, 4}, "q.B").digest());
    assertThat(LAYOUT.digest())
        .isNotEqualTo(layout("k.A", new long[] {8, 4}, "q.B").digest())
        .isNotEqualTo(layout("q.A", new long[] {4, 8}, "q.B").digest())
        .isNotEqualTo(layout("q.A", new long[] {32}, "q.B").digest())
        .isNotEqualTo(layout("q.B", new long[] {8, 4}, "q.A").digest());
  }
}
