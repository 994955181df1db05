package io.murmuration.contribution;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.mechanism.Sampler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.function.ToLongFunction;
import org.apache.commons.rng.UniformRandomProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Distributions of the pure samplers, by chi-squared tests that reject the truth with probability
 * 10⁻⁶ each; the seeds are fixed, so the outcome is too. Every test also rejects a planted bug,
 * with the same statistic at the same size.
 */
class SamplingStatisticalTest {

  private static final double FALSE_REJECT_RATE = 1e-6;

  // ---- geometric due ticks ----

  private static double geometricFit(double q, LongUnaryOperator nextAfter) {
    int draws = 200_000;
    int cells = 60;
    long closedTick = 1000;
    long[] observed = new long[cells];
    double[] expected = new double[cells];
    for (int i = 0; i < draws; i++) {
      long wait = nextAfter.applyAsLong(closedTick) - closedTick;
      observed[(int) Math.min(Math.max(wait - 1, 0), cells - 1)]++;
    }
    for (int k = 0; k < cells; k++) {
      expected[k] = draws * Math.pow(1 - q, k) * (k == cells - 1 ? 1 : q);
    }
    return Chi2.pValue(expected, observed);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.9, 0.5, 0.1, 0.03})
  void dueTicks_areGeometric(double q) {
    UniformRandomProvider random = SeededRandomness.stream(11);
    SamplingSchedule schedule = new SamplingSchedule(Sampler.ULS, q);
    assertThat(geometricFit(q, tick -> schedule.nextAfter(tick, random)))
        .isGreaterThan(FALSE_REJECT_RATE);
    assertThat(geometricFit(q, tick -> schedule.nextAfter(tick, random) + 1))
        .as("planted: one tick late")
        .isLessThan(FALSE_REJECT_RATE);
    assertThat(geometricFit(q, tick -> Math.max(tick + 1, schedule.nextAfter(tick, random) - 1)))
        .as("planted: one tick early")
        .isLessThan(FALSE_REJECT_RATE);
  }

  @Test
  void certainHeads_areDueAtTheNextTick_andARareOneNeverOverflows() {
    UniformRandomProvider random = SeededRandomness.stream(12);
    assertThat(new SamplingSchedule(Sampler.ULS, 1).nextAfter(41, random)).isEqualTo(42);
    SamplingSchedule rare = new SamplingSchedule(Sampler.ULS, Double.MIN_VALUE);
    for (int i = 0; i < 100; i++) {
      assertThat(rare.nextAfter(Long.MAX_VALUE - 10, random)).isEqualTo(SamplingSchedule.LAST_TICK);
      assertThat(rare.nextAfter(-1, random)).isBetween(0L, SamplingSchedule.LAST_TICK);
    }
  }

  // ---- participation ----

  /** Takes part in a tick or not. */
  private interface Participant {
    boolean takesPart(long tick, boolean granted);
  }

  /** A user as the operator drives the pool. */
  private static Participant user(SamplingSchedule schedule, UniformRandomProvider random) {
    ContributionBounds bounds = new ContributionBounds(1_000_000, 1, 1);
    UserPool pool = new UserPool(bounds.windowTicks());
    pool.offer(-1, bounds, random);
    pool.drawDueTicks(schedule, -1, random);
    return (tick, granted) -> {
      if (pool.nextDueTick() != tick) {
        return false;
      }
      boolean sampled = granted && pool.sample(tick, schedule, 1, bounds, random).length == 1;
      pool.clearDueTicks(tick);
      pool.drawDueTicks(schedule, tick, random);
      return sampled;
    };
  }

  /** Patterns of participation in runs of four granted ticks, every third tick being ungranted. */
  private static double participationFit(double q, List<Participant> users) {
    int runs = 500;
    long[] observed = new long[16];
    for (Participant user : users) {
      long tick = 0;
      for (int run = 0; run < runs; run++) {
        int pattern = 0;
        for (int bit = 0; bit < 4; tick++) {
          boolean granted = tick % 3 != 2;
          boolean sampled = user.takesPart(tick, granted);
          if (granted) {
            pattern |= sampled ? 1 << bit : 0;
            bit++;
          }
        }
        observed[pattern]++;
      }
    }
    double[] expected = new double[16];
    for (int pattern = 0; pattern < 16; pattern++) {
      int heads = Integer.bitCount(pattern);
      expected[pattern] =
          (double) runs * users.size() * Math.pow(q, heads) * Math.pow(1 - q, 4 - heads);
    }
    return Chi2.pValue(expected, observed);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 0.2})
  void participation_isIndependentOverGrantedTicks_whateverIsNotGranted(double q) {
    SamplingSchedule schedule = new SamplingSchedule(Sampler.ULS, q);
    List<Participant> users = new ArrayList<>();
    List<Participant> stuck = new ArrayList<>();
    List<Participant> firesLateAfterUngranted = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      users.add(user(schedule, SeededRandomness.stream(100 + i)));
      UniformRandomProvider random = SeededRandomness.stream(200 + i);
      long[] dueTick = {schedule.nextAfter(-1, random)};
      stuck.add(
          (tick, granted) -> {
            if (dueTick[0] != tick || !granted) {
              return false;
            }
            dueTick[0] = schedule.nextAfter(tick, random);
            return true;
          });
      long[] waiting = {schedule.nextAfter(-1, random)};
      firesLateAfterUngranted.add(
          (tick, granted) -> {
            if (waiting[0] > tick || !granted) {
              return false;
            }
            waiting[0] = schedule.nextAfter(tick, random);
            return true;
          });
    }
    assertThat(participationFit(q, users)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(participationFit(q, stuck))
        .as("planted: not redrawn after a tick without a grant")
        .isLessThan(FALSE_REJECT_RATE);
    assertThat(participationFit(q, firesLateAfterUngranted))
        .as("planted: heads kept for the next grant")
        .isLessThan(FALSE_REJECT_RATE);
  }

  // ---- reservoirs ----

  private static double reservoirFit(
      int events, int capacity, ToLongFunction<UniformRandomProvider> keptBits) {
    int trials = 60_000;
    UniformRandomProvider random = SeededRandomness.stream(13);
    long[] observed = new long[1 << events];
    for (int i = 0; i < trials; i++) {
      observed[(int) keptBits.applyAsLong(random)]++;
    }
    long[] subsets =
        java.util.stream.LongStream.range(0, 1L << events)
            .filter(bits -> Long.bitCount(bits) == capacity)
            .map(bits -> observed[(int) bits])
            .toArray();
    assertThat(Arrays.stream(subsets).sum()).isEqualTo(trials);
    double[] expected = new double[subsets.length];
    Arrays.fill(expected, (double) trials / subsets.length);
    return Chi2.pValue(expected, subsets);
  }

  /** Keeps in {@code kept} which event each position holds. */
  private static Reservoir fill(
      int firstEvent, int events, int capacity, UniformRandomProvider random) {
    Reservoir reservoir = new Reservoir(0, 0, 0);
    for (int event = firstEvent; event < firstEvent + events; event++) {
      int position = reservoir.offer(capacity, random);
      if (position != Reservoir.NOT_KEPT) {
        reservoir.set(position, event, 0, UserPool.NOT_DUE);
      }
    }
    return reservoir;
  }

  private static long bits(Reservoir reservoir) {
    long[] bits = {0};
    reservoir.forEachSlot(slot -> bits[0] |= 1L << slot);
    return bits[0];
  }

  @Test
  void reservoir_keepsEverySubsetEquallyOften() {
    assertThat(reservoirFit(7, 3, random -> bits(fill(0, 7, 3, random))))
        .isGreaterThan(FALSE_REJECT_RATE);
    assertThat(
            reservoirFit(
                7,
                3,
                random -> {
                  Reservoir biased = fill(0, 6, 3, random);
                  biased.set(random.nextInt(3), 6, 0, 0);
                  return bits(biased);
                }))
        .as("planted: the newest is always kept")
        .isLessThan(FALSE_REJECT_RATE);
  }

  @Test
  void mergedReservoirs_keepEverySubsetEquallyOften() {
    assertThat(
            reservoirFit(
                8,
                3,
                random -> {
                  Reservoir merged = fill(0, 6, 3, random);
                  merged.absorb(fill(6, 2, 3, random), 3, random, slot -> {});
                  return bits(merged);
                }))
        .isGreaterThan(FALSE_REJECT_RATE);
    assertThat(
            reservoirFit(
                8,
                3,
                random -> {
                  Reservoir kept = fill(0, 6, 3, random);
                  Reservoir other = fill(6, 2, 3, random);
                  int[] all = {kept.slot(0), kept.slot(1), kept.slot(2), 6, 7};
                  long[] bits = {0};
                  for (int slot : SubsetSampling.draw(all, 3, random)) {
                    bits[0] |= 1L << slot;
                  }
                  assertThat(other.size()).isEqualTo(2);
                  return bits[0];
                }))
        .as("planted: the kept ones are merged as if they were all")
        .isLessThan(FALSE_REJECT_RATE);
  }

  @Test
  void cutReservoir_staysUniform_alsoWhenMoreArriveUnderALargerBound() {
    assertThat(
            reservoirFit(
                7,
                2,
                random -> {
                  Reservoir reservoir = fill(0, 5, 4, random);
                  reservoir.cutTo(2, random, slot -> {});
                  for (int event = 5; event < 7; event++) {
                    int position = reservoir.offer(4, random);
                    if (position != Reservoir.NOT_KEPT) {
                      reservoir.set(position, event, 0, 0);
                    }
                  }
                  return bits(reservoir);
                }))
        .isGreaterThan(FALSE_REJECT_RATE);
  }

  // ---- subsets ----

  @Test
  void sampledSubsets_areUniform() {
    int[] items = {0, 1, 2, 3, 4, 5};
    assertThat(reservoirFit(6, 2, random -> bits(SubsetSampling.draw(items, 2, random))))
        .isGreaterThan(FALSE_REJECT_RATE);
    assertThat(
            reservoirFit(
                6,
                2,
                random -> {
                  int start = random.nextInt(6);
                  return 1L << start | 1L << (start + 1) % 6;
                }))
        .as("planted: neighbours only")
        .isLessThan(FALSE_REJECT_RATE);
    assertThat(SubsetSampling.draw(items, 9, SeededRandomness.stream(1)))
        .containsExactlyInAnyOrder(items);
  }

  private static long bits(int[] items) {
    long bits = 0;
    for (int item : items) {
      bits |= 1L << item;
    }
    return bits;
  }

  // ---- production random ----

  @Test
  void secureCoins_areUniform_andDifferBetweenInstances() {
    UniformRandomProvider random = Randomness.secure().forUser("ann");
    long[] observed = new long[256];
    double[] expected = new double[256];
    Arrays.fill(expected, 1000);
    for (int i = 0; i < 256 * 1000 / 8; i++) {
      long bits = random.nextLong();
      for (int shift = 0; shift < 64; shift += 8) {
        observed[(int) (bits >>> shift & 0xFF)]++;
      }
    }
    assertThat(Chi2.pValue(expected, observed)).isGreaterThan(FALSE_REJECT_RATE);
    assertThat(Randomness.secure().forUser("ann").nextLong())
        .isNotEqualTo(Randomness.secure().forUser("ann").nextLong());
  }
}
