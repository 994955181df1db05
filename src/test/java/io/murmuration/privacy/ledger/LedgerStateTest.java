package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.ledger.LedgerRecord.BudgetRaised;
import io.murmuration.privacy.ledger.LedgerRecord.Charge;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Halted;
import io.murmuration.privacy.ledger.LedgerRecord.JointlyReserved;
import io.murmuration.privacy.ledger.LedgerRecord.Option;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerRecord.Slot;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LedgerStateTest {

  @Test
  void followsAWholeLife() throws Exception {
    LedgerState state =
        fold(
            Budgets.genesis(),
            new EpochOpened(1, "a"),
            phase(1, 1, 2, 5e-7, 2),
            new Charge(1, 1, 10, 1),
            new EpochOpened(2, "a"),
            new Charge(2, 2, 12, 1),
            new Halted(2, HaltReason.BUDGET_SPENT),
            new EpochOpened(3, "b"),
            phase(3, 2, 1, 5e-7, 4),
            new Charge(3, 3, 20, 2));
    assertThat(state.epoch()).isEqualTo(3);
    assertThat(state.jobId()).contains("b");
    assertThat(state.supersedes("a")).isTrue();
    assertThat(state.supersedes("b")).isFalse();
    assertThat(state.rounds()).isEqualTo(3);
    assertThat(state.roundsInPhase()).isEqualTo(1);
    assertThat(state.lastChargedTick()).isEqualTo(20);
    assertThat(state.reserved().exactEpsilon()).isEqualByComparingTo("3");
    assertThat(state.reserved().exactDelta()).isEqualByComparingTo("1e-6");
    assertThat(state.halt()).isEmpty();
    assertThat(state.nextSequence()).isEqualTo(10);
  }

  @Test
  void startsWithExactlyOneGenesis() {
    refuses("must be the genesis", new EpochOpened(1, "a"));
    refuses("must be the genesis", Budgets.genesis(), Budgets.genesis());
  }

  @Test
  void opensEpochsOneByOne() {
    refuses("epoch 2 after epoch 0", Budgets.genesis(), new EpochOpened(2, "a"));
    refusesAfterPhase("epoch 1 after epoch 1", new EpochOpened(1, "a"));
    refusesAfterPhase("epoch 3 after epoch 1", new EpochOpened(3, "a"));
  }

  @Test
  void keepsASupersededJobOut() {
    refusesAfterPhase(
        "another job had taken over", new EpochOpened(2, "b"), new EpochOpened(3, "a"));
  }

  @Test
  void acceptsRecordsOfTheCurrentEpochOnly() {
    refuses("in epoch 1 but the ledger is in epoch 0", Budgets.genesis(), phase(1, 1, 1, 1e-7, 1));
    EpochOpened second = new EpochOpened(2, "b");
    refusesAfterPhase("in epoch 1 but the ledger is in epoch 2", second, new Charge(1, 1, 1, 1));
    refusesAfterPhase(
        "in epoch 1 but the ledger is in epoch 2", second, new Halted(1, HaltReason.ROUNDS_DONE));
    refusesAfterPhase(
        "in epoch 1 but the ledger is in epoch 2", second, new BudgetRaised(1, 9, 1e-6));
    refusesAfterPhase(
        "in epoch 1 but the ledger is in epoch 2",
        second,
        new JointlyReserved(
            1, List.of(new Slot(1, List.of(Option.of(Budgets.MECHANISM, 1)))), 0.5, 1e-7));
    refusesAfterPhase("in epoch 1 but the ledger is in epoch 2", second, phase(1, 2, 0.5, 1e-7, 1));
  }

  @Test
  void haltsAPhaseThatWasOpenedAndOnlyOnce() {
    Halted halt = new Halted(1, HaltReason.ROUNDS_DONE);
    refuses("halts before any phase", Budgets.genesis(), new EpochOpened(1, "a"), halt);
    refusesAfterPhase("halts after the halt", halt, halt);
  }

  @Test
  void chargesEachRoundOnce() {
    refusesAfterPhase("round 2 after round 0", new Charge(1, 2, 1, 1));
    refusesAfterPhase("round 1 after round 1", new Charge(1, 1, 1, 1), new Charge(1, 1, 2, 1));
  }

  /** An overrun says when the charge was due; a ledger from before says nothing of that. */
  @Test
  void aLateChargeSaysWhenItWasDue_andThatIsAfterTheOneBefore() throws Exception {
    Charge late = new Charge(1, 2, 9, 1, /* clipNorm= */ null, /* dueTick= */ 8L);
    assertThat(fold(afterPhase(new Charge(1, 1, 7, 1), late)).lastChargedTick()).isEqualTo(9);
    LedgerEntry written = LedgerCodec.encode(0, "ab".repeat(32), late);
    assertThat(written.line()).contains("\"phase\":1,\"due_tick\":8,");
    assertThat(LedgerCodec.decode(written.line()).record()).isEqualTo(late);
    assertThat(LedgerCodec.encode(0, "ab".repeat(32), late.withoutDueTick()).line())
        .doesNotContain("due");
    refusesAfterPhase("due at tick 7 but tick 7", new Charge(1, 1, 7, 1), late(9, 7));
    assertThatThrownBy(() -> late(9, 9)).hasMessageContaining("late");
    assertThatThrownBy(() -> late(9, 0)).hasMessageContaining("at least 1");
  }

  private static Charge late(long tick, long dueTick) {
    return new Charge(1, 2, tick, 1, /* clipNorm= */ null, dueTick);
  }

  @Test
  void chargesEachTickOnceAlsoAcrossEpochs() {
    refusesAfterPhase(
        "tick 7 but tick 7 was already charged", new Charge(1, 1, 7, 1), new Charge(1, 2, 7, 1));
    refusesAfterPhase(
        "tick 6 but tick 7 was already charged",
        new Charge(1, 1, 7, 1),
        new EpochOpened(2, "a"),
        new Charge(2, 2, 6, 1));
  }

  @Test
  void chargesTheOpenPhaseWithinWhatItReserved() {
    refuses("before any phase", Budgets.genesis(), new EpochOpened(1, "a"), new Charge(1, 1, 1, 1));
    refusesAfterPhase("charges phase 2 but phase 1", new Charge(1, 1, 1, 2));
    refusesAfterPhase(
        "one round more than the 2",
        new Charge(1, 1, 1, 1),
        new Charge(1, 2, 2, 1),
        new Charge(1, 3, 3, 1));
  }

  @Test
  void neverReservesMoreThanTheBudget() {
    refusesAfterPhase("reserved to epsilon 3.1", phase(1, 2, 1.1, 1e-7, 1));
    refusesAfterPhase("delta 1.1E-6 of a budget", phase(1, 2, 1, 6e-7, 1));
    refusesAfterPhase("phase 3 after phase 1", phase(1, 3, 1, 1e-7, 1));
  }

  @Test
  void addsReservationsWithoutRoundingErrors() throws Exception {
    // In binary floating point 0.1 + 0.2 > 0.3.
    List<LedgerRecord> records = new ArrayList<>();
    records.add(
        new LedgerRecord.Genesis(
            "d", LedgerRecord.UNIT, LedgerRecord.NEIGHBOURING_RELATION, 0.3, 1e-6, 0, 1));
    records.add(new EpochOpened(1, "a"));
    records.add(phase(1, 1, 0.1, 1e-7, 1));
    records.add(phase(1, 2, 0.2, 1e-7, 1));
    assertThat(fold(records.toArray(LedgerRecord[]::new)).reserved().exactEpsilon())
        .isEqualByComparingTo("0.3");
  }

  @Test
  void staysHaltedWhenTheBudgetIsSpent() {
    Halted spent = new Halted(1, HaltReason.BUDGET_SPENT);
    refusesAfterPhase("after the halt", spent, new Charge(1, 1, 1, 1));
    refusesAfterPhase("after the halt", spent, spent);
    refusesAfterPhase("after the halt", spent, new EpochOpened(2, "a"), new Charge(2, 1, 1, 1));
  }

  @Test
  void goesOnInALaterEpochWhenOnlyTheRoundsWereDone() throws Exception {
    Halted done = new Halted(1, HaltReason.ROUNDS_DONE);
    refusesAfterPhase("after the halt", done, new Charge(1, 1, 1, 1));
    assertThat(fold(afterPhase(done, new EpochOpened(2, "a"), new Charge(2, 1, 1, 1))).rounds())
        .isEqualTo(1);
  }

  /** Restarts of the job that met it would meet it again. */
  @Test
  void goesOnAfterAFailedModelOnlyInAnotherJob() throws Exception {
    Halted failed = new Halted(1, HaltReason.MODEL_FAILED);
    refusesAfterPhase("after the halt", failed, new Charge(1, 1, 1, 1));
    String job = fold(afterPhase()).jobId().orElseThrow();
    assertThat(fold(afterPhase(failed, new EpochOpened(2, job))).halt())
        .contains(HaltReason.MODEL_FAILED);
    assertThat(fold(afterPhase(failed, new EpochOpened(2, "another"))).halt()).isEmpty();
    assertThat(
            fold(afterPhase(failed, new EpochOpened(2, "another"), new Charge(2, 1, 1, 1)))
                .rounds())
        .isEqualTo(1);
  }

  @Test
  void raisesButNeverLowersTheBudget() throws Exception {
    refusesAfterPhase("lowers the budget", new BudgetRaised(1, 2.9, 1e-5));
    refusesAfterPhase("lowers the budget", new BudgetRaised(1, 4, 1e-7));
    refusesAfterPhase("which it already is", new BudgetRaised(1, 3, 1e-6));
    LedgerState raised = fold(afterPhase(new BudgetRaised(1, 5, 2e-6)));
    assertThat(raised.epsilonBudget()).isEqualTo(5);
    assertThat(raised.delta()).isEqualTo(2e-6);
    assertThat(raised.raisedSincePhase()).isTrue();
    LedgerState opened = fold(afterPhase(new BudgetRaised(1, 5, 2e-6), phase(1, 2, 3, 1e-6, 1)));
    assertThat(opened.raisedSincePhase()).isFalse();
  }

  @Test
  void breaksWhereTheChainBreaks() {
    LedgerEntry genesis = LedgerEntry.after(LedgerState.empty(), Budgets.genesis());
    LedgerEntry orphan = LedgerCodec.encode(1, LedgerEntry.NO_HASH, new EpochOpened(1, "a"));
    assertThatThrownBy(() -> LedgerState.of(List.of(genesis, orphan), "the book"))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("the book is damaged at record 1: it follows the record with hash");
  }

  private static PhaseOpened phase(
      long epoch, int phase, double epsilon, double delta, long maxRounds) {
    return new PhaseOpened(epoch, phase, Budgets.MECHANISM, epsilon, delta, maxRounds);
  }

  /** A ledger of budget (3, 1e-6) whose phase 1 reserves (2, 5e-7) for two rounds, and more. */
  private static LedgerRecord[] afterPhase(LedgerRecord... more) {
    List<LedgerRecord> records = new ArrayList<>();
    records.add(Budgets.genesis());
    records.add(new EpochOpened(1, "a"));
    records.add(phase(1, 1, 2, 5e-7, 2));
    records.addAll(List.of(more));
    return records.toArray(LedgerRecord[]::new);
  }

  private static void refusesAfterPhase(String why, LedgerRecord... more) {
    refuses(why, afterPhase(more));
  }

  /** The last of these records, and none before it, cannot follow. */
  private static void refuses(String why, LedgerRecord... records) {
    LedgerRecord[] before = java.util.Arrays.copyOf(records, records.length - 1);
    LedgerState state = fold(before);
    LedgerEntry last = LedgerEntry.after(state, records[records.length - 1]);
    assertThatThrownBy(() -> state.apply(last))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  private static LedgerState fold(LedgerRecord... records) {
    LedgerState state = LedgerState.empty();
    for (LedgerRecord record : records) {
      state = state.apply(LedgerEntry.after(state, record));
    }
    return state;
  }
}
