package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.budget.RoundCoordinator.Step;
import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RoundCoordinatorTest {

  private static final long GENESIS = 50_000;

  private final String store = UUID.randomUUID().toString();

  @AfterEach
  void forget() {
    InMemoryLedger.forget(store);
  }

  @Test
  void noTimePassesBeforeTheEpochIsKnown() {
    RoundCoordinator coordinator =
        new RoundCoordinator(Budgets.terms(9).phases(), 0, Budgets.gate());
    assertThat(coordinator.pulse(GENESIS)).isEqualTo(new Step.Wait());
    assertThat(coordinator.epsilonBudget()).isZero();
    assertThat(coordinator.phase()).isZero();
  }

  @Test
  void ticksAreWallTimeSinceGenesisInRoundIntervals() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    assertThat(attempt.open(0)).isEqualTo(new EpochStart(1, 1));
    assertThat(attempt.pulseMillis(99)).isEqualTo(new Step.Wait());
    assertThat(attempt.pulseMillis(100)).isEqualTo(new Step.Charge(1));
    attempt.charge(1);
    assertThat(attempt.pulseMillis(199)).isEqualTo(new Step.Wait());
    assertThat(attempt.pulseMillis(731)).isEqualTo(new Step.Pass(7));
  }

  @Test
  void theTickUnderWayAtAStartIsNotGranted() throws Exception {
    new Attempt(Budgets.terms(9), 0).open(0);
    Attempt second = new Attempt(Budgets.terms(9), 0);
    assertThat(second.open(4_250)).isEqualTo(new EpochStart(2, 43));
    assertThat(second.pulseMillis(4_299)).isEqualTo(new Step.Wait());
    assertThat(second.pulseMillis(4_300)).isEqualTo(new Step.Charge(43));
  }

  @Test
  void ticksStartAboveTheLastChargeAndKeepTheirPaceWhenTheClockWasSetBack() throws Exception {
    Attempt first = new Attempt(Budgets.terms(9), 0);
    first.open(0);
    assertThat(first.pulse(500)).isEqualTo(new Step.Charge(500, /* dueTick= */ 1));
    first.charge(500);
    Attempt second = new Attempt(Budgets.terms(9), 0);
    assertThat(second.open(1_000)).isEqualTo(new EpochStart(2, 501));
    assertThat(second.pulse(10)).isEqualTo(new Step.Wait());
    assertThat(second.pulse(11)).isEqualTo(new Step.Charge(501));
    second.charge(501);
    assertThat(second.pulse(11)).isEqualTo(new Step.Wait());
    assertThat(second.pulse(12)).isEqualTo(new Step.Pass(502));
  }

  @Test
  void ticksStartAboveWhatRestoredStateHadSent() throws Exception {
    assertThat(new Attempt(Budgets.terms(9), 77).open(0)).isEqualTo(new EpochStart(1, 78));
  }

  @Test
  void ticksNeverDecreaseWhileTheClockRunsBack() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.pulse(5);
    attempt.charge(5);
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Wait());
    assertThat(attempt.pulse(6)).isEqualTo(new Step.Pass(6));
  }

  @Test
  void oneRoundIsInFlightAndTicksMeanwhileAreNotQueued() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.pulse(1);
    assertThat(attempt.coordinator.isRoundInFlight()).isFalse();
    attempt.charge(1);
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Pass(3));
    assertThat(attempt.coordinator.isRoundInFlight()).isTrue();
    attempt.executed(1);
    assertThat(attempt.coordinator.isRoundInFlight()).isFalse();
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Wait());
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Charge(4, /* dueTick= */ 2));
  }

  @Test
  void acknowledgementsOfOtherEpochsOrRoundsMeanNothing() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.coordinator.acknowledged(new RoundExecuted(1, 1));
    attempt.pulse(1);
    attempt.charge(1);
    attempt.coordinator.acknowledged(new RoundExecuted(2, 1));
    attempt.coordinator.acknowledged(new RoundExecuted(1, 2));
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    attempt.executed(1);
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Charge(3, /* dueTick= */ 2));
  }

  @Test
  void nothingIsChargedInAnEpochBeforeItsModelIsAnnounced() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.openWithoutModel(0);
    assertThat(attempt.pulse(1)).isEqualTo(new Step.Pass(1));
    assertThat(attempt.coordinator.announced(Budgets.model(/* epoch= */ 2, 0))).isFalse();
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    assertThat(attempt.coordinator.announced(Budgets.model(1, 0))).isTrue();
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Charge(3, /* dueTick= */ 1));
  }

  @Test
  void afterARoundTheNextWaitsForTheModelThatHoldsIt() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.pulse(1);
    attempt.charge(1);
    attempt.coordinator.acknowledged(new RoundExecuted(1, 1));
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    assertThat(attempt.coordinator.announced(Budgets.model(1, 0))).as("known").isFalse();
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Pass(3));
    assertThat(attempt.coordinator.announced(Budgets.model(1, 1))).isTrue();
    assertThat(attempt.coordinator.announced(Budgets.model(1, 1))).as("again").isFalse();
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Charge(4, /* dueTick= */ 2));
  }

  @Test
  void noTimePassesWhileAChargeIsBeingWritten() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    assertThat(attempt.pulse(1)).isEqualTo(new Step.Charge(1));
    assertThat(attempt.pulse(9)).isEqualTo(new Step.Wait());
    assertThat(attempt.charge(1)).isEqualTo(1);
  }

  @Test
  void timePassesWithoutRoundsWhileTheLedgerIsLost() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    assertThat(attempt.coordinator.ledgerLost()).isEqualTo(new Step.Wait());
    assertThat(attempt.pulse(1)).isEqualTo(new Step.Pass(1));
    assertThat(attempt.reopen(150)).isTrue();
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Charge(2, /* dueTick= */ 1));
    assertThat(attempt.coordinator.ledgerLost()).isEqualTo(new Step.Pass(2));
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Pass(3));
  }

  @Test
  void timePassesWithoutRoundsWhileTheGateIsShut() throws Exception {
    DurabilityGate gate =
        new DurabilityGate(new DurabilityTerms(1, Duration.ZERO, 1), /* restoredRound= */ 0);
    Attempt attempt = new Attempt(Budgets.terms(9), 0, gate);
    attempt.open(0);
    attempt.runRound(1);
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Pass(2));
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Pass(3));
    gate.barrier(2);
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Pass(4));
    gate.completed(2);
    assertThat(attempt.pulse(5)).isEqualTo(new Step.Charge(5, /* dueTick= */ 2));
  }

  /** However long rounds take within their interval, they are charged at the same ticks. */
  @Test
  void durationsThatFitLeaveNoTraceInTheTicksOfCharges() throws Exception {
    for (int millis : new int[] {1, 50, 99}) {
      InMemoryLedger.forget(store);
      Attempt attempt = new Attempt(Budgets.terms(9), 0);
      attempt.open(0);
      for (int tick = 1; tick <= 5; tick++) {
        assertThat(attempt.pulse(tick)).isEqualTo(new Step.Charge(tick));
        attempt.charge(tick);
        assertThat(attempt.pulseMillis(tick * 100L + millis)).isEqualTo(new Step.Wait());
        attempt.executed(tick);
      }
      assertThat(attempt.coordinator.overruns()).isZero();
    }
  }

  @Test
  void anOverrunMovesTheChargeAndSaysWhenItWasDue() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.runRound(1);
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Charge(2));
    attempt.charge(2);
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Pass(3));
    attempt.executed(2);
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Charge(4, /* dueTick= */ 3));
    attempt.coordinator.granted(
        attempt.session.charge(4, /* dueTick= */ 3, OptionalDouble.empty()),
        attempt.session.state());
    assertThat(attempt.coordinator.overruns()).isEqualTo(1);
    attempt.executed(3);
    assertThat(attempt.pulse(5)).as("it delays itself alone").isEqualTo(new Step.Charge(5));
  }

  /** A recovery within its interval, at whichever moment of it: the same tick. */
  @Test
  void recoveriesThatFitLeaveNoTraceInTheTickOfTheNextCharge() throws Exception {
    // the epoch after a failure is opened at the beginning of a tick, and may be later than that
    for (int back : new int[] {500, 501, 550, 599}) {
      InMemoryLedger.forget(store);
      Attempt first = new Attempt(Budgets.terms(9), 0, recovering(0), "job");
      first.open(0);
      assertThat(first.pulse(1)).as("a start has an interval too").isEqualTo(new Step.Pass(1));
      assertThat(first.pulse(2)).isEqualTo(new Step.Charge(2));
      first.charge(2);
      first.executed(1);
      assertThat(first.pulse(3)).isEqualTo(new Step.Charge(3));
      first.charge(3);

      Attempt second = new Attempt(Budgets.terms(9), 0, recovering(0), "job");
      second.open(back);
      assertThat(second.pulse(6)).isEqualTo(new Step.Charge(6));
    }
  }

  @Test
  void aRecoveryThatDoesNotFitIsAnOverrun() throws Exception {
    Attempt first = new Attempt(Budgets.terms(9), 0, recovering(0), "job");
    first.open(0);
    first.pulse(2);
    first.charge(2);
    Attempt second = new Attempt(Budgets.terms(9), 0, recovering(0), "job");
    second.open(650);
    assertThat(second.pulse(7)).isEqualTo(new Step.Charge(7, /* dueTick= */ 5));

    Attempt submittedAnew = new Attempt(Budgets.terms(9), 0, recovering(0), "another");
    submittedAnew.open(950);
    assertThat(submittedAnew.pulse(10)).isEqualTo(new Step.Pass(10));
    assertThat(submittedAnew.pulse(11)).isEqualTo(new Step.Charge(11));
  }

  /** The pause that wasted epochs cost is public, and counts from where the schedule stood. */
  @Test
  void thePauseAfterAWastedEpochMovesTheScheduleAndIsNoOverrun() throws Exception {
    Attempt first = new Attempt(Budgets.terms(9), 0, recovering(150), "job");
    first.open(0);
    first.pulse(2);
    first.charge(2);
    for (int back : new int[] {400, 450, 499}) {
      Attempt second = new Attempt(Budgets.terms(9), 0, recovering(150), "job");
      second.open(back);
      assertThat(second.pulse(6)).isEqualTo(new Step.Pass(6));
      assertThat(second.pulse(7)).isEqualTo(new Step.Charge(7));
    }
  }

  private static DurabilityGate recovering(long pauseMillis) {
    return new DurabilityGate(
        new DurabilityTerms(100, Duration.ofMillis(pauseMillis), 100, /* startTicks= */ 1),
        /* restoredRound= */ 0);
  }

  /** A halt costs nothing, so that it waits for nothing. */
  @Test
  void theHaltIsRecordedWhileTheGateIsShut() throws Exception {
    DurabilityGate gate =
        new DurabilityGate(new DurabilityTerms(1, Duration.ZERO, 1), /* restoredRound= */ 0);
    Attempt attempt = new Attempt(Budgets.terms(1), 0, gate);
    attempt.open(0);
    attempt.runRound(1);
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Halt(2, HaltReason.BUDGET_SPENT));
  }

  @Test
  void haltsWhenOneMoreRoundWouldPassWhatIsReserved() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(2.5), 0);
    attempt.open(0);
    assertThat(attempt.coordinator.roundsRemaining()).isEqualTo(2);
    attempt.runRound(1);
    attempt.runRound(2);
    assertThat(attempt.coordinator.roundsRemaining()).isZero();
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Halt(3, HaltReason.BUDGET_SPENT));
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Wait());
    assertThat(attempt.halt(HaltReason.BUDGET_SPENT)).isEqualTo(3);
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Pass(4));
    assertThat(attempt.coordinator.halt()).contains(HaltReason.BUDGET_SPENT);
  }

  /** The last round has no charge behind it that could say that it did not fit. */
  @Test
  void aHaltThatComesLateIsCountedAsAnOverrun() throws Exception {
    for (int late : new int[] {0, 3}) {
      InMemoryLedger.forget(store);
      Attempt attempt = new Attempt(Budgets.terms(1), 0);
      attempt.open(0);
      attempt.pulse(1);
      attempt.charge(1);
      for (int tick = 2; tick < 2 + late; tick++) {
        assertThat(attempt.pulse(tick)).isEqualTo(new Step.Pass(tick));
      }
      attempt.executed(1);
      assertThat(attempt.pulse(2 + late))
          .isEqualTo(new Step.Halt(2 + late, HaltReason.BUDGET_SPENT));
      attempt.halt(HaltReason.BUDGET_SPENT);
      assertThat(attempt.coordinator.overruns()).isEqualTo(late == 0 ? 0 : 1);
    }
  }

  @Test
  void aStartOnASpentLedgerIsHaltedAtOnceAndWritesNoSecondHalt() throws Exception {
    haltsWhenOneMoreRoundWouldPassWhatIsReserved();
    Attempt second = new Attempt(Budgets.terms(2.5), 0);
    second.open(1_000);
    assertThat(second.coordinator.halt()).contains(HaltReason.BUDGET_SPENT);
    assertThat(second.pulse(11)).isEqualTo(new Step.Pass(11));
  }

  @Test
  void stopsAfterTheConfiguredRoundsAndGoesOnWhenALaterStartAllowsMore() throws Exception {
    Attempt first = new Attempt(Budgets.terms(9).withMaxRounds(2), 0);
    first.open(0);
    assertThat(first.coordinator.roundsRemaining()).isEqualTo(2);
    first.runRound(1);
    first.runRound(2);
    assertThat(first.pulse(3)).isEqualTo(new Step.Halt(3, HaltReason.ROUNDS_DONE));
    first.halt(HaltReason.ROUNDS_DONE);
    Attempt same = new Attempt(Budgets.terms(9).withMaxRounds(2), 0);
    same.open(1_000);
    assertThat(same.pulse(11)).isEqualTo(new Step.Halt(11, HaltReason.ROUNDS_DONE));
    Attempt more = new Attempt(Budgets.terms(9).withMaxRounds(3), 0);
    more.open(2_000);
    assertThat(more.pulse(21)).isEqualTo(new Step.Charge(21));
    assertThat(more.session.charge(21)).returns(3L, Grant::round).returns(3.0, Grant::epsilonSpent);
  }

  /** The round in flight is spent; nothing more is. */
  @Test
  void aModelThatFailsHaltsBeforeTheNextCharge() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(9), 0);
    attempt.open(0);
    attempt.pulse(1);
    attempt.charge(1);
    attempt.coordinator.acknowledged(RoundExecuted.withFailedModel(2, 1));
    attempt.coordinator.acknowledged(RoundExecuted.withFailedModel(1, 2));
    assertThat(attempt.pulse(2)).as("of another epoch or round").isEqualTo(new Step.Pass(2));
    attempt.coordinator.acknowledged(RoundExecuted.withFailedModel(1, 1));
    assertThat(attempt.pulse(3)).isEqualTo(new Step.Halt(3, HaltReason.MODEL_FAILED));
    // its record may be lost with the ledger, and is then written again
    assertThat(attempt.coordinator.ledgerLost()).isEqualTo(new Step.Pass(3));
    assertThat(attempt.reopen(350)).isTrue();
    assertThat(attempt.pulse(4)).isEqualTo(new Step.Halt(4, HaltReason.MODEL_FAILED));
    attempt.halt(HaltReason.MODEL_FAILED);
    assertThat(attempt.pulse(5)).isEqualTo(new Step.Pass(5));
    assertThat(attempt.coordinator.halt()).contains(HaltReason.MODEL_FAILED);
    assertThat(attempt.coordinator.roundsRemaining()).isZero();

    Attempt mended = new Attempt(Budgets.terms(9), 0);
    mended.open(1_000);
    assertThat(mended.coordinator.halt()).isEmpty();
    assertThat(mended.pulse(11)).isEqualTo(new Step.Charge(11));
  }

  @Test
  void aBudgetSpentByTheLastConfiguredRoundCountsAsSpent() throws Exception {
    Attempt attempt = new Attempt(Budgets.terms(1).withMaxRounds(1), 0);
    attempt.open(0);
    attempt.runRound(1);
    assertThat(attempt.pulse(2)).isEqualTo(new Step.Halt(2, HaltReason.BUDGET_SPENT));
  }

  @Test
  void aSupersededAttemptLetsTimePassAndNothingElse() throws Exception {
    Attempt old = new Attempt(Budgets.terms(9), 0);
    old.open(0);
    new Attempt(Budgets.terms(9), 0).open(0);
    old.coordinator.ledgerLost();
    assertThat(old.reopen(0)).isTrue();
    assertThat(old.coordinator.halt()).contains(HaltReason.FENCED);
    assertThat(old.pulse(1)).isEqualTo(new Step.Pass(1));
    assertThat(old.coordinator.roundsRemaining()).isZero();
  }

  /** One attempt of a job of its own; times are milliseconds or ticks since the genesis. */
  private final class Attempt {
    private final RoundCoordinator coordinator;
    private final DurabilityGate gate;
    private final LedgerSession session;

    Attempt(BudgetTerms terms, long restoredTick) {
      this(terms, restoredTick, Budgets.gate());
    }

    Attempt(BudgetTerms terms, long restoredTick, DurabilityGate gate) {
      this(terms, restoredTick, gate, UUID.randomUUID().toString());
    }

    Attempt(BudgetTerms terms, long restoredTick, DurabilityGate gate, String job) {
      this.gate = gate;
      coordinator = new RoundCoordinator(terms.phases(), restoredTick, gate);
      session = Budgets.session(InMemoryLedger.factory(store), terms, job);
    }

    EpochStart open(long millis) throws Exception {
      EpochStart start = openWithoutModel(millis);
      coordinator.announced(Budgets.model(start.epoch(), /* round= */ 0));
      return start;
    }

    EpochStart openWithoutModel(long millis) throws Exception {
      EpochStart start =
          coordinator.opened(session.open(GENESIS + millis), GENESIS + millis).orElseThrow();
      Budgets.open(gate);
      return start;
    }

    void executed(long round) {
      coordinator.announced(Budgets.model(1, round));
      coordinator.acknowledged(new RoundExecuted(1, round));
    }

    /** Opens again; true if no second epoch start came of it. */
    boolean reopen(long millis) throws Exception {
      return coordinator.opened(session.open(GENESIS + millis), GENESIS + millis).isEmpty();
    }

    Step pulse(long tick) {
      return pulseMillis(tick * 100);
    }

    Step pulseMillis(long millis) {
      return coordinator.pulse(GENESIS + millis);
    }

    long charge(long tick) throws Exception {
      return coordinator.granted(session.charge(tick), session.state());
    }

    long halt(HaltReason reason) throws Exception {
      session.halt(reason);
      return coordinator.haltRecorded(session.state());
    }

    void runRound(long tick) throws Exception {
      assertThat(pulse(tick)).isEqualTo(new Step.Charge(tick));
      charge(tick);
      executed(coordinator.round());
    }
  }
}
