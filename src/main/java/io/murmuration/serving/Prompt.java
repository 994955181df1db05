package io.murmuration.serving;

import io.murmuration.model.TextGenerator;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/**
 * What a model is asked.
 *
 * @param text what to continue; may be empty
 * @param maxTokens new tokens at most, at least 1
 * @param temperature 0 takes the likeliest token; finite and not negative
 * @param seed makes sampling repeatable
 */
public record Prompt(String text, int maxTokens, double temperature, OptionalLong seed) {

  public Prompt {
    if (text == null) {
      throw new IllegalArgumentException("a prompt is required; it may be empty");
    }
    if (maxTokens < 1) {
      throw new IllegalArgumentException("max tokens must be at least 1, given " + maxTokens);
    }
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "temperature must be finite and not negative, given " + temperature);
    }
  }

  /** What the model says next. */
  public String continuedBy(TextGenerator generator) {
    SplittableRandom random =
        seed.isPresent() ? new SplittableRandom(seed.getAsLong()) : new SplittableRandom();
    return generator.generate(text, maxTokens, temperature, random);
  }
}
