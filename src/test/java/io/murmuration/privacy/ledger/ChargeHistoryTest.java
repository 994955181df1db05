package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.accounting.PhaseAccountant;
import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.budget.LedgerSession;
import io.murmuration.privacy.budget.LinearAccountant;
import io.murmuration.privacy.mechanism.AccountantFactory;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChargeHistoryTest {

  @TempDir private Path directory;

  private final List<LedgerEntry> entries = new ArrayList<>();
  private LedgerState state = LedgerState.empty();

  private LedgerEntry append(LedgerRecord record) {
    LedgerEntry entry = LedgerEntry.after(state, record);
    state = state.apply(entry);
    entries.add(entry);
    return entry;
  }

  private ChargeHistory history() throws LedgerException.Refused {
    return ChargeHistory.of(entries, "test ledger", LinearAccountant.FACTORY);
  }

  private void openPhase(int phase, RoundMechanism mechanism, double epsilon, long maxRounds) {
    append(
        new LedgerRecord.PhaseOpened(1, phase, mechanism, epsilon, Budgets.DELTA / 2, maxRounds));
  }

  @Test
  void addsWhatAPhaseUsedToWhatEarlierPhasesReserved() throws Exception {
    append(Budgets.genesis());
    append(new LedgerRecord.EpochOpened(1, "job"));
    openPhase(1, Budgets.MECHANISM, /* epsilon= */ 1.5, /* maxRounds= */ 1);
    LedgerEntry first = append(new LedgerRecord.Charge(1, 1, 3, 1));
    openPhase(2, Budgets.OTHER_MECHANISM, /* epsilon= */ 1.5, /* maxRounds= */ 3);
    append(new LedgerRecord.Charge(1, 2, 5, 2));
    LedgerEntry third = append(new LedgerRecord.Charge(1, 3, 6, 2));

    ChargeHistory history = history();

    assertThat(history.charges())
        .extracting(charged -> charged.charge().round())
        .containsExactly(1L, 2L, 3L);
    ChargeHistory.Charged one = history.withHash(first.hash()).orElseThrow();
    assertThat(history.epsilonAfter(one)).isEqualTo(1);
    assertThat(one.delta()).isEqualTo(Budgets.DELTA / 2);
    ChargeHistory.Charged three = history.withHash(third.hash()).orElseThrow();
    // 1.5 reserved by the first phase although it used 1, and two rounds at 0.5; rounded up
    assertThat(history.epsilonAfter(three)).isEqualTo(Math.nextUp(2.5));
    assertThat(three.delta()).isEqualTo(Budgets.DELTA);
    assertThat(three.phase().phase()).isEqualTo(2);
    assertThat(history.roundsLeft()).hasValue(1);
    assertThat(history.withHash(LedgerEntry.NO_HASH)).isEmpty();
  }

  @Test
  void agreesWithTheGrantsOfASession() throws Exception {
    FileLedger ledger = new FileLedger(directory.resolve("ledger"));
    List<Grant> grants = new ArrayList<>();
    try (LedgerSession session =
        Budgets.session(() -> ledger, Budgets.terms(/* epsilon= */ 3), "job")) {
      session.open(1_000);
      for (long tick = 1; tick <= 3; tick++) {
        grants.add(session.charge(tick));
      }
    }
    entries.addAll(ledger.read());

    ChargeHistory history = history();

    for (Grant grant : grants) {
      ChargeHistory.Charged charged = history.withHash(grant.ledgerHash()).orElseThrow();
      assertThat(history.epsilonAfter(charged)).isEqualTo(grant.epsilonSpent());
      assertThat(charged.delta()).isEqualTo(grant.delta());
      assertThat(charged.phase().mechanism()).isEqualTo(grant.mechanism());
    }
    assertThat(history.roundsLeft()).hasValue(0);
  }

  @Test
  void moreChargesThanTheShareAffordsHaveNoFiniteCost() throws Exception {
    append(Budgets.genesis());
    append(new LedgerRecord.EpochOpened(1, "job"));
    openPhase(1, Budgets.MECHANISM, /* epsilon= */ 1, /* maxRounds= */ 9);
    append(new LedgerRecord.Charge(1, 1, 1, 1));
    LedgerEntry second = append(new LedgerRecord.Charge(1, 2, 2, 1));

    ChargeHistory history = history();

    assertThat(history.epsilonAfter(history.withHash(second.hash()).orElseThrow())).isInfinite();
    assertThat(history.roundsLeft()).hasValue(0);
  }

  @Test
  void aReservationThatAnotherVersionAdmittedCountsIfItCanBeProven() throws Exception {
    append(Budgets.genesis());
    append(new LedgerRecord.EpochOpened(1, "job"));
    openPhase(1, Budgets.MECHANISM, /* epsilon= */ 1, /* maxRounds= */ 2);
    append(new LedgerRecord.Charge(1, 1, 1, 1));
    LedgerEntry second = append(new LedgerRecord.Charge(1, 2, 2, 1));
    AccountantFactory looser =
        (mechanism, epsilon, delta) -> new Looser(epsilon, delta, /* proven= */ 3);

    ChargeHistory history = ChargeHistory.of(entries, "test ledger", looser);

    ChargeHistory.Charged last = history.withHash(second.hash()).orElseThrow();
    assertThat(history.epsilonAfter(last)).isEqualTo(1);
    assertThat(history.epsilonAfterMore(last, 1)).isInfinite();
  }

  /** Affords one round, and can prove a few more. */
  private record Looser(double reservedEpsilon, double delta, long proven)
      implements PhaseAccountant {

    @Override
    public double epsilonAfter(long rounds) {
      return rounds * reservedEpsilon;
    }

    @Override
    public long affordableRounds() {
      return 1;
    }

    @Override
    public boolean covers(long rounds) {
      return rounds <= proven;
    }
  }

  @Test
  void anEmptyLedgerHasNoChargesAndABrokenChainIsRefused() throws Exception {
    assertThat(history().charges()).isEmpty();
    assertThat(history().roundsLeft()).isEmpty();
    append(Budgets.genesis());
    append(new LedgerRecord.EpochOpened(1, "job"));
    entries.remove(0);
    assertThatThrownBy(this::history)
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("test ledger is damaged at record 0");
  }
}
