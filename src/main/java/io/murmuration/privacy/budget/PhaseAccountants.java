package io.murmuration.privacy.budget;

import io.murmuration.privacy.accounting.JointAccounts;
import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.ledger.LedgerState.LedgerPhase;
import io.murmuration.privacy.ledger.OpenReservation;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.List;

/** The accountants of phases; what was composed for one phase of a reservation serves the next. */
final class PhaseAccountants {

  private final AccountantFactory factory;
  private JointlyReserved reserved;
  private JointAccounts accounts;

  PhaseAccountants(AccountantFactory factory) {
    this.factory = factory;
  }

  /** The accountant of a phase that reserves for itself. */
  PhaseAccountant own(RoundMechanism mechanism, PrivacyLoss share) {
    return factory.create(mechanism, share.epsilon(), share.delta());
  }

  /** The accountant of a phase that takes a slot next. */
  PhaseAccountant joint(OpenReservation joint, int slot, RoundMechanism mechanism) {
    JointlyReserved whoever = joint.reserved().in(/* otherEpoch= */ 1);
    if (!whoever.equals(reserved)) {
      reserved = whoever;
      accounts = whoever.accounts();
    }
    return joint.accountant(slot, mechanism, accounts);
  }

  /**
   * The accountant of the phase that is open, by what the ledger says of it and not by what is
   * configured.
   */
  PhaseAccountant ofOpen(LedgerState state) {
    List<LedgerPhase> phases = state.phases();
    LedgerPhase open = phases.get(phases.size() - 1);
    PhaseOpened opened = open.opened();
    return opened.accountant(
        opened.slot() == null
            ? own(opened.mechanism(), opened.reserved())
            : joint(open.joint(), opened.slot(), opened.mechanism()));
  }
}
