package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.murmuration.privacy.mechanism.AdaptiveClipping;
import io.murmuration.privacy.mechanism.RoundMechanism;
import io.murmuration.privacy.mechanism.RoundQuery.ModelUpdate;
import io.murmuration.privacy.mechanism.Sampler;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

/** One slice moves the sum by no more than its bound, in whole numbers, whatever it is made of. */
class ClippedAccumulatorPropertyTest {

  private static final double CLIP_NORM = 0.7;

  private static BigInteger squares(long[] values) {
    return Arrays.stream(values)
        .mapToObj(BigInteger::valueOf)
        .map(value -> value.multiply(value))
        .reduce(BigInteger.ZERO, BigInteger::add);
  }

  private static double squaredNorm(double[] values) {
    return Arrays.stream(values).map(value -> value * value).sum();
  }

  private static ClippedSum sum(RoundGrid grid, List<double[]> gradients) {
    return sum(
        grid,
        gradients,
        gradients.stream().mapToDouble(ClippedAccumulatorPropertyTest::squaredNorm).toArray());
  }

  private static ClippedSum sum(RoundGrid grid, List<double[]> gradients, double[] squaredNorms) {
    ClippedAccumulator accumulator =
        new ClippedAccumulator(gradients.isEmpty() ? 0 : gradients.get(0).length, grid);
    accumulator.add(
        SliceGradients.of(gradients),
        squaredNorms,
        gradients.stream().map(gradient -> new Trained(/* tokens= */ 3, /* loss= */ 2)).toList());
    return accumulator.result();
  }

  private static double[] gradient(Random random, int size, double scale) {
    return random.doubles(size).map(x -> (x - 0.5) * scale).toArray();
  }

  /** Any length, also over several blocks, any magnitude, any noise that is accounted for. */
  @Property(tries = 300, seed = "20")
  void aSliceIsWithinItsBound(
      @ForAll @IntRange(min = 1, max = 5_000) int size,
      @ForAll @DoubleRange(min = -12, max = 12) double logScale,
      @ForAll @DoubleRange(min = -2, max = 6) double logNoise,
      @ForAll @LongRange(min = 0) long seed) {
    RoundGrid grid = Grids.of(Math.max(0.01, Math.pow(10, logNoise)), CLIP_NORM);
    double[] gradient = gradient(new Random(seed), size, Math.pow(10, logScale));

    ClippedSum sum = sum(grid, List.of(gradient));

    assertThat(squares(sum.sum()))
        .isLessThanOrEqualTo(BigInteger.valueOf(grid.sum().squaredBound()));
    assertThat(sum.zeroed()).isZero();
    for (int i = 0; i < size; i++) {
      // towards zero, so never away from it
      assertThat(sum.sum()[i] * Math.signum(gradient[i]) >= 0).isTrue();
      assertThat(Math.abs(grid.sum().value(sum.sum()[i])))
          .isLessThanOrEqualTo(Math.abs(gradient[i]) * (1 + 1e-12));
    }
  }

  /** A fault in clipping: norms that are told too small. Nothing of such a slice stays. */
  @Property(tries = 300, seed = "20")
  void aSliceThatWasClippedWronglyIsTakenOutToTheLastUnit(
      @ForAll @IntRange(min = 1, max = 3_000) int size,
      @ForAll @DoubleRange(min = -7, max = 30) double logExcess,
      @ForAll @LongRange(min = 0) long seed) {
    Random random = new Random(seed);
    RoundGrid grid = Grids.of(/* noiseMultiplier= */ 1, CLIP_NORM);
    double[] sound = gradient(random, size, 1);
    double[] wrong = gradient(random, size, 1);
    double times = 1 + Math.pow(10, logExcess);
    double factor = times * CLIP_NORM / Math.sqrt(squaredNorm(wrong));
    Arrays.setAll(wrong, i -> wrong[i] * factor);
    // a share of what rounding takes from each coordinate has to be made up for
    double excess = (times - 1) * CLIP_NORM / grid.sum().unit();

    ClippedSum without = sum(grid, List.of(sound));
    ClippedSum with = sum(grid, List.of(wrong, sound), new double[] {0, squaredNorm(sound)});

    if (excess > size) {
      assertThat(with.zeroed()).isOne();
      assertThat(with.sum()).isEqualTo(without.sum());
      assertThat(with.tokens()).isEqualTo(without.tokens());
    } else {
      long[] moved = new long[size];
      Arrays.setAll(moved, i -> with.sum()[i] - without.sum()[i]);
      assertThat(squares(moved)).isLessThanOrEqualTo(BigInteger.valueOf(grid.sum().squaredBound()));
    }
  }

