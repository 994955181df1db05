package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.JointAccounts;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Every charge of a ledger and what all charges up to it cost together, computed anew by the
 * accountant from nothing but the ledger's records.
 *
 * <p>Composing takes milliseconds a charge, so an ε is computed when it is asked for. Not
 * thread-safe.
 */
public final class ChargeHistory {

  /**
   * One charge.
   *
   * @param hash of its record
   * @param charge the record
   * @param phase the phase that it is charged to
   * @param roundsInPhase charges of that phase up to and including this one
   * @param earlier the sum of what earlier phases reserved
   */
  public record Charged(
      String hash, Charge charge, PhaseOpened phase, long roundsInPhase, PrivacyLoss earlier) {

    /** δ of everything up to this charge: the sum of what all phases up to its own reserved. */
    public double delta() {
      return earlier.plus(phase.reserved()).delta();
    }

    /** Whose lifetime it counts in; empty for a calibration, and where users have none. */
    public Optional<Horizon> lifetime() {
      return phase.lifetimeFrom(charge.round() - roundsInPhase + 1);
    }

    /** What the round did: the phase's mechanism, with the clip norm of this charge if it moves. */
    public RoundMechanism mechanism() {
      return charge.clipNorm() == null
          ? phase.mechanism()
          : phase.mechanism().withClipNorm(charge.clipNorm());
    }
  }

  private final LedgerState state;
  private final AccountantFactory accountants;
  private final List<Charged> charges = new ArrayList<>();
  private final List<PhaseOpened> phases = new ArrayList<>();
  private final List<JointlyReserved> reservations = new ArrayList<>();
  private final Map<String, Charged> byHash = new HashMap<>();
  private final Map<Integer, PhaseAccountant> byPhase = new HashMap<>();
  private final Map<JointlyReserved, JointAccounts> byReservation = new HashMap<>();

  private ChargeHistory(LedgerState state, AccountantFactory accountants) {
    this.state = state;
    this.accountants = accountants;
  }

  /**
   * Reads the charges of a ledger.
   *
   * @param location where the entries come from, for messages
   * @throws LedgerException.Refused if the chain is broken or an entry could not have followed
   */
  public static ChargeHistory of(
      List<LedgerEntry> entries, String location, AccountantFactory accountants)
      throws LedgerException.Refused {
    ChargeHistory history = new ChargeHistory(LedgerState.of(entries, location), accountants);
    LedgerState before = LedgerState.empty();
    for (LedgerEntry entry : entries) {
      LedgerState after = before.apply(entry);
      if (entry.record() instanceof PhaseOpened opened) {
        history.phases.add(opened);
      } else if (entry.record() instanceof JointlyReserved reserved) {
        history.reservations.add(reserved);
      } else if (entry.record() instanceof Charge charge) {
        history.add(entry.hash(), charge, after);
      }
      before = after;
    }
    return history;
  }

  private void add(String hash, Charge charge, LedgerState after) {
    PhaseOpened phase = after.phase().orElseThrow();
    Charged charged =
        new Charged(hash, charge, phase, after.roundsInPhase(), after.reservedEarlier());
    charges.add(charged);
    byHash.put(hash, charged);
  }

  /** What the ledger adds up to. */
  public LedgerState state() {
    return state;
  }

  /** All charges in the order of their rounds. */
  public List<Charged> charges() {
    return List.copyOf(charges);
  }

  /**
   * The first phase whose share does not cover what it says that one user may take part in,
   * computed anew; empty if none.
   */
  public Optional<PhaseOpened> uncoveredLifetime() {
    return phases.stream()
        .filter(PhaseOpened::isLifetime)
        .filter(phase -> !accountant(phase).covers(phase.maxRounds()))
        .findFirst();
  }

  /** ε of all the rounds of a phase that may be one user's, at the phase's δ. */
  public double epsilonOfLifetime(PhaseOpened phase) {
    return accountant(phase).epsilonAfter(phase.maxRounds());
  }

  /** All joint reservations in the order of the ledger. */
  public List<JointlyReserved> reservations() {
    return List.copyOf(reservations);
  }

  /** All phases in the order in which they were opened. */
  public List<PhaseOpened> phases() {
    return List.copyOf(phases);
  }

  /** The charge whose record has this hash. */
  public Optional<Charged> withHash(String hash) {
    return Optional.ofNullable(byHash.get(hash));
  }

  /**
   * ε of everything up to and including a charge, at its δ: what earlier phases reserved plus what
   * the phase's rounds so far cost. Infinite where the ledger holds more charges of a phase than
   * the accountant can prove its share to cover.
   */
  public double epsilonAfter(Charged charged) {
    return epsilonAfterMore(charged, /* more= */ 0);
  }

  /**
   * What {@link #epsilonAfter} would be with so many more rounds of the same phase.
   *
   * @param more at least 0
   */
  public double epsilonAfterMore(Charged charged, long more) {
    PhaseAccountant accountant = accountant(charged.phase());
    long rounds = charged.roundsInPhase() + more;
    if (rounds > accountant.affordableRounds()) {
      // A reservation that another version admitted is valid if it can be proven to be.
      return (charged.phase().isLifetime() || rounds <= charged.phase().maxRounds())
              && accountant.covers(rounds)
          ? charged.earlier().plus(charged.phase().reserved()).epsilon()
          : Double.POSITIVE_INFINITY;
    }
    return charged
        .earlier()
        .epsilonWith(charged.phase().reserved(), accountant.epsilonAfter(rounds));
  }

  /**
   * Whether a stated ε is at least what everything up to and including a charge costs, proven with
   * all the precision there is: another version stated bounds that were a grid's precision apart.
   */
  public boolean covers(Charged charged, double stated) {
    return stated >= epsilonAfter(charged)
        || accountant(charged.phase())
            .proves(charged.roundsInPhase(), charged.earlier().epsilonLeftOf(stated));
  }

  /**
   * Rounds that the open phase still affords; empty while no phase is open, and where it has no
   * end.
   */
  public OptionalLong roundsLeft() {
    if (state.phase().isEmpty() || state.phase().get().isLifetime()) {
      return OptionalLong.empty();
    }
    PhaseOpened phase = state.phase().get();
    long affordable = Math.min(phase.maxRounds(), accountant(phase).affordableRounds());
    return OptionalLong.of(Math.max(0, affordable - state.roundsInPhase()));
  }

  private PhaseAccountant accountant(PhaseOpened phase) {
    return byPhase.computeIfAbsent(
        phase.phase(),
        number ->
            phase.accountant(
                phase.slot() == null
                    ? accountants.create(phase.mechanism(), phase.epsilon(), phase.delta())
                    : joint(phase)));
  }

  private PhaseAccountant joint(PhaseOpened phase) {
    OpenReservation joint =
        state.phases().stream()
            .filter(past -> past.opened().phase() == phase.phase())
            .map(LedgerPhase::joint)
            .findFirst()
            .orElseThrow();
    return joint.accountant(phase.slot(), phase.mechanism(), accountsOf(joint.reserved()));
  }

  /** What a joint reservation costs, recomputed from its record. */
  public JointAccounts accountsOf(JointlyReserved reserved) {
    return byReservation.computeIfAbsent(reserved, JointlyReserved::accounts);
  }
}
