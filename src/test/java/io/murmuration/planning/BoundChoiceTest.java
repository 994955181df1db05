package io.murmuration.planning;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.privacy.accounting.PldAccountant;
import io.murmuration.privacy.mechanism.Sampler;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BoundChoiceTest {

  private static final List<Integer> POWERS = List.of(1, 2, 4, 8, 16, 32, 64);

  private static final PlanningTerms TERMS = new PlanningTerms(10_000, 4096, 2000, 4, 1e-6);

  private final BoundChoice choice = new BoundChoice(new PldAccountant());

  /** The reference, by RDP, has 2 for diversity 0, where 1 and 2 are within half a percent. */
  @ParameterizedTest
  @CsvSource({"0, 1", "3, 8", "24, 16"})
  void userLevel_findsTheMinimisersOfTheReference(double diversity, int expected) {
    assertThat(chosen(FittedNorms.ofDiversity(1, diversity))).isEqualTo(expected);
  }

  @Test
  void userLevel_usersAlike_oneAndTwoAreAsGood() {
    List<BoundPrediction> noise =
        choice.userLevelPredictions(TERMS, List.of(1, 2), FittedNorms.ofDiversity(1, 0));

    assertThat(noise.get(1).noise() / noise.get(0).noise()).isBetween(1.0, 1.005);
  }

  @ParameterizedTest
  @CsvSource({"0", "3", "24"})
  void userLevel_littleCompute_isOneForEveryDiversity(double diversity) {
    PlanningTerms little = new PlanningTerms(100_000, 1024, 2000, 4, 1e-6);

    Optional<BoundPrediction> chosen =
        choice.userLevel(little, POWERS, FittedNorms.ofDiversity(1, diversity));

    assertThat(chosen).map(BoundPrediction::groupSize).contains(1);
  }

  @Test
  void usersAlike_moreExamplesOfTheSameAreWorthNothing() {
    SyntheticPopulation alike = SyntheticPopulation.alike(/* users= */ 500, /* examples= */ 64);

    assertThat(chosen(FittedNorms.fit(alike.medianNorms(POWERS, /* seed= */ 1)))).isEqualTo(1);
    assertThat(alike.counts().median()).isEqualTo(64);
  }

  @ParameterizedTest
  @CsvSource({"3, 8", "24, 16"})
  void usersDiverse_theMeasuredNormsFindTheOptimumOfTheTruth(double diversity, int optimum) {
    SyntheticPopulation diverse =
        SyntheticPopulation.diverse(/* users= */ 500, /* examples= */ 64, diversity);
    assertThat(chosen(diverse.truth())).isEqualTo(optimum);

    List<NormMeasurement> measured = diverse.medianNorms(POWERS, /* seed= */ 2);

    assertThat(chosen(new MeasuredNorms(measured))).isEqualTo(optimum);
    assertThat(chosen(FittedNorms.fit(measured))).isEqualTo(optimum);
    assertThat(chosen(FittedNorms.fit(List.of(measured.get(0), measured.get(6)))))
        .isEqualTo(optimum);
  }

  @Test
  void oneWhale_movesNeitherRule() {
    SyntheticPopulation few =
        SyntheticPopulation.diverse(/* users= */ 500, /* examples= */ 64, /* diversity= */ 3);
    SyntheticPopulation withWhale = few.andOneWhale(/* examples= */ 100_000, /* norm= */ 1e4);

    assertThat(withWhale.counts().largest()).isEqualTo(100_000);
    assertThat(withWhale.counts().median()).isEqualTo(64);
    assertThat(chosen(new MeasuredNorms(withWhale.medianNorms(POWERS, /* seed= */ 3))))
        .isEqualTo(8);
    assertThat(withWhale.counts().kept(64).examples()).isLessThan(0.25);
    assertThat(withWhale.counts().kept(64).userMass()).isGreaterThan(0.99);
  }

  @Test
  void exampleLevel_isAtTheMedian() {
    CountDistribution counts = CountDistribution.ofCounts(IntStream.of(1, 2, 3, 5, 1000));

    Optional<BoundPrediction> chosen = choice.exampleLevel(TERMS, counts, /* exampleNorm= */ 2);

    assertThat(chosen).map(BoundPrediction::groupSize).contains(3);
    assertThat(chosen.orElseThrow().mechanism().samplingProbability())
        .isEqualTo(4096 / (10_000 * 2.4));
  }

  @Test
  void lessNoise_isTheSamplerThatNeedsLess() {
    CountDistribution counts = CountDistribution.ofCounts(IntStream.of(64));
    Optional<BoundPrediction> els = choice.exampleLevel(TERMS, counts, 1);
    Optional<BoundPrediction> diverse =
        choice.userLevel(TERMS, POWERS, FittedNorms.ofDiversity(1, 24));

    assertThat(BoundChoice.lessNoise(diverse, els))
        .map(BoundPrediction::sampler)
        .contains(Sampler.ULS);
    assertThat(BoundChoice.lessNoise(Optional.empty(), els)).isEqualTo(els);
    assertThat(BoundChoice.lessNoise(Optional.empty(), Optional.empty())).isEmpty();
    BoundPrediction less =
        new BoundPrediction(els.orElseThrow().mechanism(), diverse.orElseThrow().noise() / 2);
    assertThat(BoundChoice.lessNoise(diverse, Optional.of(less))).contains(less);
  }

  @Test
  void candidates_arePowersOfTwoThatAreFeasible_andTheSmallest() {
    assertThat(BoundChoice.candidates(TERMS, 64)).isEqualTo(POWERS);
    assertThat(BoundChoice.candidates(new PlanningTerms(1000, 5000, 1, 1, 0.1), 40))
        .containsExactly(5, 8, 16, 32);
    assertThat(BoundChoice.candidates(new PlanningTerms(1000, 5, 1, 1, 0.1), 64))
        .containsExactly(1, 2, 4);
    assertThat(BoundChoice.candidates(new PlanningTerms(1, 5, 1, 1, 0.1), 4)).isEmpty();
  }

  private int chosen(NormModel norms) {
    return choice.userLevel(TERMS, POWERS, norms).orElseThrow().groupSize();
  }
}
