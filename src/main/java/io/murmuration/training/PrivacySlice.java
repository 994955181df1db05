package io.murmuration.training;

import io.murmuration.event.Example;
import java.util.List;

/**
 * The unit of clipping: what contributes one vector of norm at most C to a round's sum. ULS: all of
 * one user's examples in the round, whose mean gradient is clipped. ELS: one example.
 *
 * @param examples at least one
 */
public record PrivacySlice(List<Example> examples) {

  public PrivacySlice {
    examples = List.copyOf(examples);
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("a privacy slice holds at least one example");
    }
  }
}
