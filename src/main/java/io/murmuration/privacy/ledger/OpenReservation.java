package io.murmuration.privacy.ledger;

import io.murmuration.privacy.accounting.JointAccounts;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;

/**
 * A joint reservation whose slots may still be taken.
 *
 * @param reserved the record
 * @param taken the slots that phases have taken, in their order
 */
public record OpenReservation(JointlyReserved reserved, List<Integer> taken) {

  public OpenReservation {
    taken = List.copyOf(taken);
  }

  /** How many phases have taken a slot. */
  public int timesTaken(int slot) {
    return (int) taken.stream().filter(other -> other == slot).count();
  }

  /** How many more phases may take a slot. */
  public int timesLeft(int slot) {
    return reserved.slot(slot).times() - timesTaken(slot);
  }

  /**
   * The accountant of a phase that takes a slot next.
   *
   * @param mechanism one of the slot's options
   * @param accounts of the reservation
   */
  public PhaseAccountant accountant(int slot, RoundMechanism mechanism, JointAccounts accounts) {
    return accounts.phase(
        taken.stream().map(other -> reserved.slot(other).choice()).toList(),
        reserved.slot(slot).choice(),
        reserved.slot(slot).optionOf(mechanism).orElseThrow().rounds());
  }

  OpenReservation taking(int slot) {
    List<Integer> more = new ArrayList<>(taken);
    more.add(slot);
    return new OpenReservation(reserved, more);
  }
}
