package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.FaultyLedger.Fault;
import io.murmuration.privacy.budget.LedgerSession.Opening;
import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.EpochOpened;
import io.murmuration.privacy.ledger.LedgerRecord.GenerationOpened;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lifetimes in the dealings with the ledger: a round costs ε 1, and a generation has 3. */
class LifetimeSessionTest {

  private static final long NOW = 1_000;
  private static final SortedMap<String, String> KEY = identity("00112233445566aa");
  private static final SortedMap<String, String> OTHER_KEY = identity("ffeeddccbbaa9988");

  private static SortedMap<String, String> identity(String key) {
    return new TreeMap<>(Map.of("id-key", key, "ids", "1"));
  }

  private final String store = UUID.randomUUID().toString();
  private final FaultyLedger.Controls controls = new FaultyLedger.Controls();
  private final LedgerFactory ledger =
      FaultyLedger.factory(InMemoryLedger.factory(store), controls);

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  private static BudgetTerms terms(Integer newGeneration, SortedMap<String, String> key) {
    return Budgets.terms(6).withHorizon(new HorizonTerms(/* generations= */ 2, newGeneration, key));
  }

  private static BudgetTerms terms() {
    return terms(/* newGeneration= */ null, KEY);
  }

  private LedgerSession opened(BudgetTerms terms, String job) throws Exception {
    LedgerSession session = Budgets.session(ledger, terms, job);
    assertThat(session.open(NOW)).isInstanceOf(Opening.Owned.class);
    return session;
  }

  private void refuses(BudgetTerms terms, String... why) {
    assertThatThrownBy(() -> opened(terms, "x"))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContainingAll(why);
  }

  private List<LedgerRecord> records() throws Exception {
    return InMemoryLedger.factory(store).create().read().stream().map(LedgerEntry::record).toList();
  }

  private LedgerState state() throws Exception {
    return LedgerState.of(InMemoryLedger.factory(store).create().read(), "test");
  }

  @Test
  void firstStartReservesTheLifetimesAndOpensTheFirst() throws Exception {
    opened(terms(), "a");
    assertThat(records()).hasSize(4);
    assertThat(state().genesis().orElseThrow().generations()).isEqualTo(2);
    assertThat(records().subList(1, 4))
        .containsExactly(
            new EpochOpened(1, "a"),
            new GenerationOpened(1, 1, KEY),
            new PhaseOpened(1, 1, Budgets.MECHANISM, 3, Budgets.DELTA / 2, 3, null, 1));
  }

  @Test
  void roundsAreChargedForEverAndEpsilonStaysThatOfALifetime() throws Exception {
    LedgerSession session = opened(terms(), "a");
    for (int round = 1; round <= 20; round++) {
      Grant grant = session.charge(round);
      assertThat(grant.epsilonSpent()).isEqualTo(Math.min(round, 3));
      assertThat(grant.delta()).isEqualTo(Budgets.DELTA / 2);
      assertThat(grant.horizon()).isEqualTo(new Horizon(1, 3, 1));
    }
    assertThat(session.epsilonSpent()).isEqualTo(3);
    opened(terms(), "b").charge(21);
    assertThat(state().horizon()).contains(new Horizon(1, 3, 1));
  }

  @Test
  void trainingDoesNotHaltWhenALifetimeIsOver() throws Exception {
    DurabilityGate gate = Budgets.gate();
    RoundCoordinator coordinator = new RoundCoordinator(terms().phases(), 0, gate);
    LedgerSession session = Budgets.session(ledger, terms(), "a");
    coordinator.opened(session.open(0), 0);
    coordinator.announced(Budgets.model(1, 0));
    Budgets.open(gate);
    assertThat(coordinator.roundsRemaining()).isEqualTo(Long.MAX_VALUE);
    for (int tick = 1; tick <= 10; tick++) {
      assertThat(coordinator.pulse(tick * 100)).isEqualTo(new Step.Charge(tick));
      Grant grant = session.charge(tick, OptionalDouble.empty());
      coordinator.granted(grant, session.state());
      coordinator.acknowledged(new RoundExecuted(grant.epoch(), grant.round()));
      coordinator.announced(Budgets.model(1, grant.round()));
    }
    assertThat(coordinator.halt()).isEmpty();
  }

