package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RoundPaceTest {

  @Test
  void theFirstRoundsShareIsOutFromTheBeginningAndAllWithinAQuarterOfTheRounds() {
    RoundPace pace = new RoundPace(/* events= */ 1_000, /* rounds= */ 20);
    assertThat(pace.allowed()).isEqualTo(200);
    for (int round = 1; round <= 4; round++) {
      pace.granted();
    }
    assertThat(pace.allowed()).isEqualTo(1_000);
  }

  @Property(seed = "20")
  void sharesNeverShrinkAndEndAtTheWholeStream(
      @ForAll @IntRange(min = 0, max = 100_000) int events,
      @ForAll @IntRange(min = 1, max = 500) int rounds) {
    RoundPace pace = new RoundPace(events, rounds);
    long before = 0;
    for (int round = 0; round < rounds; round++) {
      assertThat(pace.allowed()).isBetween(before, (long) events);
      before = pace.allowed();
      pace.granted();
    }
    assertThat(pace.allowed()).isEqualTo(events);
  }

  @Test
  void anEventWaitsForTheGrantThatLetsItOut() throws Exception {
    RoundPace pace = new RoundPace(/* events= */ 100, /* rounds= */ 40);
    AtomicLong sent = new AtomicLong();
    Thread feed =
        new Thread(
            () -> {
              try {
                for (int index = 0; index < 100; index++) {
                  pace.await(index);
                  sent.incrementAndGet();
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    feed.start();
    for (int share = 10; share < 100; share += 10) {
      long expected = share;
      await().until(() -> sent.get() == expected && feed.getState() == Thread.State.WAITING);
      pace.granted();
    }
    feed.join();
    assertThat(sent).hasValue(100);
  }

  @Test
  void noRoundsAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> new RoundPace(10, 0));
  }
}
