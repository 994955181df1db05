package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What the sampler makes of given bits. */
class TabledGaussianNoiseTest {

  private static final GaussianTable TABLE = GaussianTable.INSTANCE;
  private static final int CENTRE = GaussianTable.CELLS / 2;

  /** A cell about one deviation above 0, and a point in it. */
  private static final int CELL = CENTRE + 64;

  private static final int OFFSET = 100_000;

  private final Deque<Long> script = new ArrayDeque<>();

  private long sample(long... words) {
    script.clear();
    LongStream.of(words).forEach(script::add);
    return new TabledGaussianNoise(script::remove).sample();
  }

  private static long word(int column, long toss, int offset, int firstBits) {
    return (long) column << 53 | toss << 31 | (long) offset << 13 | firstBits;
  }

  /** p, and U's first 53 bits just below it. */
  private static BigDecimal keep() {
    return TabledGaussianNoise.density(GaussianTable.firstPoint(CELL) + OFFSET, 60)
        .multiply(BigDecimal.valueOf(TABLE.scale()))
        .divide(BigDecimal.valueOf(TABLE.weight(CELL)), 50, RoundingMode.HALF_EVEN);
  }

  private static long firstBits53() {
    return keep().multiply(BigDecimal.valueOf(2).pow(53)).longValue();
  }

  private static long first(long bits53) {
    return word(CELL, 0, OFFSET, (int) (bits53 >>> 40));
  }

  private static long second(long bits53) {
    return bits53 << 24;
  }

  @Test
  void aColumnStandsForItsOwnCellBelowTheThresholdAndForAnotherFromIt() {
    for (int column : new int[] {0, 7, CENTRE - 1, CENTRE, 2_047}) {
      int threshold = TABLE.threshold(column);
      assertThat(threshold).isPositive();
      assertThat(sample(word(column, threshold - 1, 0, 0), -1L, first(0)))
          .isIn(
              GaussianTable.firstPoint(column), // or rejected, where the cell is all but empty
              GaussianTable.firstPoint(CELL) + OFFSET);
      if (threshold < 1 << 22) {
        assertThat(sample(word(column, threshold, OFFSET, 0)))
            .isEqualTo(GaussianTable.firstPoint(TABLE.alias(column)) + OFFSET);
      }
    }
  }

  @Test
  void oneWordIsEnoughBelowTheSureShare() {
    assertThat(sample(word(CELL, 0, OFFSET, TABLE.sureShare(CELL) - 1)))
        .isEqualTo(GaussianTable.firstPoint(CELL) + OFFSET);
    assertThat(script).isEmpty();
  }

  @Test
  void aboveTheSureShareFortyBitsMoreDecide() {
    long point = GaussianTable.firstPoint(CELL) + OFFSET;
    long close = firstBits53();
    long accepted = close - (1L << 20);
    long rejected = close + (1L << 20);
    assertThat(TABLE.sureShare(CELL)).isLessThanOrEqualTo((int) (accepted >>> 40));

    assertThat(sample(first(accepted), second(accepted))).isEqualTo(point);
    assertThat(script).isEmpty();
    assertThat(sample(first(rejected), second(rejected), word(CENTRE, 0, 5, 0))).isEqualTo(5);
    assertThat(script).isEmpty();
  }

  @Test
  void whereFloat64CannotTellDecimalsDo() {
    long point = GaussianTable.firstPoint(CELL) + OFFSET;
    long close = firstBits53();

    // U = 0.(close)000…, just below p, and 0.(close)111…, just above
    assertThat(sample(first(close), second(close), 0, 0, 0)).isEqualTo(point);
    assertThat(script).isEmpty();
    assertThat(sample(first(close), second(close), -1, -1, -1, word(CENTRE, 0, 5, 0))).isEqualTo(5);
    assertThat(script).isEmpty();
  }

  @Test
  void whereFiftyDigitsCannotTellMoreDo() {
    long point = GaussianTable.firstPoint(CELL) + OFFSET;
    // p to far more bits than the first decimals compare
    BigDecimal exact =
        TabledGaussianNoise.density(point, 150)
            .multiply(BigDecimal.valueOf(TABLE.scale()))
            .divide(BigDecimal.valueOf(TABLE.weight(CELL)), 150, RoundingMode.HALF_EVEN);
    int words = 6;
    var bits = exact.multiply(BigDecimal.valueOf(2).pow(53 + 64 * words)).toBigInteger();
    long close = bits.shiftRight(64 * words).longValueExact();
    long[] lower = new long[2 + words];
    lower[0] = first(close);
    lower[1] = second(close);
    for (int i = 0; i < words; i++) {
      lower[2 + i] = bits.shiftRight(64 * (words - 1 - i)).longValue();
    }
    long[] upper = Arrays.copyOf(lower, lower.length + 1);
    lower[2 + 3] -= 1L << 32;
    upper[2 + 3] += 1L << 32;
    upper[upper.length - 1] = word(CENTRE, 0, 5, 0);

    assertThat(sample(lower)).isEqualTo(point);
    assertThat(script).isEmpty();
    assertThat(sample(upper)).isEqualTo(5);
    assertThat(script).isEmpty();
  }

  @Test
  void addsToWhatIsThere() {
    long[] sums = {1L << 40, -(1L << 40)};
    long[] noise = new long[2];
    SeededNoise.of(5).addTo(sums);
    SeededNoise.of(5).addTo(noise);

    assertThat(sums).containsExactly((1L << 40) + noise[0], -(1L << 40) + noise[1]);
  }
}
