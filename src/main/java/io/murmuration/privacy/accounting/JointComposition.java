package io.murmuration.privacy.accounting;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Choices that are made one after the other, each once the one before has ended. The list is fixed
 * before the first is made; their order need not be, and some may never be made: {@link
 * ChoiceProfile} has the proof.
 *
 * @param parts each choice once, with how often it is made
 */
public record JointComposition(List<Part> parts) {

  /**
   * A choice and how often it is made, each time anew.
   *
   * @param choice among what
   * @param times at least 1
   */
  public record Part(Choice choice, long times) {
    public Part {
      if (choice == null) {
        throw new IllegalArgumentException("choice is required");
      }
      Arguments.rounds(times, 1);
    }
  }

  /** Choices one after the other. */
  public static JointComposition of(List<Choice> choices) {
    return new JointComposition(
        choices.stream().map(choice -> new Part(choice, /* times= */ 1)).toList());
  }

  public JointComposition {
    Map<Choice, Long> merged = new LinkedHashMap<>();
    for (Part part : parts) {
      merged.merge(part.choice(), part.times(), Long::sum);
    }
    parts = merged.entrySet().stream().map(e -> new Part(e.getKey(), e.getValue())).toList();
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("a joint composition must have at least one choice");
    }
  }
}
