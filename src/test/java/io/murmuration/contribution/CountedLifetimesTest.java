package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.UserStore.Taken;
import io.murmuration.event.UserEvent;
import io.murmuration.privacy.mechanism.EpochStart;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.Horizon;
import io.murmuration.privacy.mechanism.InputOffsets;
import io.murmuration.privacy.mechanism.IntakeLimit;
import io.murmuration.privacy.mechanism.PublicClock;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Where the rules of {@link RoundBook} meet what is kept of a user. */
class CountedLifetimesTest {

  private static final Horizon TWO_ROUNDS = new Horizon(1, /* rounds= */ 2, /* firstRound= */ 1);
  private static final long FIRST_TICK = 100;

  private final MemoryUsers users = new MemoryUsers(new ContributionBounds(10, 2, 1)).of("ann");
  private final Lifetimes lifetimes =
      new CountedLifetimes(
          new RoundBook(new SamplerIdentity("key", "rules", 1), Optional.empty()), users);
  private final UserPool pool = new UserPool(/* windowTicks= */ 10);
  private long round;

  CountedLifetimesTest() {
    lifetimes.startEpoch(new EpochStart(1, FIRST_TICK, 0, 0, TWO_ROUNDS, input(0)));
  }

  private static InputOffsets input(long end) {
    return new InputOffsets("cluster", "topic", List.of(0L), List.of(end));
  }

  private boolean says(long offset) throws Exception {
    UserEvent event =
        UserEvent.interaction("ann", "e" + offset, 1L, /* prompt= */ null, "hi").at(0, offset);
    lifetimes.saw(event);
    return lifetimes.counts(pool, event);
  }

  /** A round at the next tick, charged when the topic ended at {@code end}. */
  private Grant granted(long end) {
    lifetimes.limit(new IntakeLimit(1, ++round, input(end)));
    Grant grant =
        new Grant(
            1,
            round,
            FIRST_TICK + round - 1,
            1,
            SamplerHarness.uls(1, 1),
            0.1,
            1e-6,
            "00",
            PublicClock.UNKNOWN,
            TWO_ROUNDS);
    lifetimes.granted(grant);
    return grant;
  }

  private boolean mayBeDrawn(Grant grant) {
    return lifetimes.mayBeDrawn(new Taken("ann", pool, UserTimers.NONE, true), grant);
  }

  @Test
  void firstEvent_beginsAStretch_andTheNextOneExtendsIt() throws Exception {
    assertThat(says(0)).isTrue();
    Stretch begun = pool.stretch;
    assertThat(begun.start()).isEqualTo(1);
    assertThat(says(1)).isTrue();
    assertThat(pool.stretch).isEqualTo(begun);
    assertThat(users.lifetimes).as("nothing is written while something is kept").isEmpty();
  }

  @Test
  void afterItsRounds_aUserIsSpent_andNotEarlier() throws Exception {
    says(0);
    for (int i = 1; i <= 2; i++) {
      Grant grant = granted(/* end= */ 1);
      assertThat(mayBeDrawn(grant)).isTrue();
      assertThat(lifetimes.isSpent(pool, Optional.of(grant))).isEqualTo(i == 2);
      assertThat(lifetimes.isSpent(pool, Optional.empty()))
          .as("the round in flight is not over")
          .isFalse();
      lifetimes.fired();
    }
    assertThat(lifetimes.isSpent(pool, Optional.empty())).isTrue();
    assertThat(mayBeDrawn(granted(/* end= */ 1))).isFalse();
    assertThat(says(1)).as("an event of the spent").isFalse();
  }

  @Test
  void userWithoutAStretch_isInNoRound() {
    assertThat(mayBeDrawn(granted(/* end= */ 1))).isFalse();
    assertThat(lifetimes.isSpent(pool, Optional.empty())).isFalse();
  }

  @Test
  void eventBehindTheEndsOfTheCharge_isNotInTheRound() throws Exception {
    says(5);
    assertThat(mayBeDrawn(granted(/* end= */ 5))).isFalse();
    assertThat(mayBeDrawn(granted(/* end= */ 6))).isTrue();
  }

  @Test
  void poolThatRanEmpty_endsItsStretchWhereItDid() throws Exception {
    says(0);
    granted(/* end= */ 1);
    lifetimes.fired();
    granted(/* end= */ 1);
    lifetimes.fired();
    // the second round was at the tick after
    lifetimes.emptied(pool, FIRST_TICK + 1);
    assertThat(users.lifetimes.get("ann").used()).isEqualTo(1);
    assertThat(users.lifetimes.get("ann").retired()).isFalse();
    assertThat(pool.stretch).isNull();
    assertThat(says(1)).as("one round is left").isTrue();
    assertThat(pool.stretch.used()).isEqualTo(1);
  }

  @Test
  void end_keepsTheCount_once() throws Exception {
    says(0);
    granted(/* end= */ 1);
    assertThat(lifetimes.end(pool)).isTrue();
    assertThat(users.lifetimes.get("ann").used()).isEqualTo(1);
    assertThat(lifetimes.end(pool)).as("there is no stretch any more").isFalse();
    assertThat(users.lifetimes.get("ann").used()).isEqualTo(1);
  }

  @Test
  void eventOfAUserWhoseRoundsAreUsed_leavesThePoolAsItIs() throws Exception {
    users.remember(new Lifetime(/* generation= */ 1, /* used= */ 2, /* end= */ 0, true));
    assertThat(says(0)).isFalse();
    assertThat(pool.stretch).isNull();
  }
}
