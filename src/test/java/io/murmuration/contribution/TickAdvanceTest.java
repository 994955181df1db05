package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TickAdvanceTest {

  private final List<String> log = new ArrayList<>();
  private final TreeSet<Long> timers = new TreeSet<>();
  private final List<UserWalk> begunByTimers = new ArrayList<>();
  private int pauses;
  private final TickAdvance advance =
      new TickAdvance(
          new SamplerHarness.ThreeAtATime(),
          new TickAdvance.Subtask() {
            @Override
            public boolean fireTimers(long tick, BooleanSupplier stop) {
              while (!timers.isEmpty() && timers.first() <= tick) {
                log.add("timer " + timers.pollFirst());
                if (stop.getAsBoolean() && !timers.isEmpty() && timers.first() <= tick) {
                  return false;
                }
              }
              return true;
            }

            @Override
            public void fired(long tick) {
              log.add("fired " + tick);
              begunByTimers.forEach(advance::add);
              begunByTimers.clear();
            }

            @Override
            public void completed(long tick) {
              log.add("completed " + tick);
            }

            @Override
            public void resumeLater() {
              log.add("pause");
              pauses++;
            }
          });

  private UserWalk walk(String name, String... users) {
    return new UserWalk(
        Stream.of(users), user -> log.add(name + " " + user), () -> log.add("end of " + name));
  }

  private void passPauses() throws Exception {
    while (pauses > 0) {
      pauses--;
      advance.resume();
    }
  }

  @Test
  void walksComeBeforeTheTimersOfTheirTick_andTheTickIsCompleteAfterThoseThatTheTimersBegan()
      throws Exception {
    timers.addAll(List.of(4L, 5L, 9L));
    begunByTimers.add(walk("count", "ann"));
    advance.add(walk("redraw", "ann", "bob"));
    advance.to(5);
    passPauses();
    assertThat(log.stream().filter(entry -> !entry.equals("pause")))
        .containsExactly(
            "redraw ann",
            "redraw bob",
            "end of redraw",
            "timer 4",
            "timer 5",
            "fired 5",
            "count ann",
            "end of count",
            "completed 5");
    assertThat(advance.isUnderWay()).isFalse();
  }

  @Test
  void pausesAfterEveryQuantum_andALaterTickTakesThePlaceOfTheOneUnderWay() throws Exception {
    timers.addAll(List.of(1L, 2L, 3L, 4L, 5L));
    advance.to(4);
    assertThat(log).containsExactly("timer 1", "timer 2", "timer 3", "pause");
    advance.to(5);
    assertThat(log).as("not before the pause is over").hasSize(4);
    passPauses();
    assertThat(log.subList(4, log.size()))
        .containsExactly("timer 4", "timer 5", "fired 5", "completed 5");
  }

  @Test
  void aWalkThatIsAddedBetweenTwoQuanta_comesBeforeTheOtherTimers() throws Exception {
    timers.addAll(List.of(1L, 2L, 3L, 4L));
    advance.to(4);
    advance.add(walk("redraw", "ann"));
    advance.goOn();
    passPauses();
    assertThat(log)
        .containsSubsequence("timer 3", "pause", "redraw ann", "end of redraw", "timer 4");
  }

  @Test
  void drainingPausesNowhere_andClosingGivesWalksUp() throws Exception {
    timers.addAll(List.of(1L, 2L, 3L, 4L));
    advance.to(4);
    advance.drain();
    assertThat(log).endsWith("timer 4", "fired 4", "completed 4");
    advance.add(walk("redraw", "ann"));
    advance.close();
    advance.drain();
    assertThat(log).doesNotContain("redraw ann");
  }
}
