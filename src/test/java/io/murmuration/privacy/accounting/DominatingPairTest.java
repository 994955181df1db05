package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DominatingPairTest {

  /** Digits of the exact weights. */
  private static final MathContext EXACT = new MathContext(60);

  /** 1e-117 is the least that is left out at the smallest δ that is accepted. */
  @ParameterizedTest
  @CsvSource({
    "2, 0.5, 1e-23",
    "2, 1e-9, 1e-23",
    "3, 1e-6, 1e-117",
    "8, 0.01, 1e-23",
    "24, 1e-9, 1e-117",
    "64, 0.9, 1e-23",
    "64, 0.9999, 1e-117",
    "200, 0.5, 1e-23",
    "1000, 0.05, 1e-117",
    "2048, 0.6, 1e-23",
    "4096, 0.3, 1e-23",
    "4096, 0.37, 1e-117"
  })
  void weights_areThoseOfTheBinomial_andWhatIsLeftOutIsCounted(
      int examples, double probability, double negligibleMass) {
    DominatingPair pair =
        DominatingPair.of(
            Mechanism.els(probability, examples, /* noiseMultiplier= */ 1), negligibleMass);
    BigDecimal[] exact = exact(examples, probability);

    int first = (int) pair.mean(0);
    BigDecimal leftOut = BigDecimal.ZERO;
    for (int k = 0; k <= examples; k++) {
      if (k < first || k >= first + pair.components()) {
        leftOut = leftOut.add(exact[k]);
        continue;
      }
      assertThat(relativeError(pair.weight(k - first), exact[k]))
          .as("relative error of w%d", k)
          .isLessThanOrEqualTo(pair.weightErrorBound());
    }
    assertThat(leftOut.doubleValue())
        .isLessThanOrEqualTo(pair.droppedMass())
        .isLessThanOrEqualTo(negligibleMass);
  }

  /** Why they are computed here. */
  @Test
  void weightsOfALibrary_wouldNotBeWithinTheBound() {
    BinomialDistribution library = BinomialDistribution.of(2048, 0.6);
    assertThat(relativeError(library.probability(1027), exact(2048, 0.6)[1027]))
        .isGreaterThan(0x1p-51);
  }

  private static double relativeError(double weight, BigDecimal exact) {
    return new BigDecimal(weight).divide(exact, EXACT).subtract(BigDecimal.ONE).abs().doubleValue();
  }

  /** The weights by the definition, each computed for itself. */
  private static BigDecimal[] exact(int examples, double probability) {
    BigDecimal heads = new BigDecimal(probability);
    BigDecimal tails = BigDecimal.ONE.subtract(heads);
    BigDecimal[] exact = new BigDecimal[examples + 1];
    BigInteger ways = BigInteger.ONE;
    for (int k = 0; k <= examples; k++) {
      exact[k] =
          new BigDecimal(ways)
              .multiply(heads.pow(k, EXACT), EXACT)
              .multiply(tails.pow(examples - k, EXACT), EXACT);
      ways = ways.multiply(BigInteger.valueOf(examples - k)).divide(BigInteger.valueOf(k + 1));
    }
    return exact;
  }
}
