package io.murmuration.contribution;

import io.murmuration.event.Example;
import java.util.Objects;

/**
 * One example as keyed state holds it.
 *
 * @param eventTimeMillis when its user says it happened, in epoch milliseconds: data, never public
 *     time
 * @param prompt context that is not trained on, or null
 * @param text what is trained on
 */
public record PooledExample(long eventTimeMillis, String prompt, String text) {

  public PooledExample {
    Objects.requireNonNull(text, "text");
  }

  /** The example as it travels to the trainer. */
  public Example toExample() {
    return new Example(prompt, text);
  }
}
