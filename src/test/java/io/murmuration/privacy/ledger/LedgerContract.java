package io.murmuration.privacy.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.Budgets;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every form of the ledger must do; subclasses only say where it is. */
@Timeout(120)
abstract class LedgerContract {

  private final List<Ledger> opened = new ArrayList<>();

  /** Ledgers on one store, empty before the first append of each test. */
  abstract LedgerFactory factory() throws Exception;

  /** Whether a later holder drives an earlier one out; otherwise it has to wait for its end. */
  abstract boolean fencesTheLiving();

  /** Makes a ledger that is closed at the test's end. */
  final Ledger ledger() throws Exception {
    Ledger ledger = factory().create();
    opened.add(ledger);
    return ledger;
  }

  @AfterEach
  final void closeLedgers() {
    opened.forEach(Ledger::close);
  }

  @Test
  void isEmptyAtFirst() throws Exception {
    assertThat(ledger().read()).isEmpty();
    assertThat(ledger().open()).isEmpty();
  }

  @Test
  void givesTheNextHolderEveryEntryInOrder() throws Exception {
    Ledger first = ledger();
    first.open();
    List<LedgerEntry> written = appendAll(first, LedgerState.empty(), 1, 5);
    first.close();
    Ledger second = ledger();
    assertThat(second.open()).isEqualTo(written);
    LedgerState state = LedgerState.of(written, second.location());
    List<LedgerEntry> more = appendAll(second, state, 6, 3);
    second.close();
    List<LedgerEntry> all = new ArrayList<>(written);
    all.addAll(more);
    assertThat(ledger().open()).isEqualTo(all);
  }

  @Test
  void showsDurableEntriesToReadersWithoutDisturbingTheHolder() throws Exception {
    Ledger holder = ledger();
    holder.open();
    List<LedgerEntry> written = appendAll(holder, LedgerState.empty(), 1, 2);
    assertThat(ledger().read()).isEqualTo(written);
    LedgerState state = LedgerState.of(written, holder.location());
    appendAll(holder, state, 3, 1);
    assertThat(ledger().read()).hasSize(4);
  }

  @Test
  void neverHasTwoWriters() throws Exception {
    Ledger first = ledger();
    first.open();
    List<LedgerEntry> written = appendAll(first, LedgerState.empty(), 1, 1);
    LedgerState state = LedgerState.of(written, first.location());
    Ledger second = ledger();
    if (fencesTheLiving()) {
      assertThat(second.open()).isEqualTo(written);
      assertThatThrownBy(() -> appendAll(first, state, 2, 1))
          .isInstanceOf(LedgerException.Fenced.class);
    } else {
      assertThatThrownBy(second::open).isInstanceOf(LedgerException.Unavailable.class);
      appendAll(first, state, 2, 1);
      first.close();
      assertThat(second.open()).hasSize(3);
    }
  }

  @Test
  void keepsAFencedHolderOutForGood() throws Exception {
    Ledger first = ledger();
    first.open();
    first.close();
    Ledger second = ledger();
    second.open();
    assertThatThrownBy(() -> appendAll(first, LedgerState.empty(), 1, 1))
        .isInstanceOf(IllegalStateException.class);
    second.close();
    assertThat(first.open()).isEmpty();
    appendAll(first, LedgerState.empty(), 1, 1);
  }

  @Test
  void closesTwiceAndUnopened() throws Exception {
    Ledger ledger = ledger();
    ledger.close();
    ledger.open();
    ledger.close();
    ledger.close();
    assertThat(ledger().open()).isEmpty();
  }

  /** Appends, after a genesis if the ledger is empty, epochs from this one on. */
  static List<LedgerEntry> appendAll(Ledger ledger, LedgerState state, long firstEpoch, int epochs)
      throws LedgerException, InterruptedException {
    List<LedgerRecord> records = new ArrayList<>();
    if (state.genesis().isEmpty()) {
      records.add(Budgets.genesis());
    }
    for (int i = 0; i < epochs; i++) {
      records.add(new EpochOpened(firstEpoch + i, "job"));
    }
    List<LedgerEntry> entries = new ArrayList<>();
    LedgerState current = state;
    for (LedgerRecord record : records) {
      LedgerEntry entry = LedgerEntry.after(current, record);
      ledger.append(entry);
      entries.add(entry);
      current = current.apply(entry);
    }
    return entries;
  }
}
