package io.murmuration.contribution;

import static io.murmuration.contribution.SamplerHarness.els;
import static io.murmuration.contribution.SamplerHarness.uls;
import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.RoundMechanism;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;

/**
 * The operator's participation over ungranted ticks, restores, erasures and changes of probability,
 * by chi-squared tests that reject the truth with probability 10⁻⁶ each, with fixed seeds.
 */
class BoundAndSampleStatisticalTest {

  private static final double FALSE_REJECT_RATE = 1e-6;
  private static final int USERS = 300;
  private static final ContributionBounds ONE = new ContributionBounds(1_000_000, 1, 1);

  /** Numbers of users (or examples) a round, over rounds. */
  private static double binomialFit(int trials, double q, List<Integer> counts) {
    BinomialDistribution binomial = BinomialDistribution.of(trials, q);
    double[] expected = new double[trials + 1];
    long[] observed = new long[trials + 1];
    for (int k = 0; k <= trials; k++) {
      expected[k] = counts.size() * binomial.probability(k);
    }
    counts.forEach(count -> observed[count]++);
    return Chi2.pValue(expected, observed);
  }

  private static void joinAll(SamplerHarness job) throws Exception {
    for (int user = 0; user < USERS; user++) {
      job.say("user" + user, "text");
    }
  }

  @Test
  void ulsParticipation_isBernoulli_forEachUserAndRound_throughRestoresAndErasures()
      throws Exception {
    double q = 0.3;
    int rounds = 300;
    RoundMechanism mechanism = uls(q, 1);
    boolean[][] tookPart = new boolean[USERS][rounds];
    OperatorSubtaskState state = null;
    long tick = 0;
    for (int attempt = 0; attempt < 10; attempt++) {
      try (SamplerHarness job = new SamplerHarness(ONE, 40 + attempt)) {
        if (state == null) {
          job.open();
        } else {
          job.restore(state);
        }
        if (attempt == 0) {
          joinAll(job);
        }
        job.epoch(attempt + 1, tick);
        for (int i = 0; i < 30; i++) {
          int round = attempt * 30 + i;
          if (i % 7 == 3) {
            job.tick(tick++);
          }
          if (i % 10 == 5) {
            job.erase("user" + i);
            job.say("user" + i, "again");
          }
          for (UserSample sample : job.round(tick++, mechanism)) {
            tookPart[Integer.parseInt(sample.userId().substring(4))][round] = true;
          }
          if (i == 20) {
            state = job.flink.snapshot(attempt, attempt);
          }
        }
        // a round in flight when the job fails is void
        job.grant(tick++, mechanism);
      }
    }
    List<Integer> perRound = new ArrayList<>();
    List<Integer> perUser = new ArrayList<>();
    List<Integer> repeated = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      int count = 0;
      for (boolean[] user : tookPart) {
        count += user[round] ? 1 : 0;
      }
      perRound.add(count);
    }
    for (boolean[] user : tookPart) {
      int count = 0;
      int twice = 0;
      for (int round = 0; round < rounds; round++) {
        count += user[round] ? 1 : 0;
        twice += round % 2 == 1 && user[round] && user[round - 1] ? 1 : 0;
      }
      perUser.add(count);
      repeated.add(twice);
    }
    assertThat(binomialFit(USERS, q, perRound)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(binomialFit(rounds, q, perUser)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(binomialFit(rounds / 2, q * q, repeated)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(binomialFit(rounds, q * 0.95, perUser))
        .as("power: a probability 5 %% lower is rejected")
        .isLessThan(FALSE_REJECT_RATE);
  }

  @Test
  void newProbability_holdsFromItsFirstRound() throws Exception {
    List<Integer> first = new ArrayList<>();
    try (SamplerHarness job = new SamplerHarness(ONE, 5).open().epoch(1, 0)) {
      joinAll(job);
      for (int i = 0; i < 200; i++) {
        job.round(2L * i, uls(0.02, 1));
        first.add(job.round(2L * i + 1, uls(0.25, 1)).size());
      }
    }
    assertThat(binomialFit(USERS, 0.25, first)).isGreaterThan(FALSE_REJECT_RATE);
  }

  @Test
  void elsExamplesPerRound_areBinomial_whileTheReservoirTurnsOver() throws Exception {
    int pool = 6;
    double p = 0.3;
    List<Integer> counts = new ArrayList<>();
    try (SamplerHarness job =
        new SamplerHarness(new ContributionBounds(1_000_000, pool, 1), 6).open().epoch(1, 0)) {
      for (int event = 0; event < 20; event++) {
        job.say("ann", "text" + event);
      }
      for (long tick = 0; tick < 4_000; tick++) {
        List<UserSample> samples = job.round(tick, els(p, pool));
        counts.add(samples.isEmpty() ? 0 : samples.get(0).examples().size());
        if (tick % 3 == 0) {
          job.tick(++tick);
          job.say("ann", "more" + tick);
        }
      }
    }
    assertThat(binomialFit(pool, p, counts)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(binomialFit(pool, p * 1.15, counts))
        .as("power: a probability 15 %% higher is rejected")
        .isLessThan(FALSE_REJECT_RATE);
  }
}
