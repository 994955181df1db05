package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class UserTimersTest {

  private static final long NONE = UserPool.NOT_DUE;

  private static UserTimers timers(long cleanUp, long... dueTicks) {
    UserTimers.Builder builder = new UserTimers.Builder(cleanUp);
    for (long dueTick : dueTicks) {
      builder.accept(dueTick);
    }
    return builder.build();
  }

  /** What is deleted and registered, with its sign. */
  private static List<Long> changes(UserTimers before, UserTimers after) {
    List<Long> changes = new ArrayList<>();
    before.moveTo(after, tick -> changes.add(-tick), changes::add);
    return changes;
  }

  @Test
  void whatIsEarlierThanAllBefore_hasATimer() {
    assertThat(timers(100, 50, 70, 20, 20, NONE, 30, 10)).hasToString("[50, 20, 10]");
  }

  @Test
  void theCleanUp_hasOneWhereNothingIsDueBefore() {
    assertThat(timers(100)).hasToString("[100]");
    assertThat(timers(100, 100, 120, NONE)).hasToString("[100]");
    assertThat(timers(NONE)).hasToString("[]");
    assertThat(timers(NONE, NONE)).hasToString("[]");
  }

  @Test
  void aNewcomerThatIsDueFirst_deletesNothing() {
    assertThat(changes(timers(100, 50), timers(100, 50, 20))).containsExactly(20L);
    assertThat(changes(timers(100, 50), timers(100, 50, 60))).isEmpty();
  }

  @Test
  void whatLeaves_takesItsTimersAlong() {
    assertThat(changes(timers(100, 50, 20), UserTimers.NONE)).containsExactly(-50L, -20L);
    assertThat(changes(timers(100, 20, 50), timers(100, 90, 50))).containsExactly(90L, 50L, -20L);
  }

  @Test
  void afterATimerHasFired_onlyWhatIsNewIsRegistered() {
    UserTimers left = timers(100, 50, 20).fired(20);
    assertThat(changes(left, timers(100, 50, 80))).isEmpty();
    assertThat(changes(left, timers(100, 50, 40))).containsExactly(40L);
  }

  @Test
  void afterALeftover_nothingIsTakenForCertain() {
    UserTimers left = timers(100, 50, 20).fired(30);
    assertThat(changes(left, timers(100, 50, 20))).containsExactly(50L, 20L);
    assertThat(changes(left.fired(20), timers(100, 50))).containsExactly(50L);
  }

  /** Whatever becomes of due ticks, the timers are those of the rule, the earliest among them. */
  @Test
  void theEarliestAlwaysHasATimer_andNoTimerIsOfNobody() {
    SplittableRandom random = new SplittableRandom(1);
    TreeSet<Long> armed = new TreeSet<>();
    List<Long> due = new ArrayList<>();
    UserTimers before = UserTimers.NONE;
    for (int step = 0; step < 20_000; step++) {
      int place = random.nextInt(due.size() + 1);
      long tick = step + random.nextLong(1, 60);
      if (random.nextInt(10) == 0) {
        due.clear();
      } else if (place == due.size() && place < 16) {
        due.add(tick);
      } else {
        due.set(place % due.size(), tick);
      }
      UserTimers after = timers(NONE, due.stream().mapToLong(Long::longValue).toArray());
      before.moveTo(after, deleted -> assertThat(armed.remove(deleted)).isTrue(), armed::add);
      before = after;
      assertThat(due).containsAll(armed);
      if (!due.isEmpty()) {
        assertThat(armed.first()).isEqualTo(due.stream().min(Long::compare).get());
      }
    }
  }
}
