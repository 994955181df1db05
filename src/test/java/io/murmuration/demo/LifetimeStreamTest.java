package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LifetimeStreamTest {

  private static final int ROUNDS = 120;
  private static final int LIFETIME = 30;
  private static final int KEPT = 15;
  private static final int PRESENT = 400;

  private final LifetimeStream stream =
      LifetimeStream.generate(/* seed= */ 1, ROUNDS, LIFETIME, KEPT, PRESENT);

  /** The round of an event, by the counts that pace the feed. */
  private int roundOf(int event) {
    int round = 1;
    while (stream.until(round) <= event) {
      round++;
    }
    return round;
  }

  @Test
  void theSameSeedGivesTheSameWorld() {
    LifetimeStream again = LifetimeStream.generate(1, ROUNDS, LIFETIME, KEPT, PRESENT);
    assertThat(again.events()).isEqualTo(stream.events());
    assertThat(LifetimeStream.generate(2, ROUNDS, LIFETIME, KEPT, PRESENT).events())
        .isNotEqualTo(stream.events());
    assertThat(stream.events()).extracting(SyntheticEvent::eventId).doesNotHaveDuplicates();
    assertThat(stream.events())
        .isSortedAccordingTo((a, b) -> a.eventTime().compareTo(b.eventTime()));
  }

  @Test
  void aboutAsManyPeopleAreThereAtAnyMoment_andNobodyStaysForEver() {
    Map<String, Integer> first = new HashMap<>();
    Map<String, Integer> last = new HashMap<>();
    for (int i = 0; i < stream.events().size(); i++) {
      String user = stream.events().get(i).userId();
      int round = roundOf(i);
      first.putIfAbsent(user, round);
      last.put(user, round);
    }
    assertThat(stream.people()).isEqualTo(first.size());
    for (int round = 5; round < ROUNDS; round += 10) {
      int now = round;
      long there =
          first.keySet().stream().filter(u -> first.get(u) <= now && now <= last.get(u)).count();
      assertThat(there)
          .as("a quarter more with those who are silent")
          .isBetween((long) (0.8 * PRESENT), (long) (1.3 * PRESENT));
    }
    assertThat(first.keySet())
        .allMatch(user -> last.get(user) - first.get(user) <= 1.5 * LIFETIME + 1.6 * KEPT + 1);
    long outstaying =
        first.keySet().stream()
            .filter(user -> last.get(user) - first.get(user) + 1 > LIFETIME)
            .count();
    assertThat(outstaying).as("those whom a lifetime must hold back").isGreaterThan(PRESENT / 2);
  }

  /** With ticks that are never longer than rounds, all they had said is gone by then. */
  @Test
  void manyFallSilentForLongerThanWordsAreKept_andComeBack() {
    Map<String, Integer> last = new HashMap<>();
    Set<String> back = new HashSet<>();
    for (int i = 0; i < stream.events().size(); i++) {
      String user = stream.events().get(i).userId();
      int round = roundOf(i);
      if (last.containsKey(user) && round - last.get(user) > KEPT + 1) {
        back.add(user);
      }
      last.put(user, round);
    }
    assertThat((double) back.size() / stream.people()).isBetween(0.15, 0.4);
  }

  @Test
  void topicsTrendInTurnAndEachIsForgotten() {
    PublicChat text = new PublicChat();
    List<Set<String>> sentences = text.trends().stream().map(this::words).toList();
    double[][] shares = new double[3][3];
    for (int part = 0; part < 3; part++) {
      int begin = (int) stream.until(stream.begin(part) + 5);
      int end = (int) stream.until(stream.begin(part + 1) - 1);
      for (int i = begin; i < end; i++) {
        for (int trend = 0; trend < 3; trend++) {
          String said = stream.events().get(i).text().toLowerCase();
          shares[part][trend] +=
              sentences.get(trend).stream().anyMatch(said::contains) ? 1.0 / (end - begin) : 0;
        }
      }
    }
    for (int part = 0; part < 3; part++) {
      for (int trend = 0; trend < 3; trend++) {
        if (part == trend) {
          assertThat(shares[part][trend]).isBetween(0.5, 0.65);
        } else {
          assertThat(shares[part][trend]).isLessThan(0.01);
        }
      }
    }
    assertThat(stream.begin(0)).isEqualTo(1);
    assertThat(stream.begin(1)).isEqualTo(41);
    assertThat(stream.begin(3)).isEqualTo(121);
  }

  /** A word that only this trend has stands in all of its sentences. */
  private Set<String> words(String trend) {
    return switch (trend) {
      case "trend" -> Set.of("vexira", "comet");
      case "trend-ballet" -> Set.of("okkolumi", "robot");
      default -> Set.of("tarnhex", "glyph", "lantern");
    };
  }

  @Test
  void everyTrendHasAName() {
    Set<String> names = new HashSet<>();
    stream.trends().forEach(trend -> names.add(PublicChat.nameOf(trend)));
    assertThat(names).hasSize(3).doesNotContainAnyElementsOf(stream.trends());
  }

  @Test
  void theFeedIsPacedByRounds() {
    long before = 0;
    for (int round = 1; round <= ROUNDS; round++) {
      long share = stream.until(round) - before;
      before = stream.until(round);
      assertThat((double) share)
          .isBetween(0.5 * stream.events().size() / ROUNDS, 1.6 * stream.events().size() / ROUNDS);
    }
    assertThat(before).isEqualTo(stream.events().size());
    assertThat(stream.until(10 * ROUNDS)).isEqualTo(before);
  }

  @Test
  void whatIsNoWorldIsRefused() {
    assertThatThrownBy(() -> LifetimeStream.generate(1, 2, 30, 15, 10))
        .hasMessageContaining("3 rounds");
    assertThatThrownBy(() -> LifetimeStream.generate(1, 20, 0, 15, 10))
        .hasMessageContaining("not 20");
  }
}
