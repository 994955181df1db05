package io.murmuration.privacy.accounting;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;

class SpectralProductTest {

  @Test
  void convolution_powersOfACoin_areBinomialWithinTheStatedError() {
    for (int power : new int[] {1, 10, 1000}) {
      SpectralProduct product = new SpectralProduct(2048);
      double[] coin = new double[2048];
      coin[0] = 0.75;
      coin[1] = 0.25;
      product.multiply(coin, 1, power);
      SpectralProduct.Convolution result = product.convolution();
      BinomialDistribution binomial = BinomialDistribution.of(power, 0.25);
      double squares = 0;
      for (int k = 0; k < 2048; k++) {
        double error = result.values()[k] - binomial.probability(k);
        squares += error * error;
      }

      // The reference itself is good to about 1e-13.
      assertThat(Math.sqrt(squares)).isLessThan(result.errorNorm() + 1e-13);
      assertThat(result.errorNorm()).isLessThan(1e-10);
    }
  }

  @Test
  void convolution_twoSequences_equalsTheDirectSumWithinTheStatedError() {
    Random random = new Random(7);
    double[] a = random.doubles(256).toArray();
    double[] b = random.doubles(256).toArray();
    double[] expected = new double[256];
    for (int i = 0; i < 256; i++) {
      for (int j = 0; j < 256; j++) {
        expected[(i + j) & 255] += a[i] * b[j];
      }
    }
    SpectralProduct product = new SpectralProduct(256);
    product.multiply(a.clone(), sum(a), 1);
    product.multiply(b.clone(), sum(b), 1);
    SpectralProduct.Convolution result = product.convolution();
    double squares = 0;
    for (int k = 0; k < 256; k++) {
      squares += Math.pow(result.values()[k] - expected[k], 2);
    }

    assertThat(Math.sqrt(squares)).isLessThan(result.errorNorm());
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }
}
