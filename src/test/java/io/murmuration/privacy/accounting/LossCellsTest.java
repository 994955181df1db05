package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleBinaryOperator;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LossCellsTest {

  private static final MathContext DIGITS = new MathContext(50);

  @ParameterizedTest
  @CsvSource({
    "1, 1, 20, 1e-2",
    "0.01, 1, 1, 1e-3",
    "0.00001, 1, 0.6, 1e-3",
    "0.9, 1, 3, 1e-4",
    "0.5, 1, 0.05, 1e-1",
    "0.001, 1, 1000, 1e-7",
    "0.01, 8, 1, 1e-3",
    "0.3, 3, 0.5, 1e-2",
    "0.00390625, 256, 30, 1e-4",
  })
  void noLossAtABorderIsFurtherFromItsGridPointThanTheBound(
      double p, int group, double sigma, double interval) {
    DominatingPair pair = DominatingPair.of(Mechanism.els(p, group, sigma), 1e-20);
    SortedMap<Double, Double> borders = new TreeMap<>();
    LossCells cells =
        LossCells.of(
            pair,
            LossGrid.of(pair, interval, 1e-20),
            (loss, guess) -> {
              double x = pair.inverseLoss(loss, guess);
              borders.put(loss, x);
              return x;
            });

    BigDecimal bound = new BigDecimal(cells.borderError());
    assertThat(bound.doubleValue()).isLessThan(1e-10);
    int step = Math.max(1, borders.size() / 40);
    int position = 0;
    for (var border : borders.entrySet()) {
      if (position++ % step == 0 && Double.isFinite(border.getValue())) {
        BigDecimal off =
            exactLoss(pair, border.getValue()).subtract(exactGridLoss(border.getKey(), interval));
        assertThat(off.abs()).isLessThanOrEqualTo(bound);
      }
    }
    assertThat(position).isGreaterThan(40);
  }

  /** Borders that are off, by whatever fault, cost tightness and never the bound. */
  @ParameterizedTest
  @CsvSource({"0", "1e-3", "0.3", "-0.3", "2", "-2"})
  void bordersThatAreOffLeaveAnUpperBoundOfAMillionRounds(double cellsOff) {
    double sigma = 1000;
    long rounds = 1_000_000;
    double delta = 1e-6;
    DominatingPair pair = DominatingPair.of(Mechanism.gaussian(sigma), 1e-20);
    double interval = 2e-6;
    LossGrid grid = LossGrid.of(pair, interval, 1e-20);
    DoubleBinaryOperator off = (loss, guess) -> pair.inverseLoss(loss + cellsOff * interval, guess);
    LossCells cells = LossCells.of(pair, grid, off);

    double mu = Math.sqrt(rounds) / sigma;
    for (Direction direction : Direction.values()) {
      LossSketch sketch = LossSketch.of(pair, direction, 1e-20);
      double epsilon =
          EpsilonSolver.epsilon(
              List.of(
                  new TiltedComposition.Part(
                      ConnectTheDots.discretise(pair, cells, direction), rounds)),
              new SketchedComposition(List.of(sketch), List.of(rounds)),
              delta);
      assertThat(gaussianDelta(mu, epsilon)).as("%s", direction).isLessThanOrEqualTo(delta);
      if (cellsOff == 0) {
        assertThat(gaussianDelta(mu, epsilon * 0.999)).isGreaterThan(delta);
      }
    }
  }

  @Test
  void theFloorOfTheLossIsABorderToo() {
    DominatingPair pair = DominatingPair.of(Mechanism.uls(0.01, 1), 1e-20);
    LossGrid grid = LossGrid.of(pair, 1e-3, 1e-20);
    LossGrid higher =
        new LossGrid(grid.interval(), grid.first() + 3, grid.last(), grid.floorReached());

    assertThat(grid.floorReached()).isTrue();
    assertThat(LossCells.of(pair, grid).borderError()).isLessThan(1e-13);
    assertThat(LossCells.of(pair, higher).borderError()).isBetween(2e-3, 3e-3);
  }

  private static BigDecimal exactGridLoss(double rounded, double interval) {
    return new BigDecimal(Math.rint(rounded / interval)).multiply(new BigDecimal(interval));
  }

  /** log Σ wₖ·exp((k·x − k²/2)/σ²), with fifty digits. */
  private static BigDecimal exactLoss(DominatingPair pair, double x) {
    BigDecimal variance = new BigDecimal(pair.sigma()).pow(2);
    BigDecimal sum = BigDecimal.ZERO;
    for (int j = 0; j < pair.components(); j++) {
      BigDecimal k = new BigDecimal(pair.mean(j));
      BigDecimal exponent =
          k.multiply(new BigDecimal(x))
              .subtract(k.multiply(k).divide(BigDecimal.valueOf(2)))
              .divide(variance, DIGITS);
      sum = sum.add(new BigDecimal(pair.weight(j)).multiply(exp(exponent)), DIGITS);
    }
    // Newton's method for exp(y) = sum, from a guess of sixteen digits.
    BigDecimal y = new BigDecimal(pair.loss(x));
    for (int i = 0; i < 3; i++) {
      BigDecimal ratio = sum.multiply(exp(y.negate()), DIGITS);
      y = y.add(ratio.subtract(BigDecimal.ONE), DIGITS);
    }
    return y;
  }

  private static BigDecimal exp(BigDecimal exponent) {
    BigDecimal small = exponent.divide(BigDecimal.valueOf(1L << 20), DIGITS);
    BigDecimal term = BigDecimal.ONE;
    BigDecimal sum = BigDecimal.ONE;
    for (int i = 1; i < 30; i++) {
      term = term.multiply(small).divide(BigDecimal.valueOf(i), DIGITS);
      sum = sum.add(term, DIGITS);
    }
    for (int i = 0; i < 20; i++) {
      sum = sum.multiply(sum, DIGITS);
    }
    return sum;
  }

  /** Balle and Wang, ICML 2018, Theorem 8. */
  private static double gaussianDelta(double mu, double epsilon) {
    NormalDistribution normal = NormalDistribution.of(0, 1);
    double a = normal.cumulativeProbability(mu / 2 - epsilon / mu);
    double b = normal.cumulativeProbability(-mu / 2 - epsilon / mu);
    return a - Math.exp(epsilon) * b;
  }
}
