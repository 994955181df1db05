package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is added, exactly: against whole numbers of any size, and against the proof. */
class BandedToeplitzNoiseTest {

  private static final long FARTHEST = 1L << 28;

  /** Rounds of one sequence, and all that the proof speaks of. */
  private static final class Rounds {

    final int[] numerators;
    final int size;
    final BandedToeplitzNoise noise;
    final List<long[]> drawn = new ArrayList<>();
    final List<long[]> added = new ArrayList<>();

    Rounds(int[] numerators, int size) {
      this.numerators = numerators;
      this.size = size;
      noise = new BandedToeplitzNoise(numerators, size);
    }

    /** What is published of a sum; z₁ and z₂ are drawn one after the other, a block at a time. */
    long[] round(long number, long[] sum, GridNoise white) {
      long[] fine = new long[size];
      int[] calls = {0};
      long[] published = sum.clone();
      noise.addTo(
          published,
          number,
          values -> {
            long[] draws = new long[values.length];
            white.addTo(draws);
            int from = calls[0] / 2 * 1_024;
            boolean coarse = calls[0]++ % 2 == 0;
            for (int i = 0; i < draws.length; i++) {
              values[i] += draws[i];
              fine[from + i] += coarse ? draws[i] << 16 : draws[i];
            }
          });
      long[] x = new long[size];
      Arrays.setAll(x, i -> published[i] - sum[i]);
      drawn.add(fine);
      added.add(x);
      return published;
    }

    void completed(long number) {
      noise.completed(number);
    }
  }

  private static long[] sums(SplittableRandom random, int size) {
    return random.longs(size, -(1L << 50), 1L << 50).toArray();
  }

  /** ⌊n/d + ½⌋. */
  private static BigInteger rounded(BigInteger n, long d) {
    BigInteger twice = BigInteger.valueOf(2 * d);
    BigInteger[] division = n.shiftLeft(1).add(BigInteger.valueOf(d)).divideAndRemainder(twice);
    return division[1].signum() < 0 ? division[0].subtract(BigInteger.ONE) : division[0];
  }

