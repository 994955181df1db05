package io.murmuration.privacy.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;

class ClopperPearsonTest {

  @Test
  void boundsLeaveExactlyTheirShareInTheTail() {
    for (double share : new double[] {0.025, 1e-4, 1e-10}) {
      for (int successes : new int[] {1, 8, 400, 2499, 2500}) {
        double lower = ClopperPearson.lower(successes, 2500, share);
        assertThat(BinomialDistribution.of(2500, lower).survivalProbability(successes - 1))
            .isEqualTo(share, within(1e-5 * share));
      }
    }
  }

  @Test
  void edges() {
    assertThat(ClopperPearson.lower(0, 10, 0.05)).isZero();
    assertThat(ClopperPearson.upper(10, 10, 0.05)).isEqualTo(1);
    // (1 − p)^10 = 0.05
    assertThat(ClopperPearson.upper(0, 10, 0.05)).isEqualTo(1 - Math.pow(0.05, 0.1), within(1e-9));
    assertThat(ClopperPearson.upper(0, 0, 0.05)).isEqualTo(1);
  }
}
