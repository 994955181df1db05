package io.murmuration.privacy.accounting;

import java.util.List;

/**
 * A part of a domain's life whose mechanisms are chosen, when its turn comes, among options that
 * were public beforehand: by looking at everything released until then, in any way.
 *
 * @param options what may be chosen, at least one, each once; all rounds of the one that is chosen
 *     are paid for, whether they run or not
 */
public record Choice(List<Composition> options) {

  public Choice {
    options = options.stream().distinct().toList();
    if (options.isEmpty() || options.stream().anyMatch(option -> option.parts().isEmpty())) {
      throw new IllegalArgumentException(
          "a choice must have at least one option, each with at least one round, but has "
              + options);
    }
  }

  /** So many rounds of one mechanism: there is nothing to choose. */
  public static Choice of(Mechanism mechanism, long rounds) {
    return new Choice(List.of(Composition.of(mechanism, rounds)));
  }
}
