package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.contribution.ContributionBounds;
import io.murmuration.demo.LifetimeSummary.Lives;
import io.murmuration.privacy.mechanism.GrantGate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SampleTraceTest {

  /** What is said at ticks 8 to 11 is live until tick 15, its window and the next one. */
  private static final ContributionBounds BOUNDS = new ContributionBounds(4, 8, 2);

  private static final int HORIZON = 10;

  private final SampleTrace trace = SampleTrace.of("lives");

  @AfterEach
  void end() {
    trace.close();
  }

  /** One round at each tick, of the same number. */
  private void roundsUpTo(long last) {
    for (long round = 1; round <= last; round++) {
      trace.granted(round, round);
    }
  }

  private void sampled(String user, long... rounds) {
    for (long round : rounds) {
      trace.sampled(user, round);
    }
  }

  private Lives compared() {
    return trace.compare(HORIZON, BOUNDS);
  }

  @Test
  void roundsCountFromTheFirstArrivalToTheLastSample_sampledOrNot() {
    roundsUpTo(40);
    trace.arrived("ann", 3);
    trace.arrived("ann", 7);
    trace.arrived("ann", 8);
    sampled("ann", 12, 9, 9);
    trace.arrived("bob", 40);
    sampled("bob", 40);
    trace.arrived("silent", 5);
    assertThat(compared()).isEqualTo(new Lives(2, 10, 0, 0, 0));
  }

  /** Planted: one round more than a lifetime, of somebody who is sampled once. */
  @Test
  void aLifeThatIsTooLongIsFound() {
    roundsUpTo(40);
    trace.arrived("ann", 4);
    trace.arrived("ann", 8);
    sampled("ann", 14);
    assertThat(compared()).isEqualTo(new Lives(1, 11, 1, 0, 0));
  }

  @Test
  void roundsBetweenExpiryAndReturnDoNotCount() {
    roundsUpTo(40);
    trace.arrived("ann", 5); // live until 11
    trace.arrived("ann", 30);
    sampled("ann", 6, 32);
    assertThat(compared()).isEqualTo(new Lives(1, 7 + 3, 0, 1, 0));
  }

  /** Planted: a count that begins anew once all has expired; each stretch alone is short enough. */
  @Test
  void aLifeThatExpiryMadeLongerIsFound() {
    roundsUpTo(40);
    trace.arrived("ann", 5);
    trace.arrived("ann", 30);
    sampled("ann", 6, 33);
    assertThat(compared()).isEqualTo(new Lives(1, 7 + 4, 1, 1, 0));
  }

  /** Planted: the rounds in which somebody waited to be sampled are forgotten at expiry. */
  @Test
  void stretchesInWhichNobodySampledThemCountToo() {
    roundsUpTo(40);
    trace.arrived("ann", 5);
    trace.arrived("ann", 30);
    sampled("ann", 33);
    assertThat(compared()).isEqualTo(new Lives(1, 7 + 4, 1, 1, 0));
  }

  /** Planted: an example that is sampled although its window is over. */
  @Test
  void aSampleOfSomebodyWhoseWordsHaveExpiredIsFound() {
    roundsUpTo(40);
    trace.arrived("ann", 5);
    sampled("ann", 12);
    assertThat(compared()).isEqualTo(new Lives(1, 7, 0, 0, 1));
  }

  @Test
  void aSampleOfSomebodyWhoHasSaidNothingYetIsFound() {
    roundsUpTo(40);
    trace.arrived("ann", 13);
    sampled("ann", 12);
    assertThat(compared()).isEqualTo(new Lives(1, 0, 0, 0, 1));
  }

  @Test
  void aSampleOfARoundThatWasNotGrantedIsFound() {
    roundsUpTo(11);
    trace.arrived("ann", 8);
    sampled("ann", 12);
    assertThat(compared()).isEqualTo(new Lives(1, 4, 0, 0, 1));
  }

  @Test
  void roundsAreCountedByTheirTicks() {
    trace.granted(1, 5);
    trace.granted(2, 11);
    trace.granted(3, 12);
    trace.granted(4, 31);
    trace.arrived("ann", 5);
    trace.arrived("ann", 30);
    sampled("ann", 4);
    assertThat(compared()).as("rounds 1, 2 and 4").isEqualTo(new Lives(1, 3, 0, 1, 0));
  }

  @Test
  void whatArrivedBeforeTicksWereKnownBelongsToTheFirst() {
    roundsUpTo(40);
    trace.arrived("ann", GrantGate.UNKNOWN);
    trace.began(9);
    trace.began(20); // another subtask, or another attempt
    sampled("ann", 15);
    assertThat(compared()).isEqualTo(new Lives(1, 7, 0, 0, 0));
  }

  @Test
  void aDomainIsTracedOnceAtATime() {
    assertThat(compared()).isEqualTo(new Lives(0, 0, 0, 0, 0));
    assertThatThrownBy(() -> SampleTrace.of("lives")).hasMessageContaining("being traced");
  }
}
