package io.murmuration.privacy.budget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.privacy.budget.DurabilityGate.Verdict;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DurabilityGateTest {

  private static final long NOW = 1_000_000;
  private static final DurabilityTerms TERMS =
      new DurabilityTerms(2, Duration.ofMillis(1_000), /* mostWastedEpochs= */ 3);

  private final DurabilityGate gate = new DurabilityGate(TERMS, /* restoredRound= */ 0);

  /** The epoch has started and its first checkpoint is complete. */
  private DurabilityGate open() {
    gate.epochStarted(NOW, /* wasted= */ 0);
    gate.barrier(1);
    gate.completed(1);
    return gate;
  }

  private void assertVerdict(Verdict verdict) {
    assertThat(gate.verdict(NOW)).isEqualTo(verdict);
  }

  @Test
  void nothingIsChargedBeforeTheEpochAndItsFirstCompletedCheckpoint() {
    assertVerdict(Verdict.EPOCH);
    gate.barrier(1);
    gate.completed(1);
    assertVerdict(Verdict.EPOCH);
    gate.barrier(2);
    gate.epochStarted(NOW, 0);
    assertVerdict(Verdict.FIRST_CHECKPOINT);
    gate.completed(2);
    assertVerdict(Verdict.FIRST_CHECKPOINT);
    gate.barrier(3);
    gate.completed(2);
    assertVerdict(Verdict.FIRST_CHECKPOINT);
    gate.completed(3);
    assertVerdict(Verdict.OPEN);
  }

  @Test
  void aLaterCheckpointSettlesTheNotesOfThoseBefore() {
    gate.epochStarted(NOW, 0);
    gate.barrier(5);
    gate.barrier(6);
    gate.completed(7);
    assertVerdict(Verdict.OPEN);
  }

  @Test
  void roundsCountUntilACheckpointHoldsThem() {
    open();
    gate.granted(1);
    assertThat(gate.undurableRounds()).isEqualTo(1);
    assertVerdict(Verdict.OPEN);
    gate.granted(2);
    assertVerdict(Verdict.DURABILITY);
    // the barrier came before the acknowledgement
    gate.barrier(2);
    gate.acknowledged(1);
    gate.completed(2);
    assertVerdict(Verdict.DURABILITY);
    gate.barrier(3);
    gate.acknowledged(2);
    gate.completed(3);
    assertThat(gate.durableRound()).isEqualTo(1);
    assertThat(gate.undurableRounds()).isEqualTo(1);
    assertVerdict(Verdict.OPEN);
    gate.barrier(4);
    gate.completed(4);
    assertThat(gate.durableRound()).isEqualTo(2);
    assertThat(gate.undurableRounds()).isZero();
  }

  @Test
  void theRoundInFlightCounts() {
    open();
    gate.granted(1);
    gate.acknowledged(1);
    gate.granted(2);
    assertVerdict(Verdict.DURABILITY);
    gate.barrier(2);
    gate.completed(2);
    assertVerdict(Verdict.OPEN);
    assertThat(gate.undurableRounds()).isEqualTo(1);
  }

  /** A charge of unknown outcome was never granted: round 2 is one. */
  @Test
  void numbersThatWereNeverGrantedDoNotCount() {
    open();
    gate.granted(1);
    gate.acknowledged(1);
    gate.granted(3);
    gate.acknowledged(3);
    assertThat(gate.undurableRounds()).isEqualTo(2);
    gate.barrier(2);
    gate.completed(2);
    assertThat(gate.undurableRounds()).isZero();
  }

  @Test
  void notificationsInAnyOrderSettleWhatTheyProve() {
    open();
    gate.granted(1);
    gate.acknowledged(1);
    gate.barrier(2);
    gate.granted(2);
    gate.acknowledged(2);
    gate.barrier(3);
    gate.completed(3);
    assertThat(gate.durableRound()).isEqualTo(2);
    gate.completed(2);
    gate.completed(3);
    assertThat(gate.durableRound()).isEqualTo(2);
    assertThat(gate.undurableRounds()).isZero();
  }

  @Test
  void anAbortedCheckpointProvesNothing() {
    open();
    gate.granted(1);
    gate.acknowledged(1);
    gate.barrier(2);
    gate.aborted(2);
    gate.completed(2);
    assertThat(gate.undurableRounds()).isEqualTo(1);
    gate.barrier(3);
    gate.completed(3);
    assertThat(gate.undurableRounds()).isZero();
  }

  @Test
  void aJobThatStopsChargesNothingMore() {
    open().stopping();
    assertVerdict(Verdict.STOPPING);
    gate.barrier(2);
    gate.completed(2);
    assertVerdict(Verdict.STOPPING);
    assertThat(gate.wantsCheckpoint(NOW)).isFalse();
  }

  @Test
  void whatTheRestoredStateHoldsIsDurableAndExecuted() {
    DurabilityGate restored = new DurabilityGate(TERMS, /* restoredRound= */ 17);
    assertThat(restored.executedRound()).isEqualTo(17);
    assertThat(restored.durableRound()).isEqualTo(17);
    restored.epochStarted(NOW, 0);
    restored.barrier(1);
    restored.completed(1);
    assertThat(restored.durableRound()).isEqualTo(17);
    restored.granted(20);
    restored.acknowledged(20);
    assertThat(restored.executedRound()).isEqualTo(20);
    assertThat(restored.durableRound()).isEqualTo(17);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1000", "2, 2000"})
  void wastedEpochsDoubleThePause(int wasted, long pauseMillis) {
    gate.epochStarted(NOW, wasted);
    gate.barrier(1);
    gate.completed(1);
    assertThat(gate.wastedEpochs()).isEqualTo(wasted);
    if (pauseMillis > 0) {
      assertVerdict(Verdict.PAUSE);
      assertThat(gate.verdict(NOW + pauseMillis - 1)).isEqualTo(Verdict.PAUSE);
      assertThat(gate.pauseLeft(NOW)).isEqualTo(Duration.ofMillis(pauseMillis));
      assertThat(gate.wantsCheckpoint(NOW)).isFalse();
    }
    assertThat(gate.verdict(NOW + pauseMillis)).isEqualTo(Verdict.OPEN);
    assertThat(gate.pauseLeft(NOW + pauseMillis)).isZero();
  }

  @Test
  void afterTooManyWastedEpochsOnlyAPersonHelps() {
    gate.epochStarted(NOW, 3);
    gate.barrier(1);
    gate.completed(1);
    assertThat(gate.verdict(Long.MAX_VALUE - 1)).isEqualTo(Verdict.PERSON);
    assertThat(gate.pauseLeft(NOW)).isZero();
  }

  @Test
  void aDurableRoundEndsTheRowOfWastedEpochs() {
    gate.epochStarted(NOW, 1);
    gate.barrier(1);
    gate.completed(1);
    assertThat(gate.wastedEpochs()).isEqualTo(1);
    gate.granted(1);
    gate.acknowledged(1);
    gate.barrier(2);
    gate.completed(2);
    assertThat(gate.wastedEpochs()).isZero();
  }

  @Test
  void theEpochWantsItsFirstCheckpointAtOnce() {
    assertThat(gate.wantsCheckpoint(NOW)).isFalse();
    gate.epochStarted(NOW, 0);
    assertThat(gate.wantsCheckpoint(NOW)).isTrue();
    assertThat(gate.awaitedCheckpoint()).isZero();
    gate.barrier(1);
    assertThat(gate.awaitedCheckpoint()).isEqualTo(1);
    gate.completed(1);
    assertThat(gate.wantsCheckpoint(NOW)).isFalse();
  }

  @Test
  void aCheckpointIsWantedOnlyWhereOneWouldHelp() {
    open();
    gate.granted(1);
    gate.acknowledged(1);
    assertThat(gate.wantsCheckpoint(NOW)).as("the gate is open").isFalse();
    gate.granted(2);
    assertThat(gate.wantsCheckpoint(NOW)).isTrue();
    assertThat(gate.awaitedCheckpoint()).isZero();
    gate.barrier(2);
    assertThat(gate.awaitedCheckpoint()).isEqualTo(2);
    gate.acknowledged(2);
    assertThat(gate.awaitedCheckpoint()).as("does not hold round 2").isZero();
    gate.completed(2);
    gate.granted(3);
    assertThat(gate.wantsCheckpoint(NOW)).isTrue();
    gate.barrier(3);
    gate.barrier(4);
    assertThat(gate.awaitedCheckpoint()).isEqualTo(3);
    gate.aborted(3);
    assertThat(gate.awaitedCheckpoint()).isEqualTo(4);
    gate.completed(4);
    assertThat(gate.wantsCheckpoint(NOW)).isFalse();
  }

  /** Both rounds in flight: a checkpoint would prove nothing. */
  @Test
  void noCheckpointIsWantedForRoundsThatAreNotAcknowledged() {
    DurabilityGate strict =
        new DurabilityGate(new DurabilityTerms(1, Duration.ZERO, 1), /* restoredRound= */ 0);
    strict.epochStarted(NOW, 0);
    strict.barrier(1);
    strict.completed(1);
    strict.granted(1);
    assertThat(strict.verdict(NOW)).isEqualTo(Verdict.DURABILITY);
    assertThat(strict.wantsCheckpoint(NOW)).isFalse();
    strict.acknowledged(1);
    assertThat(strict.wantsCheckpoint(NOW)).isTrue();
  }

  @Test
  void termsThatNeverLetARoundRunAreRefused() {
    assertThatThrownBy(() -> new DurabilityTerms(0, Duration.ZERO, 1))
        .hasMessageContaining("at least 1, or no round could ever be granted, but is 0");
    assertThatThrownBy(() -> new DurabilityTerms(1, Duration.ofMillis(-1), 1))
        .hasMessageContaining("the first pause must not be negative");
    assertThatThrownBy(() -> new DurabilityTerms(1, Duration.ZERO, 0))
        .hasMessageContaining("the most wasted epochs must be at least 1");
    assertThat(DurabilityTerms.of(2).pauseAfter(4)).isEqualTo(Duration.ofMinutes(8));
  }
}
