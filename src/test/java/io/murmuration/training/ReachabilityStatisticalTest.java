package io.murmuration.training;

import static io.murmuration.training.QuadraticEngine.slice;
import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.contribution.UserCounts;
import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.CorrelatedNoise;
import io.murmuration.privacy.mechanism.Grant;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery;
import io.murmuration.privacy.mechanism.RoundQuery.CountHistogram;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.Sampler;
import io.murmuration.privacy.noise.Bands;
import io.murmuration.privacy.noise.GridNoise;
import io.murmuration.privacy.noise.NoiseFactory;
import io.murmuration.privacy.noise.SecureRandomSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import org.apache.commons.rng.sampling.distribution.ContinuousSampler;
import org.apache.commons.rng.sampling.distribution.ZigguratSampler;
import org.junit.jupiter.api.Test;

/**
 * An attack on every published number: is there a value of the noise with which the data without a
 * user would have given exactly this number? If there is none, the user was there, whatever ε says.
 *
 * <p>The attack runs the mechanism itself on the data without the user, with noise that it chooses
 * from what the noise can be. On the integers of a grid all noise within 16 deviations can be, so
 * that it finds none out of reach: a false alarm needs noise beyond 15 deviations, which has a
 * probability below 10⁻⁴⁰ over all draws here. What noise in floating point does to histograms is
 * planted, and found at once: 12 % of what is published of an empty bin, 0.4 % of a bin of thirty,
 * is impossible without the user; fewer than 0.1 % of 100,000 draws have a probability below 10⁻⁸⁰
 * (Chernoff). Clip norms and parameters show fewer bits of a sum, so that the same fault is rarer
 * there, not absent.
 *
 * <p>The build draws 300,000 numbers of histograms, 20,000 clip norms and ten million parameters.
 */
class ReachabilityStatisticalTest {

  private static final long FARTHEST_NOISE = 1L << 28;

  /** How many times the draws of the build: {@code -Dmurmuration.reachability.times=34}. */
  private static final int TIMES = Integer.getInteger("murmuration.reachability.times", 1);

  private static final double NOISE_MULTIPLIER = 2.32;

  private static Grant grant(RoundMechanism mechanism) {
    return new Grant(1, 1, 1, 1, mechanism, 0.5, 1e-6, "00");
  }

  /** Noise that leaves a sum at a chosen value, which it must be able to reach. */
  private static NoiseFactory towards(LongUnaryOperator wanted) {
    return () ->
        sums -> {
          for (int i = 0; i < sums.length; i++) {
            long sum = wanted.applyAsLong(i);
            assertThat(Math.abs(sum - sums[i])).isLessThan(FARTHEST_NOISE);
            sums[i] = sum;
          }
        };
  }

  // ---- histograms ----

  private static final int BINS = 1_000;

  private static final RoundMechanism COUNTING =
      new RoundMechanism(
          Sampler.ELS,
          1,
          1,
          NOISE_MULTIPLIER,
          /* clipNorm= */ 1,
          1,
          new CountHistogram(IntStream.rangeClosed(1, BINS).boxed().toList()));

  private static List<Double> published(NoiseFactory noise, long usersInEveryBin) {
    GradientEngine engine = new QuadraticEngine(1);
    CohortSummation summation =
        new CohortSummation(engine, engine.initialParameters(), grant(COUNTING));
    summation.add(List.of(new UserCounts(1, 1, 1, Collections.nCopies(BINS, usersInEveryBin))));
    return new PrivateMeasurement(noise).measure(grant(COUNTING), summation.result());
  }

  /** In every bin a user, alone and among others: a thousand histograms at once, as it were. */
  @Test
  void everyBinOfAHistogramCouldBeOneWithoutTheUser() {
    double unit = RoundGrid.of(COUNTING).sum().unit();
    for (long others : new long[] {0, 1, 30}) {
      for (int repetition = 0; repetition < 100 * TIMES; repetition++) {
        List<Double> published = published(NoiseFactory.forHistograms(), others + 1);

        boolean[] reached = new boolean[BINS];
        for (int step = -2; step <= 2; step++) {
          int moved = step;
          List<Double> without =
              published(
                  towards(bin -> Math.round(published.get((int) bin) / unit) + moved), others);
          for (int bin = 0; bin < BINS; bin++) {
            reached[bin] |= without.get(bin).equals(published.get(bin));
          }
        }
        assertThat(reached).doesNotContain(false);
      }
    }
  }

  /** What noise in floating point did: the sum of four samples is one double, scaled and added. */
  private static final class FloatingNoise {

    private final ContinuousSampler normal =
        ZigguratSampler.NormalizedGaussian.of(new SecureRandomSource());
    private final double half;

