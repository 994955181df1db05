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

  /**
   * The same choice where whatever is chosen runs its first rounds only.
   *
   * @param rounds the most, at least 1
   * @throws IllegalArgumentException if an option has several mechanisms, of which none is first
   */
  public Choice cutTo(long rounds) {
    return new Choice(
        options.stream()
            .map(
                option -> {
                  if (option.parts().size() != 1) {
                    throw new IllegalArgumentException(
                        "an option must be one mechanism to be cut but is " + option);
                  }
                  return Composition.of(
                      option.parts().get(0).mechanism(), Math.min(rounds, option.rounds()));
                })
            .toList());
  }

  /** A number of rounds of one mechanism: there is nothing to choose. */
  public static Choice of(Mechanism mechanism, long rounds) {
    return new Choice(List.of(Composition.of(mechanism, rounds)));
  }
}
