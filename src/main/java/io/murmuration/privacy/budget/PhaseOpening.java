package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.OpenReservation;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a start has to do to a ledger so that the configured mechanism may run: nothing, open a
 * phase, or raise the budget or open a generation, and open a phase. Settled before anything is
 * written.
 */
final class PhaseOpening {

  private final boolean raises;
  private final GenerationOpened generation;
  private final boolean opensPhase;
  private final JointlyReserved reservation;
  private final Integer slot;
  private final Integer lifetimeOf;
  private final int phase;
  private final RoundMechanism mechanism;
  private final PrivacyLoss share;
  private final long maxRounds;
  private final PhaseAccountant accountant;

  private PhaseOpening(
      boolean raises,
      GenerationOpened generation,
      boolean opensPhase,
      JointlyReserved reservation,
      Integer slot,
      Integer lifetimeOf,
      int phase,
      RoundMechanism mechanism,
      PrivacyLoss share,
      long maxRounds,
      PhaseAccountant accountant) {
    this.raises = raises;
    this.generation = generation;
    this.opensPhase = opensPhase;
    this.reservation = reservation;
    this.slot = slot;
    this.lifetimeOf = lifetimeOf;
    this.phase = phase;
    this.mechanism = mechanism;
    this.share = share;
    this.maxRounds = maxRounds;
    this.accountant = accountant;
  }

  /**
   * Compares ledger and terms.
   *
   * @param tick public time, which may make another phase due
   * @throws LedgerException.Refused naming every contradiction and what to do about it
   */
  static PhaseOpening of(
      LedgerState state,
      BudgetTerms terms,
      PhaseAccountants accountants,
      String location,
      long tick)
      throws LedgerException.Refused {
    boolean fresh = state.genesis().isEmpty();
    boolean raises =
        !fresh
            && terms.raiseBudget()
            && state.budget().isWithin(terms.budget())
            && !state.budget().equals(terms.budget());
    if (!fresh) {
      refuseContradictions(state, terms, raises, location);
    }
    GenerationOpened generation =
        GenerationOpening.of(state, terms.horizon(), location).orElse(null);
    LedgerState behind = raises ? state.raisedTo(terms.budget()) : state;
    if (generation != null) {
      behind = state.in(generation);
    }
    PhaseSchedule.Phase wanted = terms.phases().phaseAt(behind, tick);
    if (raises && wanted.place() != null) {
      requireUse(behind, terms, accountants);
    }
    boolean opensPhase = opens(behind, wanted);
    if (opensPhase) {
      GenerationOpening.refuseAnotherMechanism(behind, wanted.mechanism(), location);
    }
    PhaseSchedule.Place place = opensPhase ? wanted.place() : null;
    JointlyReserved reservation = null;
    PrivacyLoss share;
    PhaseAccountant accountant;
    if (!opensPhase) {
      share = state.phase().orElseThrow().reserved();
      accountant = accountants.ofOpen(state);
    } else if (place == null) {
      share = share(behind, terms, wanted, location);
      accountant = accountants.own(wanted.mechanism(), share);
    } else {
      OpenReservation joint = behind.joint().orElse(null);
      if (joint == null) {
        share(behind, terms, wanted, location);
        reservation =
            new JointlyReserved(
                Math.max(1, state.epoch()),
                place.slots(),
                place.reserved().epsilon(),
                place.reserved().delta());
        joint = new OpenReservation(reservation, /* taken= */ List.of());
      }
      share = joint.reserved().reserved();
      accountant = accountants.joint(joint, place.slot(), wanted.mechanism());
    }
    if (opensPhase && accountant.affordableRounds() < 1) {
      throw new LedgerException.Refused(
          place == null
              ? ("Not one round of %s fits into the %s that its phase would reserve: at that delta"
                      + " one needs epsilon %s. Raise the noise multiplier, lower the sampling"
                      + " probability, or give it more epsilon")
                  .formatted(
                      wanted.mechanism(), share, ofOneRound(wanted.mechanism(), share.delta()))
              : ("The joint reservation of %s does not cover its slots, as this release computes"
                      + " them. Use the release that wrote it, or another domain")
                  .formatted(share));
    }
    boolean isLifetime = terms.horizon() != null && !wanted.mechanism().query().isCalibration();
    return new PhaseOpening(
        raises,
        generation,
        opensPhase,
        reservation,
        place == null ? null : place.slot(),
        isLifetime ? behind.generation().orElseThrow().generation() : null,
        state.lastPhase() + 1,
        wanted.mechanism(),
        share,
        wanted.maxRounds(),
        accountant);
  }

