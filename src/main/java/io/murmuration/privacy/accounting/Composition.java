package io.murmuration.privacy.accounting;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Which mechanisms run and how often. The order does not matter, so equal mechanisms are merged.
 *
 * @param parts each mechanism once, with at least one round
 */
public record Composition(List<Part> parts) {

  /**
   * A mechanism and how often it runs. Where users take turns, rounds are brought up to whole
   * cycles: of two stretches of the same mechanism each has a cycle of its own at its end, and what
   * both cost is seen in the sum.
   *
   * @param mechanism the mechanism of each round
   * @param rounds in [1, 10⁹]
   */
  public record Part(Mechanism mechanism, long rounds) {
    public Part {
      if (mechanism == null) {
        throw new IllegalArgumentException("mechanism is required");
      }
      Arguments.rounds(rounds, 1);
      rounds = mechanism.roundsOf(mechanism.participations(rounds));
    }

    /** In how many of the rounds a user can take part. */
    long participations() {
      return mechanism.participations(rounds);
    }
  }

  /** Nothing has run. */
  public static final Composition EMPTY = new Composition(List.of());

  public Composition {
    Map<Mechanism, Long> merged = new LinkedHashMap<>();
    for (Part part : parts) {
      merged.merge(part.mechanism(), part.rounds(), Long::sum);
    }
    parts = merged.entrySet().stream().map(e -> new Part(e.getKey(), e.getValue())).toList();
    long total = 0;
    for (Part part : parts) {
      total = Arguments.rounds(total + part.rounds(), 1);
    }
  }

  /** One mechanism, so many times; {@link #EMPTY} for 0 rounds. */
  public static Composition of(Mechanism mechanism, long rounds) {
    Arguments.rounds(rounds);
    return rounds == 0 ? EMPTY : new Composition(List.of(new Part(mechanism, rounds)));
  }

  /** This and then another. */
  public Composition and(Composition other) {
    return new Composition(Stream.concat(parts.stream(), other.parts.stream()).toList());
  }

  /** In how many rounds of all mechanisms together a user can take part. */
  long participations() {
    return parts.stream().mapToLong(Part::participations).sum();
  }

  /** The number of rounds of all mechanisms together. */
  public long rounds() {
    return parts.stream().mapToLong(Part::rounds).sum();
  }
}
