package io.murmuration.calibration;

import static org.assertj.core.api.Assertions.assertThat;

import io.murmuration.calibration.CalibrationTerms.Recalibration;
import io.murmuration.planning.RoundDuration.Load;
import org.junit.jupiter.api.Test;

class CalibrationChoiceTest {

  @Test
  void roundsMayHaveToDoWhateverMayBeChosenAndTheMeasurementOfNorms() {
    assertThat(new CalibrationChoice(Terms.userLevel(Recalibration.NEVER)).loads())
        .containsExactlyInAnyOrder(
            new Load("training", 4_096, 1),
            new Load("training", 2_048, 2),
            new Load("training", 1_024, 4),
            new Load("training", 512, 8),
            new Load("training", 256, 16),
            new Load("training", 128, 32),
            // 0.1 of 10,000 users, each at 1 + 2 + 4 + 8 + 16 + 32 examples
            new Load("measuring norms", 1_000, 63));
  }

  @Test
  void examplesAreTheUnitsOfExampleLevelSamplingAndCountingTakesNoGradients() {
    assertThat(new CalibrationChoice(Terms.exampleLevel(/* norms= */ null)).loads())
        .isNotEmpty()
        .allSatisfy(
            load -> {
              assertThat(load.round()).isEqualTo("training");
              assertThat(load.expectedUnits()).isEqualTo(512);
              assertThat(load.examplesPerUnit()).isOne();
              assertThat(load.variancePerUnit()).isBetween(1.0, 1.0 + 32 * 3);
            });
  }
}
