package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.demo.LifetimeSummary.Lives;
import org.junit.jupiter.api.Test;

class SampleTraceTest {

  @Test
  void aLifeIsFromTheFirstSampleToTheLast() {
    try (SampleTrace trace = SampleTrace.of("lives")) {
      trace.sampled("ann", 3);
      trace.sampled("ann", 12);
      trace.sampled("ann", 7);
      trace.sampled("ann", 7);
      trace.sampled("bob", 40);
      assertThat(trace.compare(10)).isEqualTo(new Lives(2, 10, 0));
    }
  }

  /** Planted: one round more than a lifetime. */
  @Test
  void aLifeThatIsTooLongIsFound() {
    try (SampleTrace trace = SampleTrace.of("lives")) {
      trace.sampled("ann", 3);
      trace.sampled("ann", 13);
      trace.sampled("bob", 1);
      assertThat(trace.compare(10)).isEqualTo(new Lives(2, 11, 1));
    }
  }

  @Test
  void aDomainIsTracedOnceAtATime() {
    try (SampleTrace trace = SampleTrace.of("lives")) {
      assertThat(trace.compare(1)).isEqualTo(new Lives(0, 0, 0));
      assertThatThrownBy(() -> SampleTrace.of("lives")).hasMessageContaining("being traced");
    }
    SampleTrace.of("lives").close();
  }
}