    FloatingNoise(double deviation) {
      half = deviation / 2;
    }

    double addTo(double sum) {
      return sum + half * (normal.sample() + normal.sample() + normal.sample() + normal.sample());
    }

    /** Whether any double of noise takes a sum to a value. */
    boolean reaches(double sum, double value) {
      double noise = (value - sum) / half;
      double candidate = noise;
      for (int i = 0; i < 4; i++) {
        candidate = Math.nextDown(candidate);
      }
      for (int i = 0; i < 9; i++) {
        if (sum + half * candidate == value) {
          return true;
        }
        candidate = Math.nextUp(candidate);
      }
      return false;
    }
  }

  @Test
  void aHistogramWithNoiseInFloatingPointIsFoundOut() {
    int draws = 100_000;
    for (long others : new long[] {0, 10, 30}) {
      FloatingNoise noise = new FloatingNoise(others == 0 ? NOISE_MULTIPLIER : 10);
      int impossibleWithoutTheUser = 0;
      for (int i = 0; i < draws; i++) {
        double published = noise.addTo(others + 1);
        assertThat(noise.reaches(others + 1, published)).isTrue();
        impossibleWithoutTheUser += noise.reaches(others, published) ? 0 : 1;
      }
      // an ε of 2 and a δ of 10⁻⁷ allow none
      assertThat(impossibleWithoutTheUser).isGreaterThan(draws / 1_000);
    }
  }

  // ---- clip norms ----

  private static final double EXPECTED_UNITS = 40;
  private static final double CLIP_NORM = 2;

  private static final AdaptiveClipping ADAPTIVE =
      new AdaptiveClipping(/* quantile= */ 0.5, /* rate= */ 0.2, /* bitNoise= */ 2.5);

  private static RoundMechanism training(RoundQuery query) {
    return new RoundMechanism(
        Sampler.ULS, 0.25, 4, NOISE_MULTIPLIER, CLIP_NORM, EXPECTED_UNITS, query);
  }

  private static final OptimizerOptions SGD =
      new OptimizerOptions.Sgd(LearningRateSchedule.constant(0.1), /* momentum= */ 0);

  private static double nextClipNorm(NoiseFactory noise, List<PrivacySlice> slices) {
    return new PrivateTrainer(new QuadraticEngine(1), SGD, noise)
        .step(grant(training(new ModelUpdate(ADAPTIVE))), slices)
        .answer()
        .get(0);
  }

  @Test
  void everyClipNormCouldBeOneWithoutTheUser() {
    double unit = RoundGrid.of(training(new ModelUpdate(ADAPTIVE))).bits().unit();
    List<PrivacySlice> others = List.of(slice("a"), slice("b"));
    List<PrivacySlice> all = new ArrayList<>(others);
    all.add(slice("the user"));
    for (int i = 0; i < 20_000 * TIMES; i++) {
      double published = nextClipNorm(NoiseFactory.forHistograms(), all);

      double share = ADAPTIVE.quantile() - Math.log(published / CLIP_NORM) / ADAPTIVE.rate();
      long nearest = Math.round((share - 0.5) * EXPECTED_UNITS / unit);
      boolean reached = false;
      for (long bits = nearest - 3; bits <= nearest + 3 && !reached; bits++) {
        long wanted = bits;
        reached = nextClipNorm(towards(j -> wanted), others) == published;
      }
      assertThat(reached).as("clip norm %s", published).isTrue();
    }
  }

  // ---- parameters ----

  /** The first step is the one that shows most: parameters of 0 show the update to 24 bits. */
  @Test
  void everyParameterAfterOneStepCouldBeOneWithoutTheUser() {
    int parameters = 1_000_000;
    int repetitions = 10;
    QuadraticEngine engine = new QuadraticEngine(parameters);
    Grant grant = grant(training(RoundQuery.UPDATE));
    double unit = RoundGrid.of(grant.mechanism()).sum().unit();
    for (int repetition = 0; repetition < repetitions; repetition++) {
      float[] published = step(engine, NoiseFactory.forUpdates(), grant, List.of(slice("a user")));

      boolean[] reached = new boolean[parameters];
      for (int step = -1; step <= 1; step++) {
        int moved = step;
        LongUnaryOperator sum =
            i -> Math.round(published[(int) i] / -0.1 * EXPECTED_UNITS / unit) + moved;
        float[] without = step(engine, towards(sum), grant, List.of());
        for (int i = 0; i < parameters; i++) {
          reached[i] |= without[i] == published[i];
        }
      }
      int unreached = (int) IntStream.range(0, parameters).filter(i -> !reached[i]).count();
      assertThat(unreached).isZero();
    }
  }

