package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.contribution.SamplerHistory.Gap;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class RoundBookTest {

  private static final SamplerIdentity IDENTITY = new SamplerIdentity("key", "rules", 2);
  private static final Horizon HORIZON = new Horizon(1, 5, 1);
  private static final long FAR = 1_000_000;

  /** The epoch of books that are started. */
  private static final long OWN = 1;

  private static final long OTHER = 77;

  private static InputOffsets input(long end0, long end1) {
    return new InputOffsets("cluster", "topic", List.of(0L, 0L), List.of(end0, end1));
  }

  private static RoundBook fresh() {
    return new RoundBook(IDENTITY, Optional.empty());
  }

  private static RoundBook restored(SamplerHistory history) {
    return new RoundBook(IDENTITY, Optional.of(history));
  }

  private static EpochStart start(long lastRound, InputOffsets input) {
    return new EpochStart(/* epoch= */ 2, 100, lastRound, lastRound == 0 ? 0 : OWN, HORIZON, input);
  }

  private static RoundBook started(long lastRound) {
    RoundBook book = fresh();
    book.startEpoch(
        new EpochStart(OWN, 100, lastRound, 0, new Horizon(1, 5, lastRound + 1), input(0, 0)));
    return book;
  }

  private static Grant grant(long round, long tick, Horizon horizon) {
    return new Grant(
        1,
        round,
        tick,
        1,
        SamplerHarness.uls(0.5, 1),
        0.1,
        1e-6,
        "00",
        PublicClock.UNKNOWN,
        horizon);
  }

  private static void round(RoundBook book, long round, long tick) {
    book.limit(new IntakeLimit(1, round, input(FAR, FAR)));
    book.granted(grant(round, tick, HORIZON));
    book.fired();
  }

  @Nested
  class ARecord {

    @Test
    void countsFromTheRoundThatItMayStillJoin_orFromTheNext() {
      RoundBook book = started(0);
      assertThat(book.firstRoundOf(0, 0)).isEqualTo(1);
      book.granted(grant(1, 100, HORIZON));
      assertThat(book.firstRoundOf(0, 0)).as("between grant and watermark").isEqualTo(1);
      book.fired();
      assertThat(book.firstRoundOf(0, 0)).isEqualTo(2);
      book.granted(grant(4, 103, HORIZON));
      assertThat(book.firstRoundOf(0, 0)).as("2 and 3 are void").isEqualTo(4);
    }

    @Test
    void thatIsReadAgain_countsFromTheFirstRoundThatItCanHaveJoined() {
      RoundBook before = started(0);
      round(before, 1, 100);
      round(before, 2, 101);
      before.saw(0, 9);
      before.saw(1, 4);
      RoundBook book = restored(before.snapshot());
      assertThat(book.firstRoundOf(0, 10)).as("before the epoch starts").isEqualTo(3);
      book.startEpoch(start(7, input(20, 5)));
      assertThat(book.firstRoundOf(0, 19)).isEqualTo(3);
      assertThat(book.firstRoundOf(0, 20)).isEqualTo(8);
      assertThat(book.firstRoundOf(1, 4)).isEqualTo(3);
      assertThat(book.firstRoundOf(1, 5)).isEqualTo(8);
    }

    @Test
    void thatAnUnfinishedRoundMayHaveTaken_countsFromIt() {
      RoundBook before = started(0);
      round(before, 1, 100);
      before.granted(grant(2, 101, HORIZON));
      RoundBook book = restored(before.snapshot());
      book.startEpoch(start(2, input(20, 20)));
      assertThat(book.firstRoundOf(0, 5)).isEqualTo(2);
      assertThat(book.firstRoundOf(0, 20)).isEqualTo(3);
    }

    @Test
    void keepsTheEarliestRoundAndTheLatestEndOverSeveralRestores_untilItIsRead() {
      RoundBook first = started(0);
      round(first, 1, 100);
      RoundBook second = restored(first.snapshot());
      second.startEpoch(start(5, input(20, 30)));
      second.saw(0, 10);
      second.saw(1, 29);
      round(second, 6, 100);
      RoundBook third = restored(second.snapshot());
      third.startEpoch(start(9, input(15, 40)));
      assertThat(third.firstRoundOf(0, 19)).as("not read before the second restore").isEqualTo(2);
      assertThat(third.firstRoundOf(0, 20)).isEqualTo(10);
      assertThat(third.firstRoundOf(1, 39)).as("all was read before").isEqualTo(7);
    }

    @Test
    void isInNoRoundBefore_ifNothingWasChargedSince() {
      RoundBook before = started(0);
      round(before, 1, 100);
      RoundBook book = restored(before.snapshot());
      book.startEpoch(start(1, input(20, 20)));
      round(book, 2, 100);
      assertThat(book.firstRoundOf(0, 5)).isEqualTo(3);
    }

    @Test
    void ofAPartitionThatTheTopicDidNotHave_isRefused() {
      assertThatThrownBy(() -> started(0).saw(2, 0)).hasMessageContaining("partition 2");
    }
  }

  @Nested
  class AUser {

    @Test
    void isInAtMostTheRoundsOfALifetime() {
      RoundBook book = started(0);
      Stretch stretch = book.begin(Optional.empty(), 0, 0);
      for (long round = 1; round <= 5; round++) {
        book.limit(new IntakeLimit(1, round, input(1, 0)));
        Grant grant = grant(round, 99 + round, HORIZON);
        book.granted(grant);
        assertThat(book.mayTakePart(stretch, grant)).isTrue();
        assertThat(book.isRetiredAfter(stretch, round)).isEqualTo(round == 5);
        book.fired();
      }
      assertThat(book.isRetired(stretch)).isTrue();
      book.limit(new IntakeLimit(1, 6, input(1, 0)));
      assertThat(book.mayTakePart(stretch, grant(6, 105, HORIZON))).isFalse();
      assertThat(book.endedNow(stretch)).isEqualTo(new Lifetime(1, 5, 5, true));
      assertThat(book.isRetired(book.endedNow(stretch))).isTrue();
    }

    @Test
    void takesPartOnlyThroughARecordThatWasWrittenBeforeTheCharge() {
      RoundBook book = started(0);
      Stretch stretch = book.begin(Optional.empty(), 1, 7);
      Grant first = grant(1, 100, HORIZON);
      assertThat(book.mayTakePart(stretch, first)).as("no limit is known").isFalse();
      book.limit(new IntakeLimit(1, 1, input(FAR, 7)));
      book.granted(first);
      assertThat(book.mayTakePart(stretch, first)).isFalse();
      book.fired();
      book.limit(new IntakeLimit(1, 1, input(FAR, FAR)));
      assertThat(book.mayTakePart(stretch, grant(2, 101, HORIZON)))
          .as("the limit of another round")
          .isFalse();
      book.limit(new IntakeLimit(3, 2, input(FAR, FAR)));
      assertThat(book.mayTakePart(stretch, grant(2, 101, HORIZON)))
          .as("the limit of another attempt")
          .isFalse();
      book.limit(new IntakeLimit(1, 2, input(0, 8)));
      assertThat(book.mayTakePart(stretch, grant(2, 101, HORIZON))).isTrue();
      assertThat(book.extend(stretch, 1, 9).offset()).isEqualTo(Stretch.CONFIRMED);
    }

    @Test
    void keepsWhatCounted_overStretches() {
      RoundBook book = started(0);
      Stretch first = book.begin(Optional.empty(), 0, 0);
      round(book, 1, 100);
      round(book, 2, 104);
      Lifetime between = book.endedAt(first, 104);
      assertThat(between).isEqualTo(new Lifetime(1, 1, 1, false));
      round(book, 3, 105);
      Stretch second = book.begin(Optional.of(between), 0, 5);
      round(book, 4, 106);
      assertThat(book.count(second, 4)).isEqualTo(2);
    }

    @Test
    void whoseStretchEndedBeforeAnyRound_usedNothing() {
      RoundBook book = started(3);
      Stretch stretch = book.begin(Optional.empty(), 0, 0);
      assertThat(book.endedAt(stretch, 101)).isEqualTo(new Lifetime(1, 0, 3, false));
    }

    private Lifetime ended(RoundBook book, long tick) {
      return book.endedAt(book.begin(Optional.empty(), 0, 0), tick);
    }

    private RoundBook afterRoundsOf(long epoch, SamplerHistory state) {
      RoundBook after = restored(state);
      after.startEpoch(new EpochStart(2, 200, 4, epoch, new Horizon(1, 50, 1), input(9, 9)));
      return after;
    }

    @Test
    void whomTheStateKnows_countsInRoundsThatOthersCharged() {
      RoundBook before = started(0);
      Stretch early = before.begin(Optional.empty(), 0, 0);
      round(before, 1, 100);
      Lifetime endedEarly = before.endedAt(early, 101);
      round(before, 2, 101);
      RoundBook after = afterRoundsOf(OTHER, before.snapshot());
      assertThat(after.snapshot().gaps()).containsExactly(new Gap(2, 4, true));
      assertThat(after.begin(Optional.of(endedEarly), 0, 99).used())
          .as("1, and 3 and 4: others may have gone back to a state before its end")
          .isEqualTo(3);
      assertThat(after.begin(Optional.empty(), 0, 99).used()).as("unknown").isEqualTo(0);

      RoundBook later = restored(after.snapshot());
      later.startEpoch(new EpochStart(3, 300, 6, 2, new Horizon(1, 50, 1), input(9, 9)));
      assertThat(later.begin(Optional.of(endedEarly), 0, 99).used())
          .as("the gap is remembered")
          .isEqualTo(3);
    }

    @Test
    void whoseStretchHadEnded_isNotCountedInRoundsThatTheSameAttemptChargedAfterTheState() {
      RoundBook before = started(0);
      Stretch early = before.begin(Optional.empty(), 0, 0);
      round(before, 1, 100);
      Lifetime endedEarly = before.endedAt(early, 101);
      round(before, 2, 101);
      Lifetime endedLate = before.endedAt(early, 103);
      RoundBook after = afterRoundsOf(OWN, before.snapshot());
      assertThat(after.snapshot().gaps()).isEmpty();
      assertThat(after.begin(Optional.of(endedEarly), 0, 99).used()).isEqualTo(1);
      assertThat(after.begin(Optional.of(endedLate), 0, 99).used()).isEqualTo(2);
    }

    /** A sampler of the first version ended stretches of those who were erased before an epoch. */
    @Test
    void erasedBeforeTheEpochStartsByASamplerOfTheFirstVersion_countsInRoundsThatItDidNotKnow() {
      RoundBook before = started(0);
      Stretch stretch = before.begin(Optional.empty(), 0, 0);
      round(before, 1, 100);
      Lifetime erased = restored(before.snapshot()).endedNow(stretch);
      SamplerHistory now = before.snapshot();
      SamplerHistory then =
          new SamplerHistory(
              now.identity(),
              now.topic(),
              now.lineage(),
              now.horizon(),
              /* endsEarly= */ true,
              now.lastRound(),
              now.nextRound(),
              now.gaps(),
              now.partitions());
      assertThat(restored(then).snapshot().endsEarly()).as("until an epoch starts").isTrue();
      RoundBook after = afterRoundsOf(OWN, then);
      assertThat(after.begin(Optional.of(erased), 0, 99).used()).as("1, 2, 3 and 4").isEqualTo(4);
      assertThat(after.snapshot().endsEarly()).isFalse();
      assertThat(after.snapshot().gaps()).containsExactly(new Gap(1, 4, false));
    }

    @Test
    void whomLaterRoundsOfOthersRetire_needsNoEarlierOnes() {
      RoundBook book = started(0);
      Lifetime past = ended(book, 100);
      for (long epoch = 2; epoch < 20; epoch++) {
        round(book, 2 * epoch - 3, 100 * epoch);
        book = restored(book.snapshot());
        book.startEpoch(
            new EpochStart(epoch, 200 * epoch, 2 * epoch - 2, OTHER, HORIZON, input(9, 9)));
        assertThat(book.isRetired(past)).isEqualTo(epoch > 5);
      }
      assertThat(book.snapshot().gaps()).hasSize(5);
    }

    /** A snapshot of an attempt that had no epoch goes back to the one it was restored from. */
    @Test
    void isCountedTheSame_ifTheStateWasTakenBeforeAnEpochStarted() {
      RoundBook before = started(0);
      Lifetime ended = ended(before, 100);
      round(before, 1, 100);
      round(before, 2, 101);
      SamplerHistory between = restored(before.snapshot()).snapshot();
      assertThat(between.lineage()).isEqualTo(OWN);
      assertThat(afterRoundsOf(OWN, between).begin(Optional.of(ended), 0, 99).used()).isZero();
      assertThat(afterRoundsOf(OTHER, between).begin(Optional.of(ended), 0, 99).used())
          .isEqualTo(2);
    }

    @Test
    void ofWhomSomethingIsKeptDuringARestore_countsInEveryRoundOfOthers() {
      RoundBook before = started(0);
      Stretch stretch = before.begin(Optional.empty(), 0, 0);
      round(before, 1, 100);
      RoundBook after = restored(before.snapshot());
      after.startEpoch(start(4, input(9, 9)));
      assertThat(after.endedAt(stretch, 50).used())
          .as("at which ticks others charged is not known")
          .isEqualTo(4);
    }

    @Test
    void beginsAnewInANewGeneration() {
      RoundBook book = started(0);
      Stretch stretch = book.begin(Optional.of(new Lifetime(1, 3, 0, false)), 0, 0);
      round(book, 1, 100);
      Horizon next = new Horizon(2, 5, 2);
      book.limit(new IntakeLimit(1, 2, input(FAR, FAR)));
      book.granted(grant(2, 101, next));
      assertThat(book.count(stretch, 2)).isEqualTo(1);
      assertThat(book.isRetired(new Lifetime(1, 5, 1, true))).isFalse();
      assertThat(book.endedNow(stretch)).isEqualTo(new Lifetime(2, 1, 2, false));
    }

    @Test
    void isNotCountedInCalibrations() {
      RoundBook book = fresh();
      book.startEpoch(new EpochStart(1, 100, 0, 0, null, input(0, 0)));
      Stretch stretch = book.begin(Optional.empty(), 0, 0);
      Grant calibration = grant(1, 100, null);
      book.granted(calibration);
      assertThat(book.mayTakePart(stretch, calibration)).isTrue();
      book.fired();
      book.limit(new IntakeLimit(1, 2, input(FAR, FAR)));
      book.granted(grant(2, 101, new Horizon(1, 5, 2)));
      assertThat(book.count(stretch, 2)).isEqualTo(1);
    }
  }

  @Nested
  class GoesOnOnlyWith {

    private SamplerHistory chargedState() {
      RoundBook before = started(0);
      round(before, 1, 100);
      return before.snapshot();
    }

    private void refuses(String reason, SamplerIdentity identity, InputOffsets input) {
      assertThatThrownBy(
              () ->
                  new RoundBook(identity, Optional.of(chargedState()))
                      .startEpoch(start(/* lastRound= */ 2, input)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(reason);
    }

    @Test
    void theKeyOfItsIds() {
      refuses("id key", new SamplerIdentity("other", "rules", 2), input(0, 0));
    }

    @Test
    void itsTopicAndCluster() {
      InputOffsets recreated =
          new InputOffsets("cluster", "other", List.of(0L, 0L), List.of(0L, 0L));
      InputOffsets mirrored = new InputOffsets("other", "topic", List.of(0L, 0L), List.of(0L, 0L));
      refuses("cannot be read again", IDENTITY, recreated);
      refuses("cannot be read again", IDENTITY, mirrored);
    }

    @Test
    void itsTopic_whileItRuns() {
      RoundBook book = started(0);
      InputOffsets recreated =
          new InputOffsets("cluster", "other", List.of(0L, 0L), List.of(0L, 0L));
      assertThatThrownBy(() -> book.limit(new IntakeLimit(1, 1, recreated)))
          .hasMessageContaining("cannot be read again");
    }

    @Test
    void asManyPartitionsAsConfigured() {
      RoundBook book = new RoundBook(new SamplerIdentity("key", "rules", 3), Optional.empty());
      assertThatThrownBy(() -> book.startEpoch(start(0, input(0, 0))))
          .hasMessageContaining("2 partitions but 3");
    }

    @Test
    void aStateWhereRoundsWereCharged() {
      RoundBook book = fresh();
      assertThatThrownBy(() -> book.startEpoch(start(1, input(0, 0))))
          .hasMessageContaining("the sampler has no state but round 1")
          .hasMessageContaining("--new-generation");
      RoundBook first = fresh();
      first.startEpoch(new EpochStart(1, 100, 7, 3, new Horizon(2, 5, 8), input(0, 0)));
      assertThat(first.snapshot().lastRound()).isEqualTo(7);
    }

    @Test
    void aStateThatTheFirstRoundOfTheGenerationGoesBackTo() {
      SamplerHistory unused = started(0).snapshot();
      RoundBook own = restored(unused);
      own.startEpoch(start(/* lastRound= */ 2, input(5, 5)));
      assertThat(own.firstRoundOf(0, 4)).isEqualTo(1);
      RoundBook other = restored(unused);
      assertThatThrownBy(
              () -> other.startEpoch(new EpochStart(9, 100, 2, OTHER, HORIZON, input(5, 5))))
          .hasMessageContaining("knows no round of generation 1");
    }

    @Test
    void theRulesUnderWhichItsRecordsWereRead() {
      SamplerIdentity stricter = new SamplerIdentity("key", "stricter", 2);
      refuses("rules for events", stricter, input(5, 5));
      RoundBook next = new RoundBook(stricter, Optional.of(chargedState()));
      next.startEpoch(new EpochStart(2, 100, 1, OWN, new Horizon(2, 5, 2), input(5, 5)));
      assertThat(next.snapshot().identity()).as("in a new generation").isEqualTo(stricter);
    }

    /** Or going back to the former rules would hide what was read under others meanwhile. */
    @Test
    void aStateThatWasNotReadUnderTwoRules() {
      SamplerIdentity stricter = new SamplerIdentity("key", "stricter", 2);
      SamplerHistory mixed = new RoundBook(stricter, Optional.of(chargedState())).snapshot();
      assertThatThrownBy(() -> restored(mixed).startEpoch(start(2, input(5, 5))))
          .hasMessageContaining("rules for events");
    }

    /** A renamed source with --allowNonRestoredState has none. */
    @Test
    void theStateOfItsSource() {
      RoundBook before = started(0);
      before.beginsAfresh(0, 0);
      before.saw(0, 9);
      round(before, 1, 100);
      SamplerHistory state = before.snapshot();
      restored(state).beginsAfresh(1, 0);
      assertThatThrownBy(() -> restored(state).beginsAfresh(0, 11))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(
              "goes on in partition 0 behind offset 9 but the source has no state")
          .hasMessageContaining("begins at offset 11")
          .hasMessageContaining("--new-generation");
      assertThatThrownBy(() -> restored(state).beginsAfresh(0, 0))
          .as("records from before the generation may have been read under other rules")
          .hasMessageContaining("goes on in partition 0");
      assertThatThrownBy(() -> restored(state).beginsAfresh(1, 3))
          .as("nothing was read of it, and what was there then is left out")
          .hasMessageContaining("goes on in partition 1");
      assertThatThrownBy(() -> restored(state).beginsAfresh(2, -2))
          .hasMessageContaining("now there is partition 2");
    }

    /** What was a dead letter before the generation may not be one when it is read again. */
    @Test
    void theStateOfItsSource_alsoWhereNothingWasValidUnderOtherRules() {
      SamplerIdentity lax = new SamplerIdentity("key", "lax", 2);
      RoundBook generation = new RoundBook(lax, Optional.of(started(0).snapshot()));
      generation.startEpoch(new EpochStart(2, 100, 0, 0, HORIZON, input(5, 5)));
      SamplerHistory state = generation.snapshot();
      assertThatThrownBy(() -> new RoundBook(lax, Optional.of(state)).beginsAfresh(1, 0))
          .hasMessageContaining("goes on in partition 1");
    }

    @Test
    void anythingWhileItIsFenced_forNothingIsGranted() {
      RoundBook book = fresh();
      book.startEpoch(new EpochStart(4, 100, 9, OTHER, HORIZON, /* input= */ null));
      assertThat(book.firstRoundOf(0, 5)).isEqualTo(1);
      assertThat(book.snapshot().lastRound()).isZero();
    }
  }

  /** What is known of rounds must not be forgotten where the lifetime is not known yet. */
  @Test
  void aStretchFromBeforeTheGeneration_thatEndsBeforeTheNextEpochStarts_keepsItsCount() {
    RoundBook before = fresh();
    Stretch stretch = before.begin(Optional.empty(), 0, 0);
    before.startEpoch(start(0, input(0, 0)));
    round(before, 1, 100);
    RoundBook after = restored(before.snapshot());
    Lifetime ended = after.endedNow(stretch);
    assertThat(ended).isEqualTo(new Lifetime(1, 1, 1, false));
  }

  @Test
  void subtasksTellEachOtherWhatTheyKnow() throws Exception {
    RoundBook one = started(0);
    RoundBook two = started(0);
    one.saw(0, 7);
    two.saw(0, 9);
    two.saw(1, 3);
    SamplerHistory merged = SamplerHistory.merge(List.of(one.snapshot(), two.snapshot()));
    assertThat(merged.partitions().get(0).seen()).isEqualTo(10);
    assertThat(merged.partitions().get(1).seen()).isEqualTo(4);
    round(two, 1, 100);
    assertThatThrownBy(() -> SamplerHistory.merge(List.of(one.snapshot(), two.snapshot())))
        .hasMessageContaining("must know of the same rounds");
  }
}
