package io.murmuration.event;

import java.io.Serializable;
import java.util.List;

/**
 * Says where a field stands in a value: names from the outside in. A name that holds a dot itself
 * cannot be reached.
 *
 * @param steps at least one, none blank
 */
public record FieldPath(List<String> steps) implements Serializable {

  public FieldPath {
    steps = List.copyOf(steps);
    if (steps.isEmpty() || steps.stream().anyMatch(String::isBlank)) {
      throw new IllegalArgumentException(
          "a path must be names with dots between them, such as payload.text, but is "
              + String.join(".", steps));
    }
  }

  /**
   * Parses names with dots between them, such as {@code payload.user_id}.
   *
   * @throws IllegalArgumentException if a name is missing
   */
  public static FieldPath of(String dotted) {
    return new FieldPath(List.of(dotted.split("\\.", /* limit= */ -1)));
  }

  @Override
  public String toString() {
    return String.join(".", steps);
  }
}
