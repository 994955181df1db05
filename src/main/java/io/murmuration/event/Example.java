package io.murmuration.event;

import java.util.Objects;

/**
 * One piece of text of one user, as it leaves keyed state for a round.
 *
 * @param prompt context that the model sees and is not trained on, or null
 * @param text what the model is trained on
 */
public record Example(String prompt, String text) {

  public Example {
    Objects.requireNonNull(text, "text");
  }
}