  /**
   * Refuses a raise that would be recorded now and found to afford nothing when the slots are run.
   */
  private static void requireUse(
      LedgerState behind, BudgetTerms terms, PhaseAccountants accountants)
      throws LedgerException.Refused {
    List<RoundMechanism> candidates = terms.phases().behindTheSlots(behind);
    PrivacyLoss added = terms.budget().minus(behind.reserved());
    if (candidates.isEmpty()) {
      return;
    }
    if (!added.isReservable()) {
      throw new LedgerException.Refused(
          ("The raise to (%s) leaves %s beside what is reserved jointly, and training can go on with"
                  + " some epsilon and some delta only: raise both")
              .formatted(terms.budget(), added));
    }
    PrivacyLoss share = added.roundedDown();
    boolean isOfUse =
        candidates.stream()
            .anyMatch(candidate -> accountants.own(candidate, share).affordableRounds() >= 1);
    if (!isOfUse) {
      BigDecimal needed =
          candidates.stream()
              .map(candidate -> ofOneRound(candidate, share.delta()))
              .min(Comparator.naturalOrder())
              .orElseThrow();
      throw new LedgerException.Refused(
          ("The raise to (%s) leaves %s beside what is reserved jointly, which does not afford one"
                  + " round of training. At this delta raise epsilon to %s at least")
              .formatted(terms.budget(), share, behind.reserved().exactEpsilon().add(needed)));
    }
  }

  /** The ε that one round needs at a δ, in few digits, rounded up. */
  private static BigDecimal ofOneRound(RoundMechanism mechanism, double delta) {
    return new BigDecimal(
            new PldAccountant().epsilon(mechanism.accounted(), /* rounds= */ 1, delta))
        .setScale(4, RoundingMode.CEILING);
  }

  private static boolean opens(LedgerState state, PhaseSchedule.Phase wanted) {
    if (wanted.place() != null) {
      return wanted.place().isNext();
    }
    return state.raisedSincePhase()
        || state.phase().isEmpty()
        || !state.phase().get().mechanism().equals(wanted.mechanism());
  }

  private static void refuseContradictions(
      LedgerState state, BudgetTerms terms, boolean raises, String location)
      throws LedgerException.Refused {
    Genesis genesis = state.genesis().orElseThrow();
    List<String> faults = new ArrayList<>();
    if (!genesis.domain().equals(terms.domain())) {
      faults.add(
          "it is of domain '%s' but the configured domain is '%s': configure that domain, or another ledger"
              .formatted(genesis.domain(), terms.domain()));
    }
    if (!genesis.unit().equals(LedgerRecord.UNIT)
        || !genesis.neighbouringRelation().equals(LedgerRecord.NEIGHBOURING_RELATION)) {
      faults.add(
          "its privacy unit is '%s' under '%s' but this release accounts for '%s' under '%s': use the release that wrote it, or another ledger"
              .formatted(
                  genesis.unit(),
                  genesis.neighbouringRelation(),
                  LedgerRecord.UNIT,
                  LedgerRecord.NEIGHBOURING_RELATION));
    }
    if (genesis.roundIntervalMillis() != terms.roundInterval().toMillis()) {
      faults.add(
          "its round interval is %d ms but %d ms is configured: the interval defines public time and stays for the life of a domain"
              .formatted(genesis.roundIntervalMillis(), terms.roundInterval().toMillis()));
    }
    Integer generations = terms.horizon() == null ? null : terms.horizon().generations();
    if (!Objects.equals(genesis.generations(), generations)) {
      faults.add(
          "it has %s but %s is configured: which promise a domain makes is fixed at genesis, so configure that one, or another domain"
              .formatted(lifetimes(genesis.generations()), lifetimes(generations)));
    }
    if (raises && genesis.generations() != null) {
      faults.add(
          "its budget of lifetimes cannot be raised: generations are reserved at genesis (horizon.generations)");
    }
    if (!raises) {
      if (terms.epsilon() != state.epsilonBudget()) {
        faults.add(
            "its epsilon budget is %s but %s is configured: %s"
                .formatted(
                    state.epsilonBudget(),
                    terms.epsilon(),
                    advice(terms.epsilon() > state.epsilonBudget(), terms.raiseBudget())));
      }
      if (terms.delta() != state.delta()) {
        faults.add(
            "its delta is %s but %s is configured: %s"
                .formatted(
                    state.delta(),
                    terms.delta(),
                    advice(terms.delta() > state.delta(), terms.raiseBudget())));
      }
    }
    if (!faults.isEmpty()) {
      throw new LedgerException.Refused(
          "The %s does not fit the configuration: %s"
              .formatted(location, String.join("; ", faults)));
    }
  }

