package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.Genesis;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;

/**
 * What a start has to do to a ledger so that the configured mechanism may run: nothing, open a
 * phase, or raise the budget and open a phase. Settled before anything is written.
 */
final class PhasePlan {

  private final boolean raises;
  private final boolean opensPhase;
  private final int phase;
  private final RoundMechanism mechanism;
  private final PrivacyLoss share;
  private final long maxRounds;
  private final PhaseAccountant accountant;

  private PhasePlan(
      boolean raises,
      boolean opensPhase,
      int phase,
      RoundMechanism mechanism,
      PrivacyLoss share,
      long maxRounds,
      PhaseAccountant accountant) {
    this.raises = raises;
    this.opensPhase = opensPhase;
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
  static PhasePlan of(
      LedgerState state,
      BudgetTerms terms,
      AccountantFactory accountants,
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
    PhaseProgramme.Phase wanted = terms.programme().phaseAt(state, tick);
    boolean opensPhase =
        raises
            || state.raisedSincePhase()
            || state.phase().isEmpty()
            || !state.phase().get().mechanism().equals(wanted.mechanism());
    PrivacyLoss share =
        opensPhase ? share(state, terms, wanted, location) : state.phase().get().reserved();
    PhaseAccountant accountant =
        accountants.create(wanted.mechanism(), share.epsilon(), share.delta());
    if (opensPhase && accountant.affordableRounds() < 1) {
      throw new LedgerException.Refused(
          ("Not one round of %s fits into the %s that its phase would reserve."
                  + " Raise the noise multiplier, lower the sampling probability, or give it more"
                  + " epsilon")
              .formatted(wanted.mechanism(), share));
    }
    int phase = state.phase().map(PhaseOpened::phase).orElse(0) + 1;
    return new PhasePlan(
        raises, opensPhase, phase, wanted.mechanism(), share, wanted.maxRounds(), accountant);
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

  private static String advice(boolean higher, boolean raising) {
    if (!higher) {
      return "a budget is never lowered, configure the ledger's";
    }
    return raising
        ? "a raise lowers neither epsilon nor delta"
        : "configure the ledger's, or raise it deliberately with --raise-budget";
  }

  private static PrivacyLoss share(
      LedgerState state, BudgetTerms terms, PhaseProgramme.Phase phase, String location)
      throws LedgerException.Refused {
    PrivacyLoss left = terms.budget().minus(state.reserved());
    PrivacyLoss wanted = phase.share();
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

  private static String remedy(LedgerState state, PhaseProgramme.Phase wanted) {
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

  boolean opensPhase() {
    return opensPhase;
  }

  /** The record that reserves for the new phase. */
  PhaseOpened opening(long epoch) {
    return new PhaseOpened(
        epoch,
        phase,
        mechanism,
        share.epsilon(),
        share.delta(),
        Math.min(maxRounds, accountant.affordableRounds()));
  }

  PhaseAccountant accountant() {
    return accountant;
  }
}
