package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CountDistributionTest {

  private final CountDistribution counts = CountDistribution.ofCounts(IntStream.of(1, 2, 4, 13));

  @Test
  void quantiles_areTheSmallestCountsThatCoverTheShare() {
    assertThat(counts.median()).isEqualTo(2);
    assertThat(counts.quantile(0.51)).isEqualTo(4);
    assertThat(counts.quantile(1e-9)).isEqualTo(1);
    assertThat(counts.largest()).isEqualTo(13);
    assertThat(counts.quantile(1)).isEqualTo(13);
  }

  @Test
  void kept_sharesOfExamplesAndOfUsers() {
    DataKept kept = counts.kept(4);

    assertThat(kept.examples()).isCloseTo(11 / 20.0, within(1e-15));
    assertThat(kept.userMass()).isCloseTo((3 + 4 / 13.0) / 4, within(1e-15));
    assertThat(kept.wholeUsers()).isEqualTo(0.75);
    assertThat(counts.meanKept(4)).isEqualTo(11 / 4.0);
    assertThat(counts.kept(13)).isEqualTo(new DataKept(1, 1, 1));
  }

  @Test
  void ofWeights_onlyTheirRatiosCount() {
    CountDistribution shares =
        CountDistribution.ofWeights(Map.of(1, 0.05, 2, 0.05, 4, 0.05, 13, 0.05, 99, 0.0));

    assertThat(shares.median()).isEqualTo(2);
    assertThat(shares.kept(4).examples()).isCloseTo(11 / 20.0, within(1e-12));
    assertThat(shares.largest()).isEqualTo(13);
  }

  @Test
  void ofQuantiles_goesThroughThem() {
    Map<Double, Integer> quantiles = Map.of(0.2, 1, 0.5, 4, 0.9, 28, 0.99, 117, 1.0, 2527);

    CountDistribution read = CountDistribution.ofQuantiles(new TreeMap<>(quantiles));

    assertThat(read.quantile(0.1)).isEqualTo(1);
    assertThat(read.median()).isEqualTo(4);
    assertThat(read.kept(1).wholeUsers()).isCloseTo(0.2, within(1e-9));
    assertThat(read.quantile(0.9)).isEqualTo(28);
    assertThat(read.quantile(0.99)).isEqualTo(117);
    assertThat(read.largest()).isBetween(2450, 2527);
  }

  @Test
  void badInput_isRefused() {
    assertThatThrownBy(() -> CountDistribution.ofCounts(IntStream.of(0)))
        .hasMessageContaining("at least 1 example");
    assertThatThrownBy(() -> CountDistribution.ofWeights(Map.of()))
        .hasMessageContaining("positive weight");
    assertThatThrownBy(() -> CountDistribution.ofWeights(Map.of(1, Double.NaN)))
        .hasMessageContaining("NaN");
    assertThatThrownBy(() -> CountDistribution.ofQuantiles(new TreeMap<>(Map.of(0.5, 4))))
        .hasMessageContaining("quantile 1");
    assertThatThrownBy(() -> CountDistribution.ofQuantiles(new TreeMap<>(Map.of(0.5, 4, 1.0, 3))))
        .hasMessageContaining("do not fall");
    assertThatThrownBy(() -> counts.quantile(0)).hasMessageContaining("(0, 1]");
    assertThatThrownBy(() -> counts.kept(0)).hasMessageContaining("at least 1");
  }
}
