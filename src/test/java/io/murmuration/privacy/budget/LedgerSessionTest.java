package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.accounting.PrivacyLoss;
import io.murmuration.privacy.budget.FaultyLedger.Fault;
import io.murmuration.privacy.budget.LedgerSession.Opening;
import io.murmuration.privacy.ledger.FileLedger;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerEntry;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerPosition;
import io.murmuration.privacy.ledger.LedgerRecord;
import io.murmuration.privacy.ledger.LedgerRecord.PhaseOpened;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerSessionTest {

  private static final long NOW = 1_000;

  private final String store = UUID.randomUUID().toString();
  private final FaultyLedger.Controls controls = new FaultyLedger.Controls();
  private final LedgerFactory ledger =
      FaultyLedger.factory(InMemoryLedger.factory(store), controls);

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  @Test
  void firstStartWritesGenesisEpochAndAPhaseThatReservesAll() throws Exception {
    Opening opening = session(Budgets.terms(3), "a").open(NOW);
    assertThat(opening).isInstanceOf(Opening.Owned.class);
    assertThat(records())
        .containsExactly(
            new LedgerRecord.Genesis(
                Budgets.DOMAIN,
                LedgerRecord.UNIT,
                LedgerRecord.NEIGHBOURING_RELATION,
                3,
                Budgets.DELTA,
                NOW,
                100),
            new LedgerRecord.EpochOpened(1, "a"),
            new PhaseOpened(1, 1, Budgets.MECHANISM, 3, Budgets.DELTA, 3));
  }

  @Test
  void grantCarriesTheHashOfItsDurableCharge() throws Exception {
    LedgerSession session = session(Budgets.terms(3), "a");
    session.open(NOW);
    Grant grant = session.charge(7);
    assertThat(grant.ledgerHash()).isEqualTo(state().headHash());
    assertThat(records()).last().isEqualTo(new LedgerRecord.Charge(1, 1, 7, 1));
  }

  @Test
  void lostChargeLeavesNoTraceAndItsNumberIsFree() throws Exception {
    LedgerSession session = session(Budgets.terms(3), "a");
    session.open(NOW);
    controls.appends.add(Fault.LOST);
    assertThatThrownBy(() -> session.charge(1)).isInstanceOf(LedgerException.Unavailable.class);
    session.open(NOW);
    assertThat(session.charge(2)).returns(1L, Grant::round).returns(1L, Grant::epoch);
  }

  @Test
  void unacknowledgedChargeIsSpentAndItsNumberIsGone() throws Exception {
    LedgerSession session = session(Budgets.terms(3), "a");
    session.open(NOW);
    controls.appends.add(Fault.UNACKNOWLEDGED);
    assertThatThrownBy(() -> session.charge(1)).isInstanceOf(LedgerException.Unavailable.class);
    session.open(NOW);
    assertThat(session.epsilonSpent()).isEqualTo(1);
    assertThat(session.charge(2))
        .returns(2L, Grant::round)
        .returns(1L, Grant::epoch)
        .returns(2.0, Grant::epsilonSpent);
  }

  @Test
  void everyAppendOfAStartMayFailOnceAndTheStartStillSucceeds() throws Exception {
    for (Fault fault : List.of(Fault.LOST, Fault.UNACKNOWLEDGED)) {
      for (int failing = 0; failing < 3; failing++) {
        InMemoryLedger.forget(store);
        for (int i = 0; i < failing; i++) {
          controls.appends.add(Fault.NONE);
        }
        controls.appends.add(fault);
        LedgerSession session = session(Budgets.terms(3), "a");
        assertThatThrownBy(() -> session.open(NOW)).isInstanceOf(LedgerException.Unavailable.class);
        assertThat(session.open(NOW)).isInstanceOf(Opening.Owned.class);
        assertThat(session.charge(1).epsilonSpent()).isEqualTo(1);
        assertThat(state().phase()).map(PhaseOpened::phase).contains(1);
      }
    }
  }

  @Test
  void noiseThatAnotherVersionCalibratedALittleDifferentlyGoesOnAsItIs() throws Exception {
    session(calibrated(/* noiseMultiplier= */ 1), "a").open(NOW);
    LedgerSession newer = session(calibrated(/* noiseMultiplier= */ 1.0004), "b");

    assertThat(newer.open(NOW)).isInstanceOf(Opening.Owned.class);
    assertThat(newer.charge(1).mechanism()).isEqualTo(Budgets.MECHANISM);
    assertThat(state().phase()).map(PhaseOpened::phase).contains(1);

    assertThatThrownBy(() -> session(calibrated(/* noiseMultiplier= */ 1.01), "c").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("needs a phase of its own");
  }

  @Test
  void noiseThatIsGivenIsAnotherMechanismHoweverClose() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);

    assertThatThrownBy(() -> session(Budgets.terms(3, noisy(1.0004)), "b").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("needs a phase of its own");
  }

  private static BudgetTerms calibrated(double noiseMultiplier) {
    return Budgets.terms(3)
        .withPhases(
            PhaseSchedule.calibrated(
                noisy(noiseMultiplier), /* share= */ null, /* maxRounds= */ 3));
  }

  private static RoundMechanism noisy(double noiseMultiplier) {
    RoundMechanism of = Budgets.MECHANISM;
    return new RoundMechanism(
        of.sampler(),
        of.samplingProbability(),
        of.groupSize(),
        noiseMultiplier,
        of.clipNorm(),
        of.expectedUnits());
  }

  @Test
  void halfARaiseIsCompletedByTheNextStart() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    BudgetTerms raised = raisedTerms(5, 2e-6);
    controls.appends.addAll(List.of(Fault.NONE, Fault.NONE, Fault.LOST));
    assertThatThrownBy(() -> session(raised, "b").open(NOW))
        .isInstanceOf(LedgerException.Unavailable.class);
    assertThat(state().raisedSincePhase()).isTrue();
    session(raised, "b").open(NOW);
    assertThat(state().phase()).contains(new PhaseOpened(3, 2, Budgets.MECHANISM, 2, 1e-6, 2));
  }

  @Test
  void refusesALedgerThatDoesNotFitNamingEveryContradiction() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    BudgetTerms other = BudgetTerms.of("gulls", 4, 1e-7, Duration.ofSeconds(1), Budgets.MECHANISM);
    assertThatThrownBy(() -> session(other, "b").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("domain 'starlings' but the configured domain is 'gulls'")
        .hasMessageContaining("epsilon budget is 3.0 but 4.0")
        .hasMessageContaining("--raise-budget")
        .hasMessageContaining("delta is 1.0E-6 but 1.0E-7")
        .hasMessageContaining("never lowered")
        .hasMessageContaining("round interval is 100 ms but 1000 ms");
    assertThat(state().epoch()).isEqualTo(1);
  }

  @Test
  void refusesALedgerOfAnotherPrivacyUnit() throws Exception {
    Ledger raw = InMemoryLedger.factory(store).create();
    raw.open();
    raw.append(
        LedgerEntry.after(
            LedgerState.empty(),
            new LedgerRecord.Genesis(
                Budgets.DOMAIN, "example", "replace-one", 3, Budgets.DELTA, NOW, 100)));
    assertThatThrownBy(() -> session(Budgets.terms(3), "a").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("privacy unit is 'example' under 'replace-one'");
  }

  @Test
  void changedMechanismWithoutBudgetLeftIsRefused() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    assertThatThrownBy(() -> session(Budgets.terms(3, Budgets.OTHER_MECHANISM), "b").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("needs a phase of its own")
        .hasMessageContaining("Go back to");
    assertThat(state().epoch()).isEqualTo(1);
  }

  @Test
  void changedMechanismOpensAPhaseAndEndingOneEarlyReturnsNothing() throws Exception {
    BudgetTerms first = Budgets.terms(3).withShare(PrivacyLoss.budget("phase", 2, 4e-7));
    LedgerSession one = session(first, "a");
    one.open(NOW);
    assertThat(one.charge(1)).returns(1.0, Grant::epsilonSpent).returns(4e-7, Grant::delta);
    LedgerSession two = session(Budgets.terms(3, Budgets.OTHER_MECHANISM), "b");
    two.open(NOW);
    assertThat(state().phase())
        .contains(new PhaseOpened(2, 2, Budgets.OTHER_MECHANISM, 1, 6e-7, 2));
    Grant grant = two.charge(2);
    assertThat(grant)
        .returns(2, Grant::phase)
        .returns(2L, Grant::round)
        .returns(0L, Grant::roundInPhase);
    assertThat(two.charge(3)).returns(3L, Grant::round).returns(1L, Grant::roundInPhase);
    // The first phase reserved 2 and used 1; the second uses 0.5.
    assertThat(grant.epsilonSpent()).isGreaterThanOrEqualTo(2.5).isLessThan(2.5 + 1e-12);
    assertThat(grant.delta()).isEqualTo(1e-6);
  }

  @Test
  void mechanismThatAffordsNoRoundIsRefusedBeforeAnythingIsWritten() throws Exception {
    assertThatThrownBy(() -> session(Budgets.terms(0.9), "a").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("Not one round");
    assertThat(records()).isEmpty();
  }

  @Test
  void raisingTwiceWithTheSameTermsRaisesOnce() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    session(raisedTerms(5, 2e-6), "b").open(NOW);
    session(raisedTerms(5, 2e-6), "c").open(NOW);
    assertThat(records()).filteredOn(LedgerRecord.BudgetRaised.class::isInstance).hasSize(1);
    assertThat(state().phase()).map(PhaseOpened::phase).contains(2);
    assertThat(state().reserved().exactEpsilon()).isEqualByComparingTo("5");
  }

  @Test
  void raisingEpsilonAloneIsRefusedWhileNoDeltaIsLeft() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    assertThatThrownBy(() -> session(raisedTerms(5, Budgets.DELTA), "b").open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("Raise epsilon and delta");
    assertThat(state().epsilonBudget()).isEqualTo(3);
  }

  @Test
  void supersededJobDoesNotEvenFence() throws Exception {
    LedgerSession old = session(Budgets.terms(3), "a");
    old.open(NOW);
    LedgerSession young = session(Budgets.terms(3), "b");
    young.open(NOW);
    int opened = controls.opened;
    assertThat(session(Budgets.terms(3), "a").open(NOW)).isInstanceOf(Opening.Superseded.class);
    assertThat(old.open(NOW)).isInstanceOf(Opening.Superseded.class);
    assertThat(controls.opened).isEqualTo(opened);
    assertThat(young.charge(1).round()).isEqualTo(1);
  }

  @Test
  void readsAfterFencingSoThatNothingIsMissed() throws Exception {
    LedgerSession old = session(Budgets.terms(3), "a");
    old.open(NOW);
    LedgerFactory charging =
        () ->
            new ForwardingLedger(InMemoryLedger.factory(store).create()) {
              @Override
              public List<LedgerEntry> open() throws LedgerException, InterruptedException {
                // The old holder's last charge arrives between the look and the fencing.
                old.charge(5);
                return super.open();
              }
            };
    LedgerSession young = session(charging, Budgets.terms(3), "b");
    young.open(NOW);
    assertThat(young.charge(6)).returns(2L, Grant::round).returns(2.0, Grant::epsilonSpent);
    assertThatThrownBy(() -> old.charge(7)).isInstanceOf(LedgerException.Fenced.class);
  }

  @Test
  void fencedButNotSupersededAttemptGoesOnInItsEpoch() throws Exception {
    LedgerSession session = session(Budgets.terms(3), "a");
    session.open(NOW);
    InMemoryLedger.factory(store).create().open();
    assertThatThrownBy(() -> session.charge(1)).isInstanceOf(LedgerException.Fenced.class);
    assertThat(session.open(NOW)).isInstanceOf(Opening.Owned.class);
    assertThat(session.charge(2)).returns(1L, Grant::epoch).returns(1L, Grant::round);
  }

  @Test
  void earlierAttemptOfTheSameJobIsSupersededByTheLater() throws Exception {
    LedgerSession zombie = session(Budgets.terms(3), "a");
    zombie.open(NOW);
    session(Budgets.terms(3), "a").open(NOW);
    assertThatThrownBy(() -> zombie.charge(1)).isInstanceOf(LedgerException.Fenced.class);
    assertThat(zombie.open(NOW)).isInstanceOf(Opening.Superseded.class);
  }

  @Test
  void refusesALedgerWithoutTheRestoredHead() throws Exception {
    session(Budgets.terms(3), "a").open(NOW);
    LedgerPosition unknown = new LedgerPosition(1, "f".repeat(64), 0, 0);
    assertThatThrownBy(
            () -> Budgets.session(ledger, Budgets.terms(3), "b", Optional.of(unknown)).open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("tail is lost");
    LedgerPosition known = new LedgerPosition(2, state().headHash(), 0, 0);
    assertThat(Budgets.session(ledger, Budgets.terms(3), "b", Optional.of(known)).open(NOW))
        .isInstanceOf(Opening.Owned.class);
  }

  /** An empty place is not taken for the ledger of a domain that somebody has seen. */
  @Test
  void beginsNoLedgerWhereReleasesOrStateHaveSeenOne(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("chat.ledger");
    LedgerPosition seen = new LedgerPosition(3, "0f".repeat(32), 7, 2);
    LedgerFactory nowhere = FileLedger.factory(file);
    for (LedgerSession session :
        List.of(
            Budgets.session(nowhere, Budgets.terms(3), "a", Optional.of(seen)),
            new LedgerSession(
                nowhere,
                Budgets.terms(3),
                LinearAccountant.FACTORY,
                () -> List.of(seen.hash()),
                "a",
                /* restored= */ Optional.empty()))) {
      assertThatThrownBy(() -> session.open(NOW)).isInstanceOf(LedgerException.Refused.class);
      assertThat(directory).isEmptyDirectory();
    }
    try (LedgerSession first = Budgets.session(nowhere, Budgets.terms(3), "a")) {
      first.open(NOW);
    }
    assertThat(file).isNotEmptyFile();
  }

  @Test
  void refusesALedgerWithoutTheHeadOfARelease() throws Exception {
    LedgerSession first = session(Budgets.terms(3), "a");
    first.open(NOW);
    String released = first.charge(1).ledgerHash();
    assertThat(sessionWithReleases(() -> List.of(released)).open(NOW))
        .isInstanceOf(Opening.Owned.class);
    assertThatThrownBy(() -> sessionWithReleases(() -> List.of("0f".repeat(32))).open(NOW))
        .isInstanceOf(LedgerException.Refused.class)
        .hasMessageContaining("A published release names")
        .hasMessageContaining("ledger.accept-lost-charges");
    assertThatThrownBy(
            () ->
                sessionWithReleases(
                        () -> {
                          throw new IOException("planted");
                        })
                    .open(NOW))
        .isInstanceOf(LedgerException.Unavailable.class);
  }

  private static Optional<String> leftBehind(Opening opening) {
    return ((Opening.Owned) opening).modelLeftBehind();
  }

  @Test
  void saysThatAnOldSavepointLeavesTheNewestModelBehind() throws Exception {
    LedgerPosition early;
    LedgerPosition late;
    String released;
    try (LedgerSession first = session(Budgets.terms(3), "a")) {
      first.open(NOW);
      first.charge(1);
      early = position(first, /* executedRound= */ 1);
      first.charge(2);
      // a checkpoint that was taken while round 2 ran holds round 1 alone
      late = position(first, /* executedRound= */ 1);
      released = first.state().headHash();
    }
    ReleaseWitness releases = () -> List.of(released);

    assertThat(leftBehind(sessionWithReleases(releases, Optional.of(early)).open(NOW)))
        .hasValueSatisfying(
            why ->
                assertThat(why)
                    .contains("older than the newest release, that of round 2")
                    .contains("its model is that of round 1")
                    .contains("'latest'"));
    // not an old one: what it had in flight was published when the next checkpoint completed
    assertThat(leftBehind(sessionWithReleases(releases, Optional.of(late)).open(NOW))).isEmpty();
  }

  @Test
  void saysThatAStartWithoutStateLeavesTheNewestModelBehind_unlessItBeginsThere() throws Exception {
    String released;
    try (LedgerSession first = session(Budgets.terms(3), "a")) {
      assertThat(leftBehind(first.open(NOW))).isEmpty();
      first.charge(1);
      released = first.state().headHash();
    }

    assertThat(leftBehind(sessionWithReleases(() -> List.of(released), Optional.empty()).open(NOW)))
        .hasValueSatisfying(
            why -> assertThat(why).contains("no state is restored").contains("that of round 1"));
    ReleaseWitness startsThere =
        new ReleaseWitness() {
          @Override
          public List<String> ledgerHashes() {
            return List.of(released);
          }

          @Override
          public List<String> startingPoint() {
            return List.of(released);
          }
        };
    assertThat(leftBehind(sessionWithReleases(startsThere, Optional.empty()).open(NOW))).isEmpty();
  }

  private static LedgerPosition position(LedgerSession session, long executedRound) {
    LedgerState state = session.state();
    return new LedgerPosition(
        state.nextSequence() - 1, state.headHash(), state.lastChargedTick(), executedRound);
  }

  private LedgerSession sessionWithReleases(ReleaseWitness releases) {
    return sessionWithReleases(releases, Optional.empty());
  }

  private LedgerSession sessionWithReleases(
      ReleaseWitness releases, Optional<LedgerPosition> restored) {
    return new LedgerSession(
        ledger,
        Budgets.terms(3),
        LinearAccountant.FACTORY,
        releases,
        UUID.randomUUID().toString(),
        restored);
  }

  private static BudgetTerms raisedTerms(double epsilon, double delta) {
    return BudgetTerms.of(Budgets.DOMAIN, epsilon, delta, Budgets.INTERVAL, Budgets.MECHANISM)
        .raisingBudget();
  }

  private LedgerSession session(BudgetTerms terms, String jobId) {
    return session(ledger, terms, jobId);
  }

  private static LedgerSession session(LedgerFactory factory, BudgetTerms terms, String jobId) {
    return Budgets.session(factory, terms, jobId);
  }

  private List<LedgerRecord> records() throws Exception {
    return InMemoryLedger.factory(store).create().read().stream().map(LedgerEntry::record).toList();
  }

  private LedgerState state() throws Exception {
    return LedgerState.of(InMemoryLedger.factory(store).create().read(), "test");
  }

  /** Passes everything on; tests override what they disturb. */
  private abstract static class ForwardingLedger implements Ledger {
    private final Ledger real;

    ForwardingLedger(Ledger real) {
      this.real = real;
    }

    @Override
    public String location() {
      return real.location();
    }

    @Override
    public List<LedgerEntry> read() throws LedgerException, InterruptedException {
      return real.read();
    }

    @Override
    public List<LedgerEntry> open() throws LedgerException, InterruptedException {
      return real.open();
    }

    @Override
    public void append(LedgerEntry entry) throws LedgerException, InterruptedException {
      real.append(entry);
    }

    @Override
    public void close() {
      real.close();
    }
  }
}
