package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;
import org.junit.jupiter.api.Test;

class UserTallyTest {

  private static final ContributionBounds BOUNDS = new ContributionBounds(10, 2, 2);
  private static final CountHistogram QUERY = new CountHistogram(List.of(1, 2, 4));
  private static final Grant GRANT =
      new Grant(
          3,
          7,
          /* tick= */ 25,
          1,
          new RoundMechanism(Sampler.ULS, 1, 1, 1, 1, 1, QUERY),
          0.1,
          1e-6,
          "00");

  private static UserPool pool(long windowTicks, long tick, int events) {
    ContributionBounds bounds = new ContributionBounds(windowTicks, 2, 2);
    UniformRandomProvider random = SeededRandomness.stream(1);
    UserPool pool = new UserPool(windowTicks);
    for (int i = 0; i < events; i++) {
      pool.offer(tick - 1, bounds, random);
    }
    return pool;
  }

  private static List<Long> countsOf(UserPool... pools) {
    UserTally tally = new UserTally(QUERY, GRANT, BOUNDS);
    for (UserPool pool : pools) {
      tally.add(pool);
    }
    return tally.counts().users();
  }

  @Test
  void eachUserIsInTheBinOfWhatTheySaid_keptOrNot() {
    UserTally tally = new UserTally(QUERY, GRANT, BOUNDS);
    tally.add(pool(10, 10, 1));
    tally.add(pool(10, 15, 2));
    tally.add(pool(10, 19, 100));
    tally.add(pool(10, 10, 4));
    assertThat(tally.counts()).isEqualTo(new UserCounts(3, 7, 25, List.of(1L, 1L, 2L)));
  }

  @Test
  void windowsBesideTheLastCompleteOne_doNotCount() {
    assertThat(countsOf(pool(10, 9, 1), pool(10, 20, 1))).containsExactly(0L, 0L, 0L);
  }

  @Test
  void userWhoSaidNothing_isInNoBin() {
    assertThat(countsOf(new UserPool(10))).containsExactly(0L, 0L, 0L);
  }

  @Test
  void poolOfAnotherWindowLength_isInNoBin() {
    assertThat(countsOf(pool(5, 15, 1))).containsExactly(0L, 0L, 0L);
  }
}
