package io.murmuration.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HeldOutUsersTest {
  private static final List<String> USERS =
      IntStream.range(0, 10_000).mapToObj(i -> "user-" + i).toList();

  @Test
  void aFractionHoldsOutAboutThatShareAndAlwaysTheSameUsers() {
    List<String> tenth = USERS.stream().filter(HeldOutUsers.fraction(0.1)).toList();
    // 1,000 expected, standard deviation 30.
    assertThat(tenth).hasSizeBetween(850, 1_150);
    assertThat(USERS.stream().filter(HeldOutUsers.fraction(0.2))).containsAll(tenth);
    assertThat(USERS.stream().filter(HeldOutUsers.fraction(0))).isEmpty();
    assertThat(USERS.stream().filter(HeldOutUsers.fraction(1))).hasSize(10_000);
  }

  @Test
  void theLowestHashesAreThoseThatAFractionHoldsOut() {
    List<String> tenth = USERS.stream().filter(HeldOutUsers.fraction(0.1)).toList();
    Set<String> lowest = HeldOutUsers.lowest(USERS, tenth.size());
    assertThat(lowest).containsExactlyInAnyOrderElementsOf(tenth);
    assertThat(HeldOutUsers.lowest(List.of("a", "a", "b"), 2)).containsExactlyInAnyOrder("a", "b");
  }

  @Test
  void impossibleRequestsAreRefused() {
    assertThatThrownBy(() -> HeldOutUsers.fraction(Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("NaN");
    assertThatThrownBy(() -> HeldOutUsers.lowest(List.of("a", "a"), 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("cannot hold out 2 of 1 users");
  }
}