  private static String lifetimes(Integer generations) {
    return generations == null
        ? "one budget for everybody"
        : "%d generation%s of lifetimes".formatted(generations, generations == 1 ? "" : "s");
  }

  private static String advice(boolean higher, boolean raising) {
    if (!higher) {
      return "a budget is never lowered, configure the ledger's";
    }
    return raising
        ? "a raise lowers neither epsilon nor delta"
        : "configure the ledger's, or raise it deliberately with --raise-budget";
  }

  private static PrivacyLoss share(
      LedgerState state, BudgetTerms terms, PhaseSchedule.Phase phase, String location)
      throws LedgerException.Refused {
    PrivacyLoss left =
        terms.horizon() == null
            ? terms.budget().minus(state.reserved())
            : Genesis.shareOf(terms.budget(), terms.horizon().generations())
                .minus(state.reservedInGeneration());
    PrivacyLoss wanted = phase.place() == null ? phase.share() : phase.place().reserved();
    if (wanted == null ? !left.isReservable() : !wanted.isWithin(left)) {
      throw new LedgerException.Refused(
          ("The configured mechanism needs a phase of its own in the %s, %s, but of the budget"
                  + " (%s) only %s are not reserved yet. %s")
              .formatted(
                  location,
                  wanted == null
                      ? "which needs some epsilon and some delta"
                      : "reserving " + wanted,
                  terms.budget(),
                  left,
                  remedy(state, phase)));
    }
    return wanted != null ? wanted : left.roundedDown();
  }

  private static String remedy(LedgerState state, PhaseSchedule.Phase wanted) {
    String remedy = "Raise epsilon and delta (--raise-budget), or start another domain";
    return state
        .phase()
        .filter(open -> !open.mechanism().equals(wanted.mechanism()))
        .map(open -> "Go back to " + open.mechanism() + ", or: " + remedy)
        .orElse(remedy);
  }

  boolean raises() {
    return raises;
  }

  /** The record that opens a generation, if one is to be opened. */
  Optional<GenerationOpened> generation(long epoch) {
    return Optional.ofNullable(generation)
        .map(opened -> new GenerationOpened(epoch, opened.generation(), opened.identity()));
  }

  boolean opensPhase() {
    return opensPhase;
  }

  /** The record that reserves for the new phase and all others that share with it, if any. */
  Optional<JointlyReserved> reservation(long epoch) {
    return Optional.ofNullable(reservation).map(joint -> joint.in(epoch));
  }

  /** The record that opens the new phase. */
  PhaseOpened opened(long epoch) {
    return new PhaseOpened(
        epoch,
        phase,
        mechanism,
        share.epsilon(),
        share.delta(),
        Math.min(maxRounds, accountant.affordableRounds()),
        slot,
        lifetimeOf);
  }

  /** The accountant of the phase that is then open. */
  PhaseAccountant accountant() {
    return opensPhase ? opened(/* epoch= */ 1).accountant(accountant) : accountant;
  }
}
