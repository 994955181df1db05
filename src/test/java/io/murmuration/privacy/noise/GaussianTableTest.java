package io.murmuration.privacy.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The table is right for every cell: no chance is involved. */
class GaussianTableTest {

  private static final GaussianTable TABLE = GaussianTable.INSTANCE;
  private static final int DIGITS = 40;

  @Test
  void theColumnsGiveEveryCellExactlyItsWeight() {
    long[] drawn = new long[GaussianTable.CELLS];
    long full = 1L << GaussianTable.COLUMN_BITS;
    for (int column = 0; column < GaussianTable.CELLS; column++) {
      assertThat((long) TABLE.threshold(column)).isBetween(0L, full);
      drawn[column] += TABLE.threshold(column);
      drawn[TABLE.alias(column)] += full - TABLE.threshold(column);
    }

    for (int cell = 0; cell < GaussianTable.CELLS; cell++) {
      assertThat(drawn[cell]).isEqualTo(TABLE.weight(cell));
    }
    assertThat(LongStream.of(drawn).sum()).isEqualTo(1L << 33);
  }

  @Test
  void everyWeightBoundsItsCellFromAboveAndEverySureShareFromBelow() {
    for (int cell = 0; cell < GaussianTable.CELLS; cell++) {
      long first = GaussianTable.firstPoint(cell);
      long last = first + (1L << GaussianTable.POINT_BITS) - 1;
      BigDecimal weight = BigDecimal.valueOf(TABLE.weight(cell));
      BigDecimal sure = weight.multiply(BigDecimal.valueOf(TABLE.sureShare(cell)));
      BigDecimal unit = BigDecimal.valueOf(1 << GaussianTable.SHARE_BITS);
      // f is monotone on either side of 0, and no cell has points on both
      for (long point : new long[] {first, last}) {
        BigDecimal wanted =
            TabledGaussianNoise.density(point, DIGITS).multiply(BigDecimal.valueOf(TABLE.scale()));
        assertThat(wanted).isLessThanOrEqualTo(weight);
        assertThat(sure).isLessThanOrEqualTo(wanted.multiply(unit));
      }
    }
    assertThat(GaussianTable.firstPoint(0)).isEqualTo(-(1L << 28));
    assertThat(GaussianTable.firstPoint(GaussianTable.CELLS / 2)).isZero();
  }

  @Test
  void densitiesInFloat64ErrByLessThanTheirMargin() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 2_000; i++) {
      long point = random.nextLong(-(1L << 28), (1L << 28) + 1);
      double exact = TabledGaussianNoise.density(point, DIGITS).doubleValue();
      assertThat(GaussianTable.density(point))
          .isCloseTo(exact, within(exact * GaussianTable.DENSITY_ERROR / 10));
    }
  }

  @Test
  void densitiesInDecimalsAreThoseOfTheExponential() {
    // exp(-1/2), exp(-2) and exp(-8) as published, at points where k²/2V differs from them by 9/2⁴⁸
    assertThat(TabledGaussianNoise.density(1L << 24, DIGITS).doubleValue())
        .isCloseTo(0.60653065971263342, within(1e-13));
    assertThat(TabledGaussianNoise.density(1L << 25, DIGITS).doubleValue())
        .isCloseTo(0.13533528323661269, within(1e-13));
    assertThat(TabledGaussianNoise.density(1L << 26, DIGITS).doubleValue())
        .isCloseTo(3.3546262790251185e-4, within(1e-16));
    // more digits agree with fewer
    BigDecimal few = TabledGaussianNoise.density((1L << 28) - 12_345, 30);
    BigDecimal many = TabledGaussianNoise.density((1L << 28) - 12_345, 300);
    assertThat(few.subtract(many).abs()).isLessThan(many.movePointLeft(30));
  }

  @Test
  void littleIsRejected() {
    double kept =
        TABLE.scale()
            * Math.sqrt(2 * Math.PI * NoiseGrid.NOISE_VARIANCE)
            / Math.scalb(1.0, 33 + GaussianTable.POINT_BITS);
    assertThat(kept).isBetween(0.99, 1.0);
    double sure = 0;
    for (int cell = 0; cell < GaussianTable.CELLS; cell++) {
      sure += Math.scalb((double) TABLE.weight(cell), -33) * TABLE.sureShare(cell) / (1 << 13);
    }
    assertThat(sure).isGreaterThan(0.985);
  }
}
