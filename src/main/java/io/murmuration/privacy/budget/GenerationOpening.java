package io.murmuration.privacy.budget;

import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** Which generation of lifetimes a start opens, and what it may not change inside one. */
final class GenerationOpening {

  private GenerationOpening() {}

  /** The generation to open: the first, or the one that is asked for and not open yet. */
  static Optional<GenerationOpened> of(LedgerState state, HorizonTerms horizon, String location)
      throws LedgerException.Refused {
    if (horizon == null) {
      return Optional.empty();
    }
    int open = state.generation().map(GenerationOpened::generation).orElse(0);
    int wanted = horizon.newGeneration() == null ? Math.max(1, open) : horizon.newGeneration();
    if (wanted > horizon.generations() || wanted < open || wanted > open + 1) {
      throw new LedgerException.Refused(
          ("Generation %d was asked for but in the %s generation %d of %d is open: the next one"
                  + " may be opened, as long as one was reserved at genesis")
              .formatted(wanted, location, open, horizon.generations()));
    }
    if (wanted == open + 1) {
      return Optional.of(
          new GenerationOpened(Math.max(1, state.epoch()), wanted, horizon.identity()));
    }
    requireSameIdentity(state.generation().orElseThrow(), horizon, location);
    return Optional.empty();
  }

  private static void requireSameIdentity(
      GenerationOpened open, HorizonTerms horizon, String location) throws LedgerException.Refused {
    SortedSet<String> names = new TreeSet<>(open.identity().keySet());
    names.addAll(horizon.identity().keySet());
    for (String name : names) {
      String counted = open.identity().get(name);
      String configured = horizon.identity().get(name);
      if (!Objects.equals(counted, configured)) {
        throw new LedgerException.Refused(
            ("%s is changed inside a generation: in the %s users of generation %d are counted with"
                    + " %s but %s is configured, and counts would not go on. Configure what it was,"
                    + " or open the next generation (--new-generation %d)")
                .formatted(
                    name, location, open.generation(), counted, configured, open.generation() + 1));
      }
    }
  }

  /**
   * Refuses another mechanism where training has one that is open.
   *
   * @param wanted the mechanism of a phase that is to be opened
   */
  static void refuseAnotherMechanism(LedgerState state, RoundMechanism wanted, String location)
      throws LedgerException.Refused {
    PhaseOpened open = state.phase().filter(PhaseOpened::isLifetime).orElse(null);
    if (open != null) {
      throw new LedgerException.Refused(
          ("The mechanism is changed inside a generation: in the %s generation %d trains with %s but"
                  + " the configuration says %s. What counts rounds knows one mechanism. Configure"
                  + " that one, or open the next generation (--new-generation %d)")
              .formatted(
                  location, open.generation(), open.mechanism(), wanted, open.generation() + 1));
    }
  }
}