  private static float[] step(
      GradientEngine engine, NoiseFactory noise, Grant grant, List<PrivacySlice> slices) {
    return new PrivateTrainer(engine, SGD, noise).step(grant, slices).state().parameters();
  }

  // ---- parameters under correlated noise ----

  private static final int[] BANDS = Bands.of(3);
  private static final int CORRELATED_PARAMETERS = 100_000;

  private static Grant correlatedGrant(int round) {
    RoundMechanism mechanism =
        training(RoundQuery.UPDATE)
            .withCorrelatedNoise(
                new CorrelatedNoise(
                    Arrays.stream(BANDS).boxed().toList(), /* turnKey= */ "0123456789abcdef"));
    return new Grant(1, round, round, 1, mechanism, 0.5, 1e-6, "00");
  }

  /** Parameters after each of as many rounds as there are bands; the user is in the first. */
  private static List<float[]> published(NoiseFactory noise) {
    PrivateTrainer trainer =
        new PrivateTrainer(new QuadraticEngine(CORRELATED_PARAMETERS), SGD, noise);
    List<float[]> parameters = new ArrayList<>(List.of(new float[CORRELATED_PARAMETERS]));
    for (int round = 1; round <= BANDS.length; round++) {
      List<PrivacySlice> cohort = round == 1 ? List.of(slice("a user")) : List.of();
      parameters.add(trainer.step(correlatedGrant(round), cohort).state().parameters());
    }
    return parameters;
  }

  /**
   * How many coordinates show that there was a user: those that no noise makes without one.
   *
   * @param step what noise is a multiple of, in 2⁻¹⁶ of a unit of sums
   */
  private static int showing(List<float[]> published, long step) {
    double unit = RoundGrid.of(correlatedGrant(1).mechanism()).sum().unit();
    long[] sums = new long[BANDS.length];
    return (int)
        IntStream.range(0, CORRELATED_PARAMETERS)
            .filter(i -> !isReached(published, i, sums, 0, unit, step))
            .count();
  }

  /** Whether some sums, from a round on, are those of nobody and give what is published. */
  private static boolean isReached(
      List<float[]> published, int i, long[] sums, int t, double unit, long step) {
    if (t == sums.length) {
      return true;
    }
    float before = published.get(t)[i];
    float after = published.get(t + 1)[i];
    long nearest = Math.round(((double) before - after) / 0.1 * EXPECTED_UNITS / unit);
    for (long sum = nearest - 3; sum <= nearest + 3; sum++) {
      sums[t] = sum;
      if (after == (float) (before - 0.1 * (sum * unit / EXPECTED_UNITS))
          && isNoise(sums, t, step)
          && isReached(published, i, sums, t + 1, unit, step)) {
        return true;
      }
    }
    return false;
  }

  /** Whether some noise of nobody's sums is rounded to what is published of a round. */
  private static boolean isNoise(long[] published, int t, long step) {
    long known = 0;
    for (int j = 1; j <= t; j++) {
      known += BANDS[j] * published[t - j];
    }
    long first = BANDS[0] * published[t] - BANDS[0] / 2 + known;
    long noise = Math.floorDiv(first + step - 1, step) * step;
    return noise < first + BANDS[0] && Math.abs(noise) >> 16 < FARTHEST_NOISE;
  }

  @Test
  void everyParameterUnderCorrelatedNoiseCouldBeOneWithoutTheUser() {
    assertThat(showing(published(NoiseFactory.forUpdates()), /* step= */ 1)).isZero();
  }

  /** Sums and noise of whole units leave a mixture's fraction without any. */
  @Test
  void correlatedNoiseOfWholeUnitsIsFoundOut() {
    NoiseFactory coarse =
        () -> {
          GridNoise real = NoiseFactory.forUpdates().create();
          int[] draws = {0};
          return sums -> {
            if (draws[0]++ % 2 == 0) {
              real.addTo(sums);
            }
          };
        };
    assertThat(showing(published(coarse), /* step= */ 1 << 16))
        .isGreaterThan(CORRELATED_PARAMETERS / 100);
  }

  /** The attack sees what it should: sums that are not rounded to the grid are out of reach. */
  @Test
  void aParameterBesideTheGridIsFoundOut() {
    Grant grant = grant(training(RoundQuery.UPDATE));
    double unit = RoundGrid.of(grant.mechanism()).sum().unit();
    float[] onGrid = step(new QuadraticEngine(1), towards(i -> 3), grant, List.of());
    float[] beside = step(new QuadraticEngine(1), towards(i -> 4), grant, List.of());
    float between = (float) (-0.1 * 3.5 * unit / EXPECTED_UNITS);

    assertThat(Arrays.asList(onGrid[0], beside[0])).doesNotContain(between);
    assertThat(between).isStrictlyBetween(beside[0], onGrid[0]);
  }
}