  private static BigInteger product(long one, long other) {
    return BigInteger.valueOf(one).multiply(BigInteger.valueOf(other));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 8, 16})
  void whatIsAddedFollowsItsRecursion_inWholeNumbersOfAnySize(int bands) {
    SplittableRandom random = new SplittableRandom(bands);
    Rounds rounds = new Rounds(Bands.of(bands), /* size= */ 1_500);
    for (int t = 0; t < 3 * bands; t++) {
      rounds.round(t + 1, sums(random, rounds.size), SeededNoise.of(random.nextLong()));
      rounds.completed(t + 1);
      for (int i = 0; i < rounds.size; i += 7) {
        BigInteger wanted = BigInteger.valueOf(rounds.drawn.get(t)[i]);
        for (int j = 1; j < bands && j <= t; j++) {
          wanted = wanted.subtract(product(rounds.numerators[j], rounds.added.get(t - j)[i]));
        }
        assertThat(BigInteger.valueOf(rounds.added.get(t)[i]))
            .isEqualTo(rounded(wanted, rounds.numerators[0]));
      }
    }
  }

  /** The heart of the proof: sums show in v alone. */
  @Test
  void whatIsPublishedIsAFunctionOfTheNoisedMixturesAndOfWhatWasPublished() {
    int bands = 5;
    SplittableRandom random = new SplittableRandom(1);
    Rounds rounds = new Rounds(Bands.of(bands), /* size= */ 40);
    List<long[]> sums = new ArrayList<>();
    List<long[]> published = new ArrayList<>();
    for (int t = 0; t < 20; t++) {
      sums.add(sums(random, rounds.size));
      published.add(rounds.round(t + 1, sums.get(t), SeededNoise.of(random.nextLong())));
      rounds.completed(t + 1);
      for (int i = 0; i < rounds.size; i++) {
        BigInteger mixture = BigInteger.valueOf(rounds.drawn.get(t)[i]);
        BigInteger known = BigInteger.ZERO;
        for (int j = 0; j < bands && j <= t; j++) {
          mixture = mixture.add(product(rounds.numerators[j], sums.get(t - j)[i]));
          if (j > 0) {
            known = known.add(product(rounds.numerators[j], published.get(t - j)[i]));
          }
        }
        assertThat(BigInteger.valueOf(published.get(t)[i]))
            .isEqualTo(rounded(mixture.subtract(known), rounds.numerators[0]));
      }
    }
  }

  @Test
  void itBeginsAnew_afterARoundThatWasNotExecuted_orNotCompleted() {
    Rounds rounds = new Rounds(Bands.of(4), /* size= */ 3);
    long[] nothing = new long[3];
    rounds.round(1, nothing, SeededNoise.of(1));
    rounds.completed(1);
    rounds.round(2, nothing, SeededNoise.of(2));
    rounds.completed(2);
    assertThat(isFirst(rounds)).isFalse();
    // 3 was charged and never executed
    rounds.round(4, nothing, SeededNoise.of(4));
    rounds.completed(4);
    assertThat(isFirst(rounds)).isTrue();
    rounds.round(5, nothing, SeededNoise.of(5));
    assertThat(isFirst(rounds)).isFalse();
    // 5 failed
    rounds.round(6, nothing, SeededNoise.of(6));
    rounds.completed(6);
    assertThat(isFirst(rounds)).isTrue();
    rounds.round(7, nothing, SeededNoise.of(7));
    assertThat(isFirst(rounds)).isFalse();
  }

  /** Whether the last round's noise is that of a sequence that begins with it. */
  private static boolean isFirst(Rounds rounds) {
    int last = rounds.added.size() - 1;
    long[] first = new long[rounds.size];
    Arrays.setAll(
        first,
        i ->
            rounded(BigInteger.valueOf(rounds.drawn.get(last)[i]), rounds.numerators[0])
                .longValueExact());
    return Arrays.equals(rounds.added.get(last), first);
  }

  @Test
  void aRoundIsNoisedOnce_andItsSumIsOfItsSize() {
    BandedToeplitzNoise noise = new BandedToeplitzNoise(Bands.of(2), 2);
    noise.addTo(new long[2], 7, SeededNoise.of(1));
    assertThatThrownBy(() -> noise.completed(6)).hasMessageContaining("round 6 must be the one");
    // an attempt that failed is no noise that is out
    noise.addTo(new long[2], 7, SeededNoise.of(2));
    noise.completed(7);
    assertThatThrownBy(() -> noise.completed(7)).hasMessageContaining("once");
    assertThatThrownBy(() -> noise.addTo(new long[2], 7, SeededNoise.of(3)))
        .hasMessageContaining("7 comes after 7");
    assertThatThrownBy(() -> noise.addTo(new long[3], 8, SeededNoise.of(2)))
        .hasMessageContaining("must have 2 elements but has 3");
  }

  @Test
  void coefficientsThatAreNoMechanism_orWithWhichNoiseGrows_areRefused() {
    assertThatThrownBy(() -> new BandedToeplitzNoise(new int[] {1 << 16}, 1))
        .hasMessageContaining("one band is independent");
    assertThatThrownBy(() -> new BandedToeplitzNoise(new int[] {1 << 16, 1}, 1))
        .hasMessageContaining("at most 2^32");
    assertThatThrownBy(() -> new BandedToeplitzNoise(new int[] {0, 1}, 1))
        .hasMessageContaining("the first positive");
    // 1/(1 − z) for ever, and 1/(1 − 1.1·z)
    assertThatThrownBy(() -> new BandedToeplitzNoise(new int[] {40_000, -40_000}, 1))
        .hasMessageContaining("must not grow");
    assertThatThrownBy(() -> new BandedToeplitzNoise(new int[] {40_000, -44_000}, 1))
        .hasMessageContaining("must not grow");
    for (int bands = 2; bands <= 256; bands *= 2) {
      BandedToeplitzNoise.requireStable(Bands.of(bands));
    }
  }

  /** The draws that add up to the most: each of the sign of its coefficient in 1/c. */
  @ParameterizedTest
  @ValueSource(ints = {2, 16, 64})
  void nothingOverflows_whateverIsDrawn(int bands) {
    int[] numerators = Bands.of(bands);
    int length = 20 * bands;
    double[] inverse = new double[length];
    for (int n = 0; n < length; n++) {
      double value = n == 0 ? 1 << 16 : 0;
      for (int j = 1; j < bands && j <= n; j++) {
        value -= numerators[j] * inverse[n - j];
      }
      inverse[n] = value / numerators[0];
    }
    Rounds rounds = new Rounds(numerators, /* size= */ 1);
    for (int t = 0; t < length; t++) {
      long sign = inverse[length - 1 - t] < 0 ? -1 : 1;
      rounds.round(t + 1, new long[1], values -> values[0] += sign * FARTHEST);
      rounds.completed(t + 1);
    }
    double most = Arrays.stream(inverse).map(Math::abs).sum() * (FARTHEST * (1 + 0x1p-16) + 1);
    assertThat((double) rounds.added.get(length - 1)[0]).isBetween(0.99 * most, most);
    assertThat(most).isLessThan(0x1p36);
  }

  /**
   * An attack on noise that leaves the fraction of a mixture as it is. Whoever knows the sums of
   * others computes, from what is published, an interval of k₀ fine units that holds v. Noise on
   * the coarse grid moves v by multiples of 2¹⁶ &gt; k₀ alone, so that the interval often holds no
   * point that there could be without the user: that is so in a sixth of the rounds, where a right
   * mechanism reaches every point of the fine grid.
   */
  @Test
  void noiseOnTheCoarseGridAloneIsFoundOut() {
    int[] numerators = Bands.of(3);
    SplittableRandom random = new SplittableRandom(5);
    int impossible = 0;
    int rounds = 2_000;
    BandedToeplitzNoise noise = new BandedToeplitzNoise(numerators, 1);
    Map<Long, Long> published = new HashMap<>();
    for (long t = 1; t <= rounds; t++) {
      // the user is in every third round, and moves the sum by one unit
      long[] sum = {t % 3 == 1 ? 1 : 0};
      GridNoise white = SeededNoise.of(random.nextLong());
      int[] calls = {0};
      noise.addTo(
          sum,
          t,
          values -> {
            if (calls[0]++ == 0) {
              white.addTo(values);
            }
          });
      noise.completed(t);
      published.put(t, sum[0]);
      impossible += isPossible(numerators, published, t, 1 << 16) ? 0 : 1;
      assertThat(isPossible(numerators, published, t, 1)).isTrue();
    }
    assertThat(impossible).isGreaterThan(rounds / 10);
  }

  /** Whether some multiple of a step is a v of nobody that gives what is published. */
  private static boolean isPossible(
      int[] numerators, Map<Long, Long> published, long t, long step) {
    long known = 0;
    for (int j = 1; j < numerators.length && j < t; j++) {
      known += numerators[j] * published.get(t - j);
    }
    // ⌊(v − known)/k₀ + ½⌋ = y
    long first = published.get(t) * numerators[0] - numerators[0] / 2 + known;
    long multiple = Math.floorDiv(first + step - 1, step) * step;
    return multiple < first + numerators[0];
  }
}