  @Property(tries = 50, seed = "20")
  void sumsAreTheSameInAnyOrderAndInAnyParts(
      @ForAll @IntRange(min = 1, max = 40) int slices, @ForAll @LongRange(min = 0) long seed) {
    Random random = new Random(seed);
    RoundGrid grid = Grids.of(/* noiseMultiplier= */ 1, CLIP_NORM);
    List<double[]> gradients = new ArrayList<>();
    for (int i = 0; i < slices; i++) {
      gradients.add(gradient(random, 1_500, 0.1));
    }
    ClippedSum once = sum(grid, gradients);

    Collections.shuffle(gradients, random);
    int cut = random.nextInt(slices + 1);
    ClippedAccumulator parts = new ClippedAccumulator(1_500, grid);
    for (List<double[]> part : List.of(gradients.subList(0, cut), gradients.subList(cut, slices))) {
      ClippedAccumulator own = new ClippedAccumulator(1_500, grid);
      own.add(
          SliceGradients.of(part),
          part.stream().mapToDouble(g -> squaredNorm(g)).toArray(),
          part.stream().map(g -> new Trained(3, 2)).toList());
      parts.add(own.result());
    }

    assertThat(parts.result().sum()).isEqualTo(once.sum());
    assertThat(parts.result().slices()).isEqualTo(slices);
    assertThat(parts.result().clipped()).isEqualTo(once.clipped());
    assertThat(parts.result().tokens()).isEqualTo(3L * slices);
  }

  @Test
  void whatIsNotFiniteContributesZero() {
    RoundGrid grid = Grids.of(/* noiseMultiplier= */ 1, CLIP_NORM);
    double[] sound = {0.1, -0.2};
    List<double[]> gradients =
        List.of(new double[] {Double.NaN, 1}, sound, new double[] {1, 1}, new double[] {1e300, 0});
    ClippedAccumulator accumulator = new ClippedAccumulator(2, grid);

    accumulator.add(
        SliceGradients.of(gradients),
        new double[] {Double.NaN, 0.05, 2, Double.POSITIVE_INFINITY},
        List.of(
            new Trained(1, 1), new Trained(1, 1), new Trained(1, Double.NaN), new Trained(1, 1)));

    assertThat(accumulator.result().sum()).isEqualTo(sum(grid, List.of(sound)).sum());
    assertThat(accumulator.result().zeroed()).isEqualTo(3);
    assertThat(accumulator.result().lossSum()).isEqualTo(1);
  }

  @Test
  void bitsAreWholeNumbersWithinTheirBound() {
    AdaptiveClipping adaptive =
        new AdaptiveClipping(/* quantile= */ 0.5, /* rate= */ 0.2, /* bitNoise= */ 1.5);
    RoundGrid grid =
        RoundGrid.of(
            new RoundMechanism(Sampler.ULS, 0.5, 1, 1.2, CLIP_NORM, 1, new ModelUpdate(adaptive)));
    long largest = grid.bits().largestCoordinate();

    ClippedSum unclipped = sum(grid, List.of(new double[] {0.1}));
    ClippedSum clipped = sum(grid, List.of(new double[] {100}));
    ClippedSum onTheRamp = sum(grid, List.of(new double[] {CLIP_NORM * 1.05}));
    ClippedSum failed = sum(grid, List.of(new double[] {Double.NaN}));

    assertThat(unclipped.centredBits()).isBetween(largest - 1, largest);
    assertThat(clipped.centredBits()).isBetween(-largest, -largest + 1);
    assertThat(Math.abs(onTheRamp.centredBits())).isLessThan(largest / 1_000);
    assertThat(failed.centredBits()).isZero();
    // and none where the clip norm stays
    assertThat(sum(Grids.of(1, CLIP_NORM), List.of(new double[] {0.1})).centredBits()).isZero();
  }

  @Test
  void sumsOfDifferentGridsAreNotAdded() {
    ClippedAccumulator one = new ClippedAccumulator(2, Grids.of(1, CLIP_NORM));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> one.add(new ClippedAccumulator(2, Grids.of(2, CLIP_NORM)).result()))
        .withMessageContaining("must be of one grid and length");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> one.add(new ClippedAccumulator(3, Grids.of(1, CLIP_NORM)).result()));
  }
}
