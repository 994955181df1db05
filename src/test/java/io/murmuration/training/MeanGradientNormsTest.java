package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.murmuration.event.Example;
import io.murmuration.planning.NormMeasurement;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MeanGradientNormsTest {

  private static final int SIZE = 4;

  private final QuadraticEngine engine = new QuadraticEngine(SIZE);
  private final MeanGradientNorms norms = new MeanGradientNorms(engine);

  @Test
  void ofAUser_areWhatTheEngineClipsAt() {
    List<Example> examples = examples("a", "b", "c", "d", "e");
    List<Integer> groupSizes = List.of(1, 2, 3, 5);

    List<OptionalDouble> measured = norms.of(examples, groupSizes);

    for (int i = 0; i < groupSizes.size(); i++) {
      PrivacySlice slice = new PrivacySlice(examples.subList(0, groupSizes.get(i)));
      double norm = measured.get(i).orElseThrow();
      assertThat(clipped(slice, norm * (1 + 1e-6))).isZero();
      assertThat(clipped(slice, norm * (1 - 1e-6))).isEqualTo(1);
    }
  }

  private long clipped(PrivacySlice slice, double clipNorm) {
    return engine
        .clippedSum(engine.initialParameters(), List.of(slice), Grids.fine(clipNorm))
        .clipped();
  }

  @Test
  void ofAUserWithFewer_isOverWhatThereIs() {
    List<OptionalDouble> measured = norms.of(examples("a", "b"), List.of(64, 2, 3));

    assertThat(measured.get(0)).isPresent().isEqualTo(measured.get(1)).isEqualTo(measured.get(2));
  }

  @Test
  void examplesThatFail_areLeftOut() {
    double alone = norms.of(examples("a"), List.of(1)).get(0).orElseThrow();

    List<OptionalDouble> measured = norms.of(examples("NaN", "a"), List.of(1, 2));

    assertThat(measured.get(0)).isEmpty();
    assertThat(measured.get(1)).hasValueCloseTo(alone, within(1e-12));
    assertThat(norms.of(List.of(), List.of(1))).containsExactly(OptionalDouble.empty());
  }

  @Test
  void medians_areOfTheUsers_notOfTheirExamples() {
    List<List<Example>> users =
        List.of(examples("a"), examples("b"), examples("c", "c", "c", "c", "c", "c", "c"));
    double expected =
        MeanGradientNorms.median(
            Stream.of("a", "b", "c").mapToDouble(text -> norm(text)).toArray());

    List<NormMeasurement> medians =
        norms.medians(users, /* sample= */ 10, List.of(1, 4), new SplittableRandom(1)::nextLong);

    assertThat(medians).extracting(NormMeasurement::groupSize).containsExactly(1, 4);
    assertThat(medians).allSatisfy(one -> assertThat(one.norm()).isCloseTo(expected, within(1e-9)));
  }

  private static double norm(String text) {
    return QuadraticEngine.target(text) * Math.sqrt(SIZE);
  }

  @Test
  void medians_lookAtNoMoreUsersThanTheSample() {
    List<List<Example>> users = Stream.of("a", "b", "c", "d").map(text -> examples(text)).toList();

    norms.medians(users, /* sample= */ 2, List.of(1), new SplittableRandom(1)::nextLong);

    assertThat(engine.cohortSizes).hasSize(2);
  }

  @Test
  void median_ofNone_isRefused() {
    assertThat(MeanGradientNorms.median(new double[] {3, 1, 2})).isEqualTo(2);
    assertThat(MeanGradientNorms.median(new double[] {4, 1, 2, 3})).isEqualTo(2.5);
    assertThatThrownBy(() -> MeanGradientNorms.median(new double[0]))
        .hasMessageContaining("no user has an example");
  }

  private static List<Example> examples(String... texts) {
    return Stream.of(texts).map(text -> new Example(null, text)).toList();
  }
}