  @Test
  void aNewGenerationIsOpenedOnceHoweverOftenItIsAskedFor() throws Exception {
    opened(terms(), "a").charge(1);
    LedgerSession second = opened(terms(2, OTHER_KEY), "b");
    Grant grant = second.charge(2);
    assertThat(grant.horizon()).isEqualTo(new Horizon(2, 3, 2));
    assertThat(grant.epsilonSpent()).isBetween(4.0, 4 + 1e-12);
    assertThat(grant.delta()).isEqualTo(Budgets.DELTA);
    long records = state().nextSequence();
    opened(terms(2, OTHER_KEY), "c");
    opened(terms(null, OTHER_KEY), "d");
    assertThat(state().nextSequence()).isEqualTo(records + 2);
    assertThat(state().phases()).hasSize(2);
  }

  @Test
  void anotherMechanismIsAnotherGeneration() throws Exception {
    opened(terms(), "a").charge(1);
    BudgetTerms other =
        Budgets.terms(6, Budgets.OTHER_MECHANISM).withHorizon(new HorizonTerms(2, null, KEY));
    refuses(other, "mechanism is changed inside a generation", "--new-generation 2");
    opened(other.withHorizon(new HorizonTerms(2, 2, KEY)), "b").charge(2);
    assertThat(state().horizon()).contains(new Horizon(2, 6, 2));
  }

  @Test
  void anotherKeyIsAnotherGeneration() throws Exception {
    opened(terms(), "a").charge(1);
    refuses(terms(null, OTHER_KEY), "id-key is changed inside a generation", "--new-generation 2");
    refuses(terms(1, OTHER_KEY), "id-key is changed inside a generation");
    opened(terms(2, OTHER_KEY), "b");
    refuses(terms(2, KEY), "id-key is changed inside a generation");
    SortedMap<String, String> more = identity("ffeeddccbbaa9988");
    more.put("partitions", "4");
    refuses(terms(2, more), "partitions is changed inside a generation", "null but 4");
  }

  @Test
  void generationsAreOpenedInTurnAndNoMoreThanReserved() throws Exception {
    refuses(terms(2, KEY), "Generation 2 was asked for", "generation 0 of 2 is open");
    opened(terms(1, KEY), "a").charge(1);
    refuses(terms(3, KEY), "Generation 3 was asked for");
    opened(terms(2, KEY), "b").charge(2);
    refuses(terms(3, KEY), "Generation 3 was asked for");
    refuses(terms(1, KEY), "Generation 1 was asked for", "generation 2 of 2 is open");
  }

  @Test
  void whichPromiseADomainMakesIsFixedAtGenesis() throws Exception {
    opened(terms(), "a").charge(1);
    refuses(Budgets.terms(6), "2 generations of lifetimes", "one budget for everybody");
    refuses(
        Budgets.terms(6).withHorizon(new HorizonTerms(3, null, KEY)),
        "2 generations of lifetimes",
        "3 generations of lifetimes");
    refuses(
        Budgets.terms(9).withHorizon(new HorizonTerms(2, null, KEY)).raisingBudget(),
        "cannot be raised");
  }

  @Test
  void horizonsAreNotSwitchedOnOverADomainWithoutThem() throws Exception {
    opened(Budgets.terms(6), "a").charge(1);
    refuses(terms(), "one budget for everybody", "2 generations of lifetimes");
  }

  @Test
  void aStartThatFailsBetweenTwoRecordsIsCompletedByTheNext() throws Exception {
    opened(terms(), "a").charge(1);
    long before = state().nextSequence();
    for (Fault fault : List.of(Fault.LOST, Fault.UNACKNOWLEDGED)) {
      for (int written = 0; written < 3; written++) {
        for (int i = 0; i < written; i++) {
          controls.appends.add(Fault.NONE);
        }
        controls.appends.add(fault);
        LedgerSession cut = Budgets.session(ledger, terms(2, KEY), "cut " + fault + written);
        assertThatThrownBy(
                () -> {
                  cut.open(NOW);
                  cut.charge(state().lastChargedTick() + 1);
                  cut.charge(state().lastChargedTick() + 1);
                })
            .isInstanceOf(LedgerException.Unavailable.class);
      }
    }
    long tick = state().lastChargedTick() + 1;
    opened(terms(2, KEY), "z").charge(tick);
    assertThat(state().nextSequence()).isGreaterThan(before);
    assertThat(records().stream().filter(GenerationOpened.class::isInstance)).hasSize(2);
    assertThat(records().stream().filter(PhaseOpened.class::isInstance)).hasSize(2);
    assertThat(state().horizon().orElseThrow().generation()).isEqualTo(2);
  }
}
