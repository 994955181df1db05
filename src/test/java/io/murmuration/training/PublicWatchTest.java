package io.murmuration.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.murmuration.event.Example;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PublicWatchTest {

  private static final List<Example> TEXTS =
      List.of(new Example(null, "short"), new Example("before", "long"));
  private static final RoundOutcome.Statistics NOBODY = new RoundOutcome.Statistics(0, 0, 0, 0, 0);
  private static final RoundOutcome.Statistics ALL_FAILED =
      new RoundOutcome.Statistics(3, 0, 3, 0, 0);
  private static final RoundOutcome.Statistics ALL_WELL =
      new RoundOutcome.Statistics(3, 1, 0, 90, 9);

  private final List<String> asked = new ArrayList<>();

  @Test
  void aModelThatFailsOnPublicTextIsAFaultOfEverybody() {
    PublicWatch watch = new PublicWatch(engine(/* broken= */ true), TEXTS);
    assertThatThrownBy(() -> watch.beforeFirstRound(new float[1]))
        .isInstanceOf(PublicFaultException.class)
        .hasMessageStartingWith("before the first round the model must have a finite gradient");
    assertThatThrownBy(() -> watch.afterRound(7, new float[1], ALL_WELL))
        .isInstanceOf(PublicFaultException.class)
        .hasMessageStartingWith("after round 7");
  }

  /**
   * The planted fault would be to halt, or to look at all, because of what the cohort did: with one
   * user who fails and nobody else, an observer would learn that they took part.
   */
  @Test
  void whatTheCohortDidNeverDecides() {
    for (RoundOutcome.Statistics cohort : List.of(NOBODY, ALL_FAILED, ALL_WELL)) {
      new PublicWatch(engine(/* broken= */ false), TEXTS).afterRound(1, new float[1], cohort);
      assertThatThrownBy(
              () ->
                  new PublicWatch(engine(/* broken= */ true), TEXTS)
                      .afterRound(1, new float[1], cohort))
          .isInstanceOf(PublicFaultException.class);
    }
    assertThat(asked).as("the same work each time").hasSize(6).containsOnly("long");
  }

  @Test
  void everyTextIsTriedBeforeTheFirstRound() {
    new PublicWatch(engine(/* broken= */ false), TEXTS).beforeFirstRound(new float[1]);
    assertThat(asked).containsExactly("short", "long");
    assertThatThrownBy(() -> new PublicWatch(engine(false), List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private GradientEngine engine(boolean broken) {
    return new GradientEngine() {
      @Override
      public ParameterLayout layout() {
        throw new UnsupportedOperationException();
      }

      @Override
      public float[] initialParameters() {
        throw new UnsupportedOperationException();
      }

      @Override
      public ClippedSum clippedSum(float[] parameters, List<PrivacySlice> slices, RoundGrid grid) {
        throw new UnsupportedOperationException();
      }

      @Override
      public double[] norms(float[] parameters, List<PrivacySlice> slices) {
        throw new UnsupportedOperationException();
      }

      @Override
      public Optional<double[]> gradient(float[] parameters, PrivacySlice slice) {
        asked.add(slice.examples().get(0).text());
        return broken ? Optional.empty() : Optional.of(new double[] {1});
      }

      @Override
      public void close() {}
    };
  }
}
