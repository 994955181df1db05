package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.ledger.HaltReason;
import io.murmuration.privacy.ledger.InMemoryLedger;
import io.murmuration.privacy.ledger.Ledger;
import io.murmuration.privacy.ledger.LedgerException;
import io.murmuration.privacy.ledger.LedgerFactory;
import io.murmuration.privacy.ledger.LedgerState;
import io.murmuration.privacy.mechanism.BudgetSignal;
import io.murmuration.privacy.mechanism.BudgetSignalSerializer;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.InputTopic;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.ModelVersion;
import io.murmuration.privacy.mechanism.RoundExecuted;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointType;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.checkpoint.SnapshotType;
import org.apache.flink.runtime.operators.testutils.MockEnvironment;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class PrivacyBudgetOperatorTest {

  private static final long GENESIS = 1_000_000;
  private static final long FIRST_CHECKPOINT = 1_000;

  /** What application mode with high availability gives to every submission. */
  private static final JobID FIXED_JOB_ID = new JobID(0, 0);

  private final String store = UUID.randomUUID().toString();
  private final FaultyLedger.Controls controls = new FaultyLedger.Controls();
  private final LedgerFactory ledger =
      FaultyLedger.factory(InMemoryLedger.factory(store), controls);
  private final List<Job> jobs = new ArrayList<>();
  private DurabilityTerms durability = Budgets.NO_LIMIT;
  private InputTopic input;

  @AfterEach
  void closeJobs() throws Exception {
    for (Job job : jobs) {
      job.harness.close();
    }
    InMemoryLedger.forget(store);
  }

  @Test
  void sendsEpochStartThenGrantsBeforeTheirWatermarks() throws Exception {
    Job job = start(Budgets.terms(3), new JobID());
    job.awaitEpoch();
    assertThat(job.sent()).containsExactly(new EpochStart(1, 1));
    job.pulse(1);
    job.awaitMail();
    assertThat(job.sent())
        .satisfiesExactly(
            grant -> {
              assertThat((Grant) grant)
                  .returns(1L, Grant::epoch)
                  .returns(1L, Grant::round)
                  .returns(1L, Grant::tick)
                  .returns(1, Grant::phase)
                  .returns(Budgets.MECHANISM, Grant::mechanism)
                  .returns(1.0, Grant::epsilonSpent)
                  .returns(Budgets.DELTA, Grant::delta)
                  .returns(ledgerState().headHash(), Grant::ledgerHash);
            },
            watermark -> assertThat(watermark).isEqualTo(new Watermark(1)));
  }

  /** Whoever takes over reads larger ends, since these are read before the charge. */
  @Test
  void whereUsersAreCounted_tellsHowFarTheTopicIsWritten_withEpochAndBeforeEachGrant()
      throws Exception {
    GrowingTopic.END.set(0);
    input = new GrowingTopic();
    Job job = start(Budgets.terms(3), new JobID());
    job.awaitEpoch();
    assertThat(job.sent())
        .containsExactly(new EpochStart(1, 1, 0, 0, /* horizon= */ null, GrowingTopic.at(1)));
    job.pulse(1);
    job.awaitMail();
    assertThat(job.sent())
        .satisfiesExactly(
            limit -> assertThat(limit).isEqualTo(new IntakeLimit(1, 1, GrowingTopic.at(2))),
            grant -> assertThat(((Grant) grant).round()).isEqualTo(1),
            watermark -> assertThat(watermark).isEqualTo(new Watermark(1)));
    Job taker = start(Budgets.terms(3), new JobID());
    taker.awaitEpoch();
    assertThat(taker.sent())
        .containsExactly(new EpochStart(2, 2, 1, 1, /* horizon= */ null, GrowingTopic.at(3)));
  }

  @Test
  void whereUsersAreCounted_chargesNothingWhileTheTopicIsAway() throws Exception {
    GrowingTopic.END.set(0);
    input = new GrowingTopic();
    Job job = started();
    GrowingTopic.away = true;
    try {
      job.pulse(1);
      job.awaitMail();
      assertThat(job.sent()).containsExactly(new Watermark(1));
      assertThat(ledgerState().rounds()).isZero();
    } finally {
      GrowingTopic.away = false;
    }
    job.harness.setProcessingTime(GENESIS + 100_000);
    job.awaitMail();
    job.pulse(1001);
    job.awaitMail();
    assertThat(job.sent()).hasSize(3).element(0).isInstanceOf(IntakeLimit.class);
  }

  /** One more record whenever it is asked. */
  private static final class GrowingTopic implements InputTopic {

    private static final long serialVersionUID = 1L;
    static final AtomicLong END = new AtomicLong();
    static volatile boolean away;

    static InputOffsets at(long written) {
      return new InputOffsets("cluster", "topic", List.of(0L), List.of(written));
    }

    @Override
    public Connection open() {
      return new Connection() {
        @Override
        public InputOffsets read() throws IOException {
          if (away) {
            throw new IOException("the brokers are away");
          }
          return at(END.incrementAndGet());
        }

        @Override
        public void close() {
          // nothing to close
        }
      };
    }
  }

  @Test
  void withholdsGrantAndTimeUntilTheChargeIsDurable() throws Exception {
    Job job = started();
    controls.gate = new Semaphore(0);
    job.pulse(1);
    job.pulse(2);
    assertThat(job.sent()).isEmpty();
    job.harness.snapshot(1, 1);
    assertThat(job.sent()).isEmpty();
    controls.gate.release();
    job.awaitMail();
    assertThat(job.sent()).hasSize(2).element(1).isEqualTo(new Watermark(1));
  }

  @Test
  void chargesNoRoundWhileOneIsInFlight() throws Exception {
    Job job = started();
    job.grant(1);
    job.pulse(2);
    job.pulse(5);
    assertThat(job.sent()).containsExactly(new Watermark(2), new Watermark(5));
    job.acknowledge(1, 1);
    assertThat(job.grant(6).round()).isEqualTo(2);
    assertThat(ledgerState().rounds()).isEqualTo(2);
  }

  @Test
  void tellsWorkersOfTheModelsOfItsOwnTrainAlone() throws Exception {
    JobID id = new JobID();
    Job job = start(Budgets.terms(3), id);
    job.awaitMail();
    job.announce("another submission", 1, 0);
    assertThat(job.models()).isEmpty();
    job.announce(id.toHexString(), /* epoch= */ 7, 0);
    assertThat(job.models()).isEmpty();
    job.announce(id.toHexString(), 1, 0);
    job.announce(id.toHexString(), 1, 0);
    assertThat(job.models()).singleElement().returns(1L, ModelVersion::epoch);
    assertThat(job.sent()).containsExactly(new EpochStart(1, 1));
  }

  @Test
  void chargesNothingBeforeAModelWasAnnounced() throws Exception {
    JobID id = new JobID();
    Job job = start(Budgets.terms(3), id);
    job.awaitMail();
    job.barrier(1);
    job.harness.notifyOfCompletedCheckpoint(1);
    job.sent();
    job.passes(1);
    job.announce(id.toHexString(), 1, 0);
    job.sent();
    assertThat(job.grant(2).round()).isEqualTo(1);
  }

  @Test
  void haltsAtTheBudgetWhileTimeGoesOn() throws Exception {
    Job job = started();
    for (int round = 1; round <= 3; round++) {
      assertThat(job.grant(round).epsilonSpent()).isEqualTo(round);
      job.acknowledge(1, round);
    }
    job.pulse(4);
    job.awaitMail();
    assertThat(job.sent()).containsExactly(new Watermark(4));
    job.pulse(5);
    assertThat(job.sent()).containsExactly(new Watermark(5));
    assertThat(ledgerState().halt()).contains(HaltReason.BUDGET_SPENT);
    assertThat(ledgerState().rounds()).isEqualTo(3);
  }

  @Test
  void chargesNothingBeforeAnEpochsFirstCompletedCheckpoint() throws Exception {
    Job job = start(Budgets.terms(3), new JobID());
    job.barrier(1);
    job.awaitStart();
    job.sent();
    // its barrier passed before the epoch's start: it proves nothing
    job.harness.notifyOfCompletedCheckpoint(1);
    job.passes(1);
    job.barrier(2);
    job.passes(2);
    job.harness.notifyOfCompletedCheckpoint(2);
    assertThat(job.grant(3).round()).isEqualTo(1);
  }

  @Test
  void chargesNothingWhileTooManyRoundsAreInNoCompletedCheckpoint() throws Exception {
    durability = new DurabilityTerms(2, Duration.ofMinutes(1), 5);
    Job job = start(Budgets.terms(9), new JobID());
    job.awaitEpoch();
    job.sent();
    job.grant(1);
    job.acknowledge(1, 1);
    job.barrier(2_000);
    job.grant(2);
    job.acknowledge(1, 2);
    job.passes(3);
    job.harness.notifyOfCompletedCheckpoint(2_000);
    job.grant(4);
    job.acknowledge(1, 3);
    // rounds 2 and 3 are not durable
    job.passes(5);
    job.barrier(2_001);
    job.passes(6);
    job.harness.getOperator().notifyCheckpointAborted(2_001);
    job.passes(7);
    job.barrier(2_002);
    job.harness.notifyOfCompletedCheckpoint(2_002);
    assertThat(job.grant(8).round()).isEqualTo(4);
  }

  @Test
  void chargesNothingAfterASynchronousSavepoint() throws Exception {
    Job job = started();
    job.barrier(2_000, SavepointType.suspend(SavepointFormatType.CANONICAL));
    job.passes(1);
    job.passes(2);
  }

  @Test
  void aSavepointThatDoesNotEndTheJobSettlesNothingAndHoldsNothingBack() throws Exception {
    durability = new DurabilityTerms(1, Duration.ofMinutes(1), 5);
    Job job = start(Budgets.terms(9), new JobID());
    job.awaitEpoch();
    job.sent();
    job.grant(1);
    job.acknowledge(1, 1);
    job.barrier(2_000, SavepointType.savepoint(SavepointFormatType.CANONICAL));
    job.passes(2);
    job.barrier(2_001);
    job.harness.notifyOfCompletedCheckpoint(2_001);
    assertThat(job.grant(3).round()).isEqualTo(2);
  }

  /** Reaches its first checkpoint, charges, dies: again and again. */
  @Test
  void aCrashLoopThatChargesWaitsLongerEachTimeAndThenForAPerson() throws Exception {
    durability = new DurabilityTerms(2, Duration.ofMillis(1_000), 3);
    JobID id = new JobID();
    long tick = 0;
    OperatorSubtaskState newest = null;
    for (int attempt = 1; attempt <= 3; attempt++) {
      Job job = prepare(Budgets.terms(9), id);
      if (newest != null) {
        job.harness.initializeState(newest);
      }
      long opened = attempt == 1 ? 0 : tick + DurabilityTerms.RECOVERY_TICKS;
      job.open(opened);
      job.awaitStart();
      newest = job.barrier(attempt);
      job.harness.notifyOfCompletedCheckpoint(attempt);
      job.sent();
      long pauseTicks = attempt == 1 ? 0 : 10L << (attempt - 2);
      if (pauseTicks > 0) {
        job.passes(opened + pauseTicks - 1);
      }
      tick = opened + pauseTicks + 1;
      assertThat(job.grant(tick).round()).isEqualTo(attempt);
    }
    Job waiting = prepare(Budgets.terms(9), id);
    waiting.harness.initializeState(newest);
    waiting.open(tick + DurabilityTerms.RECOVERY_TICKS);
    waiting.awaitEpoch();
    waiting.sent();
    waiting.passes(tick + 1_000_000);

    Job submittedAnew = prepare(Budgets.terms(9), new JobID());
    submittedAnew.harness.initializeState(newest);
    submittedAnew.open(tick + 1_000_000);
    submittedAnew.awaitEpoch();
    submittedAnew.sent();
    assertThat(submittedAnew.grant(tick + 1_000_002).round()).isEqualTo(4);
  }

  @Test
  void anAttemptAfterOneThatMadeARoundDurableDoesNotWait() throws Exception {
    durability = new DurabilityTerms(2, Duration.ofMillis(1_000), 1);
    JobID id = new JobID();
    Job first = start(Budgets.terms(9), id);
    first.awaitEpoch();
    first.sent();
    first.grant(1);
    first.acknowledge(1, 1);
    OperatorSubtaskState newest = first.barrier(2_000);
    first.grant(2);
    Job second = prepare(Budgets.terms(9), id);
    second.harness.initializeState(newest);
    second.open(4);
    second.awaitEpoch();
    second.sent();
    assertThat(second.grant(5).round()).isEqualTo(3);
  }

  @Test
  void swallowsUpstreamWatermarksAndStatuses() throws Exception {
    Job job = started();
    job.harness.processWatermark(new Watermark(77));
    job.harness.processWatermarkStatus(WatermarkStatus.IDLE);
    job.harness.processWatermark(Watermark.MAX_WATERMARK);
    assertThat(job.sent()).isEmpty();
  }

  @Test
  void waitsForAnUnreachableLedgerWithGrowingPauses() throws Exception {
    controls.unreachable = true;
    Job job = start(Budgets.terms(3), new JobID());
    job.awaitMail();
    job.pulse(1);
    OperatorSubtaskState snapshot = job.harness.snapshot(1, 1);
    assertThat(snapshot).isNotNull();
    job.harness.setProcessingTime(GENESIS + 1_000);
    job.awaitMail();
    controls.unreachable = false;
    job.harness.setProcessingTime(GENESIS + 2_999);
    assertThat(job.sent()).isEmpty();
    assertThat(job.mailbox.hasMail()).isFalse();
    job.harness.setProcessingTime(GENESIS + 3_000);
    job.awaitMail();
    assertThat(job.sent()).containsExactly(new EpochStart(1, 1));
  }

  @Test
  void chargeOfUnknownOutcomeIsSpentAndNeverGranted() throws Exception {
    Job job = started();
    controls.appends.add(FaultyLedger.Fault.UNACKNOWLEDGED);
    job.pulse(1);
    job.awaitMail();
    assertThat(job.sent()).containsExactly(new Watermark(1));
    job.pulse(2);
    assertThat(job.sent()).containsExactly(new Watermark(2));
    job.pulse(12);
    job.awaitMail();
    assertThat(job.sent()).containsExactly(new Watermark(12));
    Grant next = job.grant(13);
    assertThat(next.round()).isEqualTo(2);
    assertThat(next.epoch()).isEqualTo(1);
  }

  @Test
  void restoredJobOpensItsOwnEpochAndGrantsTheLedgersNextRound() throws Exception {
    JobID id = new JobID();
    Job first = started(id);
    OperatorSubtaskState old = first.harness.snapshot(1, 1);
    first.grant(1);
    first.acknowledge(1, 1);
    first.grant(2);
    Job second = restore(old, id, 4);
    assertThat(second.sent()).containsExactly(new EpochStart(2, 5));
    assertThat(second.grant(5).round()).isEqualTo(3);
  }

  @Test
  void statelessRestartDoesNotStartAtEpsilonZero() throws Exception {
    Job first = started();
    first.grant(1);
    Job second = prepare(Budgets.terms(3), new JobID());
    second.open(1);
    second.awaitEpoch();
    second.sent();
    assertThat(second.grant(2)).returns(2L, Grant::round).returns(2.0, Grant::epsilonSpent);
  }

  /** The fixture is of such a life, written before the position's class moved. */
  @Test
  void aPositionOfSnapshotVersion1IsHeldAgainstTheLedger() throws Exception {
    JobID id = new JobID(1, 2);
    Job first = started(id);
    first.grant(1);
    first.acknowledge(1, 1);
    first.grant(2);
    Job restored = restore(fixture("/io/murmuration/privacy/ledger/ledger-position-1"), id, 1);
    assertThat(restored.sent()).containsExactly(new EpochStart(2, 3));
    Job elsewhere = prepare(Budgets.terms(3), id);
    InMemoryLedger.forget(store);
    elsewhere.harness.initializeState(fixture("/io/murmuration/privacy/ledger/ledger-position-1"));
    elsewhere.open(1);
    assertThatThrownBy(elsewhere::awaitMail).rootCause().hasMessageContaining("tail is lost");
  }

  private OperatorSubtaskState fixture(String resource) throws Exception {
    Path copy = Files.createTempFile("state", "");
    try (InputStream fixture = getClass().getResourceAsStream(resource)) {
      Files.write(copy, fixture.readAllBytes());
      return OperatorSnapshotUtil.readStateHandle(copy.toString());
    } finally {
      Files.delete(copy);
    }
  }

  @Test
  void restoredTicksNeverDecreaseWhenTheClockWasSetBack() throws Exception {
    JobID id = new JobID();
    Job first = started(id);
    first.grant(1);
    first.pulse(500);
    OperatorSubtaskState state = first.harness.snapshot(1, 1);
    Job second = restore(state, id, 20);
    assertThat(second.sent()).containsExactly(new EpochStart(2, 501));
    second.pulse(21);
    second.awaitMail();
    assertThat(second.sent()).element(1).isEqualTo(new Watermark(501));
  }

  @Test
  void refusesALedgerThatLostItsTail() throws Exception {
    JobID id = new JobID();
    Job first = started(id);
    first.grant(1);
    OperatorSubtaskState state = first.harness.snapshot(1, 1);
    InMemoryLedger.forget(store);
    Job second = prepare(Budgets.terms(3), id);
    second.harness.initializeState(state);
    second.open(1);
    assertThatThrownBy(second::awaitMail).rootCause().hasMessageContaining("tail is lost");
  }

  @Test
  void notificationsInAnyOrderAndAnOldSnapshotMoveNothingBack() throws Exception {
    JobID id = new JobID();
    Job job = started(id);
    job.grant(1);
    job.acknowledge(1, 1);
    OperatorSubtaskState old = job.harness.snapshot(1, 1);
    job.grant(2);
    job.acknowledge(1, 2);
    job.harness.snapshot(2, 2);
    job.harness.notifyOfCompletedCheckpoint(2);
    job.harness.notifyOfCompletedCheckpoint(1);
    assertThat(job.sent()).isEmpty();
    assertThat(ledgerState().rounds()).isEqualTo(2);

    Job restored = restore(old, id, 4);
    assertThat(restored.sent()).containsExactly(new EpochStart(2, 5));
    assertThat(restored.grant(5)).returns(3L, Grant::round).returns(3.0, Grant::epsilonSpent);
  }

  @Test
  void snapshotBeforeTheLedgerOpensCarriesTheRestoredPosition() throws Exception {
    Job job = started();
    job.grant(1);
    OperatorSubtaskState first = job.harness.snapshot(1, 1);
    controls.unreachable = true;
    Job waiting = prepare(Budgets.terms(3), new JobID());
    waiting.harness.initializeState(first);
    waiting.open(5);
    waiting.awaitMail();
    OperatorSubtaskState second = waiting.harness.snapshot(2, 2);
    waiting.harness.close();
    jobs.remove(waiting);
    InMemoryLedger.forget(store);
    controls.unreachable = false;

    Job restored = prepare(Budgets.terms(3), new JobID());
    restored.harness.initializeState(second);
    restored.open(6);
    assertThatThrownBy(restored::awaitMail).rootCause().hasMessageContaining("tail is lost");
  }

  @Test
  void secondJobFromTheSameSavepointTakesOver() throws Exception {
    Job origin = started();
    origin.grant(1);
    OperatorSubtaskState savepoint = origin.harness.snapshot(1, 1);
    Job first = restore(savepoint, new JobID(), 2);
    assertThat(first.sent()).containsExactly(new EpochStart(2, 3));
    Job second = restore(savepoint, new JobID(), 2);
    assertThat(second.sent()).containsExactly(new EpochStart(3, 3));

    assertThat(second.grant(3)).returns(2L, Grant::round).returns(3L, Grant::epoch);
    first.pulse(3);
    first.awaitMail();
    assertThat(first.sent()).as("time, and no grant").containsExactly(new Watermark(3));
    assertThat(ledgerState().rounds()).isEqualTo(2);
  }

  /**
   * The record of an epoch shows when it is written. After a failure that is the beginning of a
   * tick that follows from the last charge, whenever the ledger could be read.
   */
  @ParameterizedTest
  @CsvSource({"110, 300, 4", "199, 300, 4", "200, 300, 4", "299, 300, 4", "301, 400, 5"})
  void afterAFailureTheEpochIsOpenedAtTheBeginningOfAPublicTick(
      long backMillis, long opensMillis, long firstTick) throws Exception {
    JobID id = new JobID();
    Job first = started(id);
    first.grant(1);
    OperatorSubtaskState state = first.harness.snapshot(1, 1);

    Job second = prepare(Budgets.terms(3), id);
    second.harness.initializeState(state);
    second.harness.setProcessingTime(GENESIS + backMillis);
    second.harness.open();
    second.awaitMail();
    second.harness.setProcessingTime(GENESIS + opensMillis - 1);
    assertThat(ledgerState().epoch()).isEqualTo(1);
    assertThat(second.sent()).isEmpty();

    second.harness.setProcessingTime(GENESIS + opensMillis);
    second.awaitMail();
    assertThat(ledgerState().epoch()).isEqualTo(2);
    assertThat(second.sent()).containsExactly(new EpochStart(2, firstTick));
  }

  @Test
  void fencedJobHaltsAndItsRestartStaysFenced() throws Exception {
    JobID fencedId = new JobID();
    Job fenced = started(fencedId);
    OperatorSubtaskState state = fenced.harness.snapshot(1, 1);
    Job other = start(Budgets.terms(3), new JobID());
    other.awaitEpoch();
    other.sent();
    fenced.pulse(1);
    fenced.awaitMail();
    assertThat(fenced.sent()).containsExactly(new Watermark(1));
    fenced.harness.setProcessingTime(GENESIS + 5_000);
    fenced.awaitMail();
    fenced.pulse(60);
    assertThat(fenced.sent()).containsExactly(new Watermark(60));

    Job restarted = restore(state, fencedId, 61);
    assertThat(restarted.sent()).containsExactly(new EpochStart(2, 62));
    restarted.pulse(62);
    restarted.pulse(63);
    assertThat(restarted.sent()).containsExactly(new Watermark(62), new Watermark(63));

    assertThat(other.grant(64).round()).isEqualTo(1);
    assertThat(ledgerState().epoch()).isEqualTo(2);
  }

  @Test
  void closesWhileTheLedgerStandsStill() throws Exception {
    Job job = started();
    controls.gate = new Semaphore(0);
    job.pulse(1);
    job.harness.close();
    jobs.remove(job);
    assertThat(ledgerState().rounds()).isZero();
  }

  @Test
  void acknowledgementsAfterTheMailboxClosedDoNotFailTheTrainer() throws Exception {
    Job job = started();
    job.grant(1);
    job.mailbox.quiesce();
    try (RoundFeedback.Publisher publisher =
        new InMemoryRoundFeedback(Budgets.DOMAIN).publisher()) {
      publisher.executed(new RoundExecuted(1, 1));
    }
    assertThat(job.mailbox.hasMail()).isFalse();
  }

  @Test
  void tellsObserversOfGrantsAndHalts() throws Exception {
    List<String> seen = new ArrayList<>();
    BudgetObserver observer =
        new BudgetObserver() {
          @Override
          public void granted(Grant grant) {
            seen.add("round " + grant.round());
          }

          @Override
          public void halted(HaltReason reason, long round, double epsilonSpent) {
            seen.add(reason.name());
          }

          @Override
          public void waiting(String why) {
            seen.add(why);
          }
        };
    try (BudgetObservers.Registration registration =
        BudgetObservers.observe(Budgets.DOMAIN, observer)) {
      Job job = start(Budgets.terms(3).withMaxRounds(1), new JobID());
      job.awaitEpoch();
      job.sent();
      job.grant(1);
      job.acknowledge(1, 1);
      job.pulse(2);
      job.awaitMail();
    }
    assertThat(seen).containsExactly("round 1", "ROUNDS_DONE");
  }

  private LedgerState ledgerState() throws Exception {
    Ledger reader = InMemoryLedger.factory(store).create();
    return LedgerState.of(reader.read(), reader.location());
  }

  private Job started() throws Exception {
    return started(new JobID());
  }

  private Job started(JobID id) throws Exception {
    Job job = start(Budgets.terms(3), id);
    job.awaitEpoch();
    assertThat(job.sent()).hasSize(1);
    return job;
  }

  private Job start(BudgetTerms terms, JobID id) throws Exception {
    Job job = prepare(terms, id);
    job.open(0);
    return job;
  }

  private Job restore(OperatorSubtaskState state, JobID id, long tick) throws Exception {
    Job job = prepare(Budgets.terms(3), id);
    job.harness.initializeState(state);
    job.open(tick);
    job.awaitEpoch();
    return job;
  }

  private Job prepare(BudgetTerms terms, JobID id) throws Exception {
    Job job =
        new Job(
            new PrivacyBudgetOperator.Settings(
                terms,
                ledger,
                LinearAccountant.FACTORY,
                ReleaseWitness.NONE,
                new OwnFeedback(new InMemoryRoundFeedback(Budgets.DOMAIN)),
                durability,
                /* checkpointPause= */ Duration.ZERO,
                /* submission= */ id.toHexString(),
                input),
            FIXED_JOB_ID);
    jobs.add(job);
    return job;
  }

  /** One attempt of a job: the operator in its harness, with a clock in ticks. */
  private static final class Job {
    final OneInputStreamOperatorTestHarness<Long, BudgetSignal> harness;
    final TaskMailbox mailbox;
    private final PrivacyBudgetOperator.Settings settings;

    Job(PrivacyBudgetOperator.Settings settings, JobID id) throws Exception {
      this.settings = settings;
      MockEnvironment environment =
          new MockEnvironmentBuilder().setJobID(id).setTaskName("privacy budget").build();
      harness =
          new OneInputStreamOperatorTestHarness<>(
              new PrivacyBudgetOperator.Factory(settings), LongSerializer.INSTANCE, environment);
      harness.setup(new BudgetSignalSerializer());
      mailbox = harness.getTaskMailbox();
    }

    void open(long tick) throws Exception {
      harness.setProcessingTime(GENESIS + tick * 100);
      harness.open();
    }

    void pulse(long tick) throws Exception {
      harness.setProcessingTime(GENESIS + tick * 100);
      harness.processElement(new StreamRecord<>(0L));
    }

    /** Waits for one result of the ledger thread and lets the operator have it. */
    void awaitMail() throws Exception {
      mailbox.take(TaskMailbox.MIN_PRIORITY).run();
    }

    /** Lets the epoch begin and train announce its model. */
    void awaitStart() throws Exception {
      awaitMail();
      for (Object signal : all()) {
        if (signal instanceof EpochStart start) {
          announce(settings.submission(), start.epoch(), /* round= */ 0);
        }
      }
    }

    /** Train says that there is a model. */
    void announce(String submission, long epoch, long round) throws Exception {
      ((OwnFeedback) settings.feedback())
          .listener.announced(
              new ModelVersion(
                  submission, epoch, round, "%064x".formatted(round), "%064x".formatted(0)));
      awaitMail();
    }

    /** Lets the epoch begin and a first checkpoint of it complete. */
    void awaitEpoch() throws Exception {
      awaitStart();
      barrier(FIRST_CHECKPOINT);
      harness.notifyOfCompletedCheckpoint(FIRST_CHECKPOINT);
    }

    /**
     * Takes a snapshot as a task does: first all operators prepare, then the barrier leaves, then
     * the snapshot follows.
     */
    OperatorSubtaskState barrier(long checkpoint) throws Exception {
      return barrier(checkpoint, CheckpointType.CHECKPOINT);
    }

    OperatorSubtaskState barrier(long checkpoint, SnapshotType type) throws Exception {
      harness.prepareSnapshotPreBarrier(checkpoint);
      return harness
          .snapshotWithLocalState(checkpoint, /* timestamp= */ checkpoint, type)
          .getJobManagerOwnedState();
    }

    /** Pulses and expects time to pass without a grant. */
    void passes(long tick) throws Exception {
      pulse(tick);
      assertThat(sent()).containsExactly(new Watermark(tick));
    }

    /** Pulses and expects a grant. */
    Grant grant(long tick) throws Exception {
      pulse(tick);
      awaitMail();
      List<Object> sent = sent();
      assertThat(sent).hasSize(2);
      assertThat(sent.get(1)).isEqualTo(new Watermark(tick));
      return (Grant) sent.get(0);
    }

    void acknowledge(long epoch, long round) throws Exception {
      announce(settings.submission(), epoch, round);
      try (RoundFeedback.Publisher publisher =
          new InMemoryRoundFeedback(Budgets.DOMAIN).publisher()) {
        publisher.executed(new RoundExecuted(epoch, round));
      }
      awaitMail();
    }

    /** What was sent since the last call: signals and watermarks, but for models. */
    List<Object> sent() {
      List<Object> sent = all().stream().filter(o -> !(o instanceof ModelVersion)).toList();
      harness.getOutput().clear();
      return sent;
    }

    private List<Object> all() {
      return Arrays.stream(harness.getOutput().toArray())
          .map(o -> o instanceof StreamRecord<?> record ? record.getValue() : o)
          .toList();
    }

    List<ModelVersion> models() {
      return all().stream()
          .filter(ModelVersion.class::isInstance)
          .map(ModelVersion.class::cast)
          .toList();
    }
  }

  /** Jobs share the feedback, but a test speaks for the train of one of them. */
  private static final class OwnFeedback implements RoundFeedback {

    private static final long serialVersionUID = 1L;

    private final RoundFeedback shared;
    private transient volatile Listener listener;

    OwnFeedback(RoundFeedback shared) {
      this.shared = shared;
    }

    @Override
    public Publisher publisher() {
      return shared.publisher();
    }

    @Override
    public Subscription subscribe(Listener hearing) throws LedgerException, InterruptedException {
      listener = hearing;
      return shared.subscribe(hearing);
    }
  }
}
